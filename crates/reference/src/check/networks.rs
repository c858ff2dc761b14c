//! Small networks that together have every operation in every setting that an engine might treat
//! specially.

use modiste_spec::{
    Architecture, Cnn, DropoutPlace, InceptionResNet, Mlp, Network, NetworkBuilder, NodeId, Op,
    Residual, Shape, WideResNet,
};

/// A network under construction; nodes must fit.
#[derive(Default)]
struct Sketch {
    builder: NetworkBuilder,
    nodes: usize,
}

impl Sketch {
    fn new(height: usize, width: usize, channels: usize) -> (Self, NodeId) {
        let mut sketch = Self::default();
        let image = sketch.add(Op::Input { shape: Shape::new(height, width, channels) }, &[]);
        (sketch, image)
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        let name = format!("{}{}", op.name(), self.nodes);
        self.nodes += 1;
        self.builder.add(name, op, inputs).expect("a test network that fits")
    }

    fn conv(&mut self, x: NodeId, kernel: usize, stride: usize, channels: usize) -> NodeId {
        self.add(Op::Conv { kernel, stride, channels, bias: false }, &[x])
    }

    fn conv_bias(&mut self, x: NodeId, kernel: usize, stride: usize, channels: usize) -> NodeId {
        self.add(Op::Conv { kernel, stride, channels, bias: true }, &[x])
    }

    fn norm(&mut self, x: NodeId) -> NodeId {
        self.add(Op::BatchNorm { epsilon: 1e-3, momentum: 0.1, scale: false }, &[x])
    }

    fn relu(&mut self, x: NodeId) -> NodeId {
        self.add(Op::Relu, &[x])
    }

    fn conv_bn(&mut self, x: NodeId, kernel: usize, stride: usize, channels: usize) -> NodeId {
        let x = self.conv(x, kernel, stride, channels);
        let x = self.norm(x);
        self.relu(x)
    }

    /// Global average pool, dense layer, softmax.
    fn head(mut self, x: NodeId, units: usize) -> Network {
        let x = self.add(Op::GlobalAvgPool, &[x]);
        let x = self.add(Op::Dense { units }, &[x]);
        self.finish(x)
    }

    fn finish(mut self, logits: NodeId) -> Network {
        self.add(Op::Softmax, &[logits]);
        self.builder.finish().expect("a test network that is whole")
    }
}

/// Realistic networks: every operation, kernels 1, 3 and 5, strides 1 to 3, odd and oblong maps,
/// grey and coloured images, 2 to 7 classes. Each is small enough for the reference, and normalises
/// at least four values per channel even for a single image.
pub fn networks() -> Vec<(&'static str, Network)> {
    vec![
        ("plain 3x3", plain()),
        ("kernels and strides", kernels()),
        ("pools", pools()),
        ("branches and sums", branches()),
        ("dropout", dropout()),
        ("vector lengths", vector_lengths()),
        ("inception, four dropouts", inception(1, 3, 0.3, 1, true, Shape::new(10, 8, 3), 5)),
        ("inception, stride 2", inception(2, 2, 0.0, 2, true, Shape::new(15, 17, 1), 3)),
        ("inception, no residual", inception(1, 2, 0.0, 1, false, Shape::new(8, 9, 1), 2)),
        ("plain convolutional", {
            let cnn = Cnn { channels: 5, stages: 2, dropout: 0.3 };
            Architecture::Cnn(cnn).network(Shape::new(9, 8, 1), 3).expect("a network that fits")
        }),
        ("residual", {
            let residual = Residual { widths: vec![5, 10, 20], dropout: 0.2 };
            let residual = Architecture::Residual(residual);
            residual.network(Shape::new(26, 25, 1), 3).expect("a network that fits")
        }),
        ("wide residual", {
            let wide = WideResNet { depth: 10, widening: 1, dropout: 0.2 };
            let wide = Architecture::WideResnet(wide);
            wide.network(Shape::new(8, 9, 3), 4).expect("a network that fits")
        }),
        ("scales and maxima", scales_and_maxima()),
        ("flattened", flattened()),
        ("perceptron", {
            let mlp = Mlp { units: 9, layers: 2, dropout: 0.3 };
            Architecture::Mlp(mlp).network(Shape::new(5, 4, 1), 4).expect("a network that fits")
        }),
    ]
}

/// Unrealistic networks that the description allows; an engine may refuse them with
/// `EngineError::Unsupported`, but must not compute them wrongly.
pub fn unusual_networks() -> Vec<(&'static str, Network)> {
    vec![
        ("logits from a pool", pool_logits()),
        ("operations on the image", on_the_image()),
        ("the same input twice", twice()),
        ("two dense layers", two_dense()),
        ("one pixel", one_pixel()),
        ("dropout on the image", dropout_on_the_image()),
        ("a sum of joined parts", sum_of_joined()),
        ("the image among the summands", image_in_a_sum()),
    ]
}

fn plain() -> Network {
    let (mut s, image) = Sketch::new(5, 7, 1);
    let x = s.conv_bn(image, 3, 1, 4);
    s.head(x, 2)
}

