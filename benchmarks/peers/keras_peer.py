"""The Keras 3 peer (on TensorFlow) of run.py: Keras' own training step, inference as a graph."""
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import keras_net
import protocol


def batches(settings):
    """Batches as tensors, converted before the clock starts."""
    for pixels, labels in protocol.batches(settings):
        images = pixels[..., None].astype(np.float32) / np.float32(255)
        yield tf.constant(images), tf.constant(labels)


def trainer(model, batches):
    """Returns a function that makes one training step."""
    model.compile(
        optimizer=keras.optimizers.Adam(protocol.LEARNING_RATE, epsilon=1e-8),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def step(number):
        # Keras keeps a running mean of the loss unless it is reset.
        loss = model.train_on_batch(*batches[number % len(batches)])
        model.reset_metrics()
        return lambda: [float(loss)]

    return step


def predictor(model, batches):
    """Returns a function that predicts one batch."""
    predict = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    def step(number):
        logits = predict(batches[number % len(batches)][0]).numpy()
        return lambda: logits[0].tolist()

    return step


def main():
    settings = protocol.settings()
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
    tf.config.threading.set_inter_op_parallelism_threads(settings.threads)
    model = keras_net.inception_resnet(
        settings.length, settings.width, settings.dropout, settings.stride
    )
    if settings.weights:
        keras_net.load(model, protocol.read_weights(settings.weights))
    make = trainer if settings.task == "train" else predictor
    step = make(model, list(batches(settings)))
    about = f"keras {keras.__version__} tensorflow {tf.__version__} {settings.threads} threads"
    protocol.serve(about, keras_net.parameter_count(model), settings.batch, step)


if __name__ == "__main__":
    main()
