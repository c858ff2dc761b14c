"""InceptionResNetFashion in Keras, channels last, layers named by modiste's dotted paths.

Inputs are floats (n, 28, 28, 1) in [0, 1], outputs are logits (n, classes). Keras' "same" padding
of a strided convolution is not symmetric, so those are padded by a layer.
"""
import math

from keras import Model, layers

TRUNK = 64
RESIDUAL_SCALE = 0.2
BRANCH = (32, 32, 48, 80, 96)


def conv_bn(x, name, k, kernel, stride=1):
    """Convolution without bias, batch normalisation without scale, ReLU."""
    padding = "same"
    if stride > 1:
        x, padding = layers.ZeroPadding2D(kernel // 2)(x), "valid"
    conv = layers.Conv2D(k, kernel, stride, padding, use_bias=False, name=f"{name}.conv")
    norm = layers.BatchNormalization(scale=False, epsilon=1e-3, momentum=0.9, name=f"{name}.norm")
    return layers.ReLU()(norm(conv(x)))


def block(x, name, width):
    """Inception-ResNet block: branch i has i + 1 convolutions, the first 1x1 and the others 3x3."""
    branches = []
    for i in range(width):
        y = x
        for j in range(i + 1):
            y = conv_bn(y, f"{name}.branches.{i}.{j}", BRANCH[j], 3 if j else 1)
        branches.append(y)
    y = layers.Concatenate()(branches) if width > 1 else branches[0]
    y = layers.Conv2D(TRUNK, 1, name=f"{name}.project")(y)
    y = layers.Rescaling(RESIDUAL_SCALE)(y)
    return layers.ReLU()(layers.Add()([x, y]))


def reduction(x):
    """Three parallel branches that halve the map."""
    # The input is not negative, so padding with zeros changes no maximum.
    pooled = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    conv = conv_bn(x, "reduction.conv", 64, 3, stride=2)
    y = conv_bn(x, "reduction.stack.0", 32, 1)
    y = conv_bn(y, "reduction.stack.1", 48, 3)
    y = conv_bn(y, "reduction.stack.2", 64, 3, stride=2)
    return layers.Concatenate()([pooled, conv, y])


def inception_resnet(length, width, dropout, stem_stride, classes=10):
    """The whole network."""
    images = layers.Input((28, 28, 1))
    drop = layers.Dropout(dropout) if dropout else lambda x: x
    x = drop(conv_bn(images, "input", TRUNK, 3, stem_stride))
    for i in range(length):
        x = block(x, f"blocks.{i}", width)
    x = drop(reduction(drop(x)))
    x = conv_bn(layers.AveragePooling2D(2)(x), "output", TRUNK + 128, 1)
    x = drop(layers.GlobalAveragePooling2D()(x))
    return Model(images, layers.Dense(classes, name="dense")(x))


def parameter_count(model):
    """Number of trained values."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def load(model, tensors):
    """Loads weights with PyTorch's names and layouts."""
    def kernel(name):
        weight = tensors[f"{name}.weight"]
        return weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T

    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            names = ("bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{layer.name}.{name}"] for name in names])
        elif isinstance(layer, (layers.Conv2D, layers.Dense)):
            bias = [tensors[f"{layer.name}.bias"]] if layer.use_bias else []
            layer.set_weights([kernel(layer.name), *bias])
