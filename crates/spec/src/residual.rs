//! Residual networks: a plain one for short training, and wide ones.

use crate::architecture::{check_head, finish};
use crate::{Network, NetworkBuilder, NodeId, Op, Range, Shape, SpecError};
use serde::{Deserialize, Serialize};

/// A plain residual network. Each stage is a convolution, max-pooling 2/2, and a pair of
/// convolutions that is added to its input. One convolution with the channels of the first stage
/// comes before the stages; the global maximum, dropout and a dense layer follow them. Every
/// convolution is 3x3, normalised with a trained scale and followed by ReLU. The structure is that
/// of the networks that train CIFAR-10 fastest (Page 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// Channels of each stage.
    pub widths: Vec<usize>,
    /// The dropout rate before the dense layer.
    pub dropout: f64,
}

impl Default for Residual {
    /// 264,762 parameters and 9.7 million multiply-adds on grey images of 28x28 pixels and 10 classes.
    fn default() -> Self {
        Self { widths: vec![16, 48, 96], dropout: 0.0 }
    }
}

impl Residual {
    /// Allowed channels of the stages.
    pub const WIDTHS: Range = Range::Wholes(1, 1024, 6);

    pub(crate) fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        Self::WIDTHS.check_wholes("widths", &self.widths)?;
        check_head(self.dropout, classes)?;
        let mut b = NetworkBuilder::default();
        let mut x = b.add("image", Op::Input { shape: input }, &[])?;
        x = conv_norm_relu(&mut b, "stem", x, self.widths[0])?;
        for (stage, &channels) in self.widths.iter().enumerate() {
            let name = format!("stages.{stage}");
            x = conv_norm_relu(&mut b, &format!("{name}.widen"), x, channels)?;
            x = b.add(format!("{name}.pool"), Op::MaxPool { kernel: 2, stride: 2 }, &[x])?;
            let first = conv_norm_relu(&mut b, &format!("{name}.0"), x, channels)?;
            let second = conv_norm_relu(&mut b, &format!("{name}.1"), first, channels)?;
            x = b.add(format!("{name}.add"), Op::ScaledAdd { scale: 1.0 }, &[x, second])?;
        }
        x = b.add("max", Op::GlobalMaxPool, &[x])?;
        finish(b, x, self.dropout, classes)
    }
}

/// A wide residual network with normalisation and ReLU before each convolution (Zagoruyko and
/// Komodakis 2016; He et al. 2016): three stages of (depth - 4) / 6 blocks of two 3x3 convolutions,
/// with 16, 32 and 64 times `widening` channels; the second and third stage begin at stride 2; then
/// global average pool, dense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WideResNet {
    /// Number of consecutive convolutions (without those of shortcuts) plus the dense layer: 6 n + 4.
    pub depth: usize,
    /// Factor of all channels except the stem's.
    pub widening: usize,
    /// The dropout rate between the two convolutions of a block.
    pub dropout: f64,
}

impl Default for WideResNet {
    /// 691,386 parameters on grey images of 10 classes.
    fn default() -> Self {
        Self { depth: 16, widening: 2, dropout: 0.0 }
    }
}

impl WideResNet {
    /// Range of the depth, of which every sixth value is allowed.
    pub const DEPTH: Range = Range::Whole(10, 154);
    /// Allowed factors of the channels.
    pub const WIDENING: Range = Range::Whole(1, 16);