fn kernels() -> Network {
    let (mut s, image) = Sketch::new(13, 11, 3);
    let mut x = s.conv_bn(image, 5, 1, 6);
    x = s.conv_bn(x, 1, 2, 5);
    x = s.conv_bias(x, 3, 1, 7);
    x = s.relu(x);
    x = s.conv_bn(x, 5, 2, 9);
    x = s.conv_bias(x, 3, 3, 4);
    s.head(x, 3)
}

fn pools() -> Network {
    let (mut s, image) = Sketch::new(11, 14, 1);
    let mut x = s.conv_bn(image, 3, 1, 5);
    x = s.add(Op::MaxPool { kernel: 3, stride: 1 }, &[x]);
    x = s.conv_bn(x, 1, 1, 6);
    x = s.add(Op::AvgPool { kernel: 2 }, &[x]);
    let strided = s.add(Op::MaxPool { kernel: 5, stride: 3 }, &[x]);
    let small = s.add(Op::MaxPool { kernel: 3, stride: 3 }, &[x]);
    let x = s.add(Op::Concat, &[strided, small]);
    s.head(x, 7)
}

fn scales_and_maxima() -> Network {
    let (mut s, image) = Sketch::new(9, 7, 1);
    let scaled = Op::BatchNorm { epsilon: 1e-3, momentum: 0.1, scale: true };
    let mut parts = Vec::new();
    // Side by side, with and without a scale.
    for (channels, norm) in [(5, Some(true)), (16, Some(false)), (3, None)] {
        let x = s.conv(image, 3, 1, channels);
        parts.push(match norm {
            Some(true) => s.add(scaled.clone(), &[x]),
            Some(false) => s.norm(x),
            None => x,
        });
    }
    let x = s.add(Op::Concat, &parts);
    let x = s.add(Op::MaxPool { kernel: 2, stride: 2 }, &[x]);
    let x = s.add(scaled.clone(), &[x]);
    let x = s.conv(x, 1, 1, 9);
    let x = s.add(scaled, &[x]);
    let x = s.relu(x);
    let x = s.add(Op::MaxPool { kernel: 4, stride: 1 }, &[x]);
    let x = s.add(Op::GlobalMaxPool, &[x]);
    let x = s.add(Op::Dense { units: 3 }, &[x]);
    s.finish(x)
}

/// Rows of maps with and without padding, of the image beside another reader, and of one pixel.
fn flattened() -> Network {
    let (mut s, image) = Sketch::new(6, 5, 1);
    let mut ends = vec![s.add(Op::Flatten, &[image])];
    let x = s.conv_bn(image, 3, 1, 5);
    let x = s.add(Op::MaxPool { kernel: 2, stride: 2 }, &[x]);
    let row = s.add(Op::Flatten, &[x]);
    let row = s.add(Op::Dropout { rate: 0.2 }, &[row]);
    ends.push(s.relu(row));
    let y = s.conv_bn(x, 1, 1, 16);
    let y = s.add(Op::Flatten, &[y]);
    let y = s.add(Op::Dense { units: 7 }, &[y]);
    let y = s.relu(y);
    ends.push(s.add(Op::Flatten, &[y]));
    let x = s.add(Op::Concat, &ends);
    let x = s.add(Op::Dense { units: 4 }, &[x]);
    s.finish(x)
}

/// A network in which outputs are used one, two or three times.
fn branches() -> Network {
    let (mut s, image) = Sketch::new(7, 5, 3);
    let trunk = s.conv_bn(image, 3, 1, 5);
    let a = s.conv_bn(trunk, 1, 1, 3);
    let b = s.conv_bn(trunk, 3, 1, 1);
    let c = s.conv_bn(a, 3, 1, 8);
    let joined = s.add(Op::Concat, &[a, b, c]);
    let projected = s.conv_bias(joined, 1, 1, 5);
    let sum = s.add(Op::ScaledAdd { scale: 0.2 }, &[trunk, projected]);
    let first = s.relu(sum);
    let y = s.conv_bn(first, 3, 1, 5);
    let sum = s.add(Op::ScaledAdd { scale: -0.7 }, &[y, first]);
    s.head(sum, 4)
}

fn dropout() -> Network {
    let (mut s, image) = Sketch::new(6, 9, 1);
    let mut x = s.conv_bn(image, 3, 2, 6);
    x = s.add(Op::Dropout { rate: 0.3 }, &[x]);
    x = s.conv_bn(x, 3, 1, 5);
    x = s.add(Op::Dropout { rate: 0.5 }, &[x]);
    x = s.add(Op::GlobalAvgPool, &[x]);
    x = s.add(Op::Dropout { rate: 0.1 }, &[x]);
    x = s.add(Op::Dense { units: 6 }, &[x]);
    s.finish(x)
}

/// Channels on both sides of the usual vector widths.
fn vector_lengths() -> Network {
    let (mut s, image) = Sketch::new(6, 5, 1);
    let mut x = image;
    for channels in [16, 17, 31, 8, 33] {
        x = s.conv_bn(x, 3, 1, channels);
    }
    s.head(x, 5)
}