    pub(crate) fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        Self::DEPTH.check_whole("depth", self.depth)?;
        Self::WIDENING.check_whole("widening", self.widening)?;
        if !(self.depth - 4).is_multiple_of(6) {
            let (value, range) = (self.depth.to_string(), "4 more than a multiple of 6".into());
            return Err(SpecError::Setting { setting: "depth", value, range });
        }
        check_head(self.dropout, classes)?;
        let mut b = NetworkBuilder::default();
        let image = b.add("image", Op::Input { shape: input }, &[])?;
        let mut x = b.add("stem.conv", conv(3, 1, 16), &[image])?;
        for stage in 0..3 {
            let channels = (16 * self.widening) << stage;
            for block in 0..(self.depth - 4) / 6 {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let name = format!("stages.{stage}.{block}");
                x = self.block(&mut b, &name, x, channels, stride)?;
            }
        }
        x = norm_relu(&mut b, "last", x)?;
        x = b.add("mean", Op::GlobalAvgPool, &[x])?;
        finish(b, x, 0.0, classes)
    }

    fn block(
        &self,
        b: &mut NetworkBuilder,
        name: &str,
        x: NodeId,
        channels: usize,
        stride: usize,
    ) -> Result<NodeId, SpecError> {
        let active = norm_relu(b, &format!("{name}.0"), x)?;
        let mut y = b.add(format!("{name}.0.conv"), conv(3, stride, channels), &[active])?;
        y = norm_relu(b, &format!("{name}.1"), y)?;
        if self.dropout > 0.0 {
            y = b.add(format!("{name}.dropout"), Op::Dropout { rate: self.dropout }, &[y])?;
        }
        y = b.add(format!("{name}.1.conv"), conv(3, 1, channels), &[y])?;
        let alike = stride == 1 && b.shape(x).channels == channels;
        let skipped = match alike {
            true => x,
            false => b.add(format!("{name}.shortcut"), conv(1, stride, channels), &[active])?,
        };
        b.add(format!("{name}.add"), Op::ScaledAdd { scale: 1.0 }, &[skipped, y])
    }
}

fn conv(kernel: usize, stride: usize, channels: usize) -> Op {
    Op::Conv { kernel, stride, channels, bias: false }
}

/// Batch normalisation with a trained scale, PyTorch's settings, and ReLU.
fn norm_relu(b: &mut NetworkBuilder, name: &str, x: NodeId) -> Result<NodeId, SpecError> {
    let norm = Op::BatchNorm { epsilon: 1e-5, momentum: 0.1, scale: true };
    let x = b.add(format!("{name}.norm"), norm, &[x])?;
    b.add(format!("{name}.relu"), Op::Relu, &[x])
}

fn conv_norm_relu(
    b: &mut NetworkBuilder,
    name: &str,
    x: NodeId,
    channels: usize,
) -> Result<NodeId, SpecError> {
    let x = b.add(format!("{name}.conv"), conv(3, 1, channels), &[x])?;
    norm_relu(b, name, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FASHION: Shape = Shape::new(28, 28, 1);

    #[test]
    fn residual_networks_have_the_sizes_of_the_recipes() {
        let sizes = |channels: usize| {
            let widths = vec![channels, 2 * channels, 4 * channels];
            let network = Residual { widths, dropout: 0.0 }.network(FASHION, 10).unwrap();
            (network.trainable(), network.multiply_adds())
        };
        // Each convolution has 9 x inputs x outputs weights, and a scale and a shift per output.
        let sides = [(1, 16), (16, 16), (16, 16), (16, 16), (16, 32), (32, 32), (32, 32)];
        let last = [(32, 64), (64, 64), (64, 64)];
        let weights: usize = sides.iter().chain(&last).map(|(i, o)| 9 * i * o + 2 * o).sum();
        assert_eq!(sizes(16).0, weights + 10 * 65);
        assert_eq!(sizes(24).1 / 100_000, 138);
        assert_eq!(sizes(24).0, 276_994);
        let network = Residual::default().network(FASHION, 10).unwrap();
        assert_eq!((network.trainable(), network.multiply_adds() / 100_000), (264_762, 97));
        let none = Residual { widths: vec![], dropout: 0.0 };
        let error = none.network(FASHION, 10).unwrap_err().to_string();
        let range = "1 to 6 comma-separated whole numbers from 1 to 1024";
        assert_eq!(error, format!("widths:  is not {range}"));
    }

    #[test]
    fn wide_networks_have_the_published_parameters() {
        let sizes = |depth, widening| {
            let settings = WideResNet { depth, widening, dropout: 0.0 };
            // On CIFAR-10, with three channels.
            settings.network(Shape::new(32, 32, 3), 10).unwrap().trainable()
        };
        // Zagoruyko and Komodakis 2016, table 1 and 4: WRN-40-1 0.6M, WRN-16-4 2.8M, WRN-40-2 2.2M.
        assert_eq!(
            [sizes(40, 1) / 10_000, sizes(16, 4) / 10_000, sizes(40, 2) / 10_000],
            [56, 274, 224]
        );
        let grey = WideResNet::default().network(FASHION, 10).unwrap().trainable();
        assert_eq!(grey, 691_386);
        let odd = WideResNet { depth: 17, ..WideResNet::default() };
        let error = odd.network(FASHION, 10).unwrap_err().to_string();
        assert_eq!(error, "depth: 17 is not 4 more than a multiple of 6");
    }
}