fn inception(
    length: usize,
    width: usize,
    rate: f64,
    stem_stride: usize,
    residual: bool,
    input: Shape,
    classes: usize,
) -> Network {
    let settings = InceptionResNet {
        length,
        width,
        dropout: rate,
        dropout_places: DropoutPlace::ALL.to_vec(),
        stem_stride,
        residual,
        residual_scale: 0.2,
    };
    settings.network(input, classes).expect("a test network that fits")
}

fn pool_logits() -> Network {
    let (mut s, image) = Sketch::new(5, 6, 1);
    let x = s.conv_bn(image, 3, 1, 4);
    let x = s.conv_bias(x, 1, 1, 3);
    let x = s.add(Op::GlobalAvgPool, &[x]);
    s.finish(x)
}

fn on_the_image() -> Network {
    let (mut s, image) = Sketch::new(9, 8, 3);
    let mut x = s.add(Op::MaxPool { kernel: 3, stride: 2 }, &[image]);
    x = s.norm(x);
    x = s.add(Op::Dropout { rate: 0.2 }, &[x]);
    s.head(x, 3)
}

fn twice() -> Network {
    let (mut s, image) = Sketch::new(5, 5, 1);
    let x = s.conv_bn(image, 3, 1, 3);
    let joined = s.add(Op::Concat, &[x, x]);
    let alone = s.add(Op::Concat, &[joined]);
    let x = s.add(Op::ScaledAdd { scale: 0.5 }, &[alone, alone]);
    s.head(x, 2)
}

fn two_dense() -> Network {
    let (mut s, image) = Sketch::new(4, 6, 1);
    let x = s.conv_bn(image, 3, 1, 6);
    let x = s.add(Op::GlobalAvgPool, &[x]);
    let x = s.add(Op::Dense { units: 7 }, &[x]);
    let x = s.relu(x);
    let x = s.add(Op::Dense { units: 3 }, &[x]);
    s.finish(x)
}

fn one_pixel() -> Network {
    let (mut s, image) = Sketch::new(1, 1, 5);
    let x = s.conv_bias(image, 3, 1, 6);
    let x = s.relu(x);
    let x = s.add(Op::Dense { units: 4 }, &[x]);
    s.finish(x)
}

/// Dropout makes a plan for training copy the image; a plan for prediction has no dropout.
fn dropout_on_the_image() -> Network {
    let (mut s, image) = Sketch::new(8, 7, 1);
    let dropped = s.add(Op::Dropout { rate: 0.3 }, &[image]);
    let a = s.conv_bn(dropped, 3, 1, 5);
    let kept = s.add(Op::Dropout { rate: 0.0 }, &[image]);
    let b = s.conv_bias(kept, 5, 1, 3);
    let c = s.conv(image, 3, 1, 2);
    let x = s.add(Op::Concat, &[a, b, c]);
    s.head(x, 3)
}

/// Parts of 5, 3 and 16 channels lie apart; a sum lies side by side, other readers read the parts.
fn sum_of_joined() -> Network {
    let (mut s, image) = Sketch::new(6, 7, 1);
    let parts = [5, 3, 16].map(|channels| s.conv_bn(image, 3, 1, channels));
    let joined = s.add(Op::Concat, &parts);
    let more = s.conv_bias(joined, 1, 1, 24);
    let sum = s.add(Op::ScaledAdd { scale: 0.5 }, &[joined, more]);
    let again = s.add(Op::ScaledAdd { scale: -1.0 }, &[sum, joined]);
    let y = s.conv_bn(joined, 3, 1, 4);
    let x = s.add(Op::Concat, &[again, y, joined]);
    let x = s.conv_bn(x, 3, 2, 7);
    s.head(x, 3)
}

/// An image of as many channels as a vector has lanes needs no padding, and takes no gradient.
fn image_in_a_sum() -> Network {
    let (mut s, image) = Sketch::new(5, 4, 16);
    let x = s.add(Op::MaxPool { kernel: 3, stride: 1 }, &[image]);
    let x = s.conv(x, 3, 1, 16);
    let x = s.add(Op::ScaledAdd { scale: 0.3 }, &[image, x]);
    let x = s.add(Op::ScaledAdd { scale: 0.3 }, &[x, image]);
    s.head(x, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_there() {
        let all = networks();
        let found: BTreeSet<&str> =
            all.iter().flat_map(|(_, n)| n.nodes()).map(|node| node.op.name()).collect();
        assert_eq!(found.len(), 14, "{found:?}");
        let classes: BTreeSet<usize> = all.iter().map(|(_, n)| n.classes()).collect();
        assert_eq!(classes, (2..=7).collect());
    }

    #[test]
    fn a_single_image_is_enough_for_batch_normalisation() {
        for (name, network) in networks() {
            let norms = network.nodes().iter().filter(|n| matches!(n.op, Op::BatchNorm { .. }));
            let fewest = norms.map(|n| n.shape.pixels()).min().unwrap_or(usize::MAX);
            assert!(fewest >= 4, "{name}: {fewest}");
        }
    }
}
