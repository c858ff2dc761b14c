//! InceptionResNetFashion, the paper's network: its free parameters and its nodes.
//!
//! The paper's text does not include its figures; this interpretation was chosen to match the four
//! published parameter counts within 0.4 %.

use crate::{Network, NetworkBuilder, NodeId, Op, Range, Shape, SpecError};
use serde::{Deserialize, Serialize};

/// Input and output channels of every Inception-ResNet block.
const TRUNK: usize = 64;
/// Channels of the first five convolutions of a branch; each further one adds 16.
const BRANCH: [usize; 5] = [32, 32, 48, 80, 96];
const EPSILON: f64 = 1e-3;
const MOMENTUM: f64 = 0.1;

/// A position of a dropout layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropoutPlace {
    /// After the Input block.
    Input,
    /// After the last Inception-ResNet block.
    Blocks,
    /// After the Reduction block.
    Reduction,
    /// Before the dense layer.
    Dense,
}

impl DropoutPlace {
    /// All four positions, as in the paper.
    pub const ALL: [Self; 4] = [Self::Input, Self::Blocks, Self::Reduction, Self::Dense];
    /// The names of the positions in a configuration.
    pub const NAMES: [&str; 4] = ["input", "blocks", "reduction", "dense"];
}

/// The free parameters of InceptionResNetFashion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InceptionResNet {
    /// L, the number of Inception-ResNet blocks.
    pub length: usize,
    /// W, the number of branches of a block.
    pub width: usize,
    /// D, the dropout rate.
    pub dropout: f64,
    /// Positions of dropout layers.
    pub dropout_places: Vec<DropoutPlace>,
    /// Stride of the Input block's convolution: 1 in the paper; 2 needs a quarter of the arithmetic.
    pub stem_stride: usize,
    /// Whether a block adds its input: y = ReLU(x + scale * projection), else ReLU(projection).
    pub residual: bool,
    /// Factor of the projection in the sum.
    pub residual_scale: f64,
}

impl Default for InceptionResNet {
    /// The paper's best configuration.
    fn default() -> Self {
        Self {
            length: 4,
            width: 5,
            dropout: 0.3,
            dropout_places: DropoutPlace::ALL.to_vec(),
            stem_stride: 1,
            residual: true,
            residual_scale: 0.2,
        }
    }
}

impl InceptionResNet {
    /// Allowed lengths.
    pub const LENGTH: Range = Range::Whole(0, 64);
    /// Allowed widths.
    pub const WIDTH: Range = Range::Whole(1, 8);
    /// Allowed strides of the first convolution.
    pub const STEM_STRIDE: Range = Range::Whole(1, 4);

    /// The network for images of shape `input` and `classes` classes.
    ///
    /// # Errors
    /// If a setting is out of range or the images are too small.
    pub fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        self.check(classes)?;
        let mut b = NetworkBuilder::default();
        let image = b.add("image", Op::Input { shape: input }, &[])?;
        let mut x = conv_bn(&mut b, "input", image, 3, TRUNK, self.stem_stride)?;
        x = self.drop(&mut b, DropoutPlace::Input, x)?;
        for i in 0..self.length {
            x = self.block(&mut b, &format!("blocks.{i}"), x)?;
        }
        x = self.drop(&mut b, DropoutPlace::Blocks, x)?;
        x = reduction(&mut b, x)?;
        x = self.drop(&mut b, DropoutPlace::Reduction, x)?;
        x = b.add("output.pool", Op::AvgPool { kernel: 2 }, &[x])?;
        let channels = b.shape(x).channels;
        x = conv_bn(&mut b, "output", x, 1, channels, 1)?;
        x = b.add("output.mean", Op::GlobalAvgPool, &[x])?;
        x = self.drop(&mut b, DropoutPlace::Dense, x)?;
        x = b.add("dense", Op::Dense { units: classes }, &[x])?;
        b.add("probabilities", Op::Softmax, &[x])?;
        b.finish()
    }

    fn check(&self, classes: usize) -> Result<(), SpecError> {
        Self::LENGTH.check_whole("length", self.length)?;
        Self::WIDTH.check_whole("width", self.width)?;
        Range::RATE.check_number("dropout", self.dropout)?;
        Self::STEM_STRIDE.check_whole("stem_stride", self.stem_stride)?;
        Range::FINITE.check_number("residual_scale", self.residual_scale)?;
        crate::architecture::check_classes(classes)
    }

    fn drop(
        &self,
        b: &mut NetworkBuilder,
        place: DropoutPlace,
        x: NodeId,
    ) -> Result<NodeId, SpecError> {
        if self.dropout == 0.0 || !self.dropout_places.contains(&place) {
            return Ok(x);
        }
        let name = match place {
            DropoutPlace::Input => "input.dropout",
            DropoutPlace::Blocks => "blocks.dropout",
            DropoutPlace::Reduction => "reduction.dropout",
            DropoutPlace::Dense => "dense.dropout",
        };
        b.add(name, Op::Dropout { rate: self.dropout }, &[x])
    }

    /// Branch i is conv-bn(1) followed by i times conv-bn(3), so it sees (2i+1) x (2i+1) pixels.
    fn block(&self, b: &mut NetworkBuilder, name: &str, x: NodeId) -> Result<NodeId, SpecError> {
        let mut branches = Vec::with_capacity(self.width);
        for i in 0..self.width {
            let path = |j: usize| format!("{name}.branches.{i}.{j}");
            let mut y = conv_bn(b, &path(0), x, 1, branch_channels(0), 1)?;
            for j in 1..=i {
                y = conv_bn(b, &path(j), y, 3, branch_channels(j), 1)?;
            }
            branches.push(y);
        }
        let joined = b.add(format!("{name}.concat"), Op::Concat, &branches)?;
        let project = Op::Conv { kernel: 1, stride: 1, channels: TRUNK, bias: true };
        let mut y = b.add(format!("{name}.project"), project, &[joined])?;
        if self.residual {
            let scale = self.residual_scale;
            y = b.add(format!("{name}.add"), Op::ScaledAdd { scale }, &[x, y])?;
        }
        b.add(format!("{name}.relu"), Op::Relu, &[y])
    }
}

fn branch_channels(j: usize) -> usize {
    BRANCH.get(j).copied().unwrap_or(BRANCH[4] + 16 * j.saturating_sub(4))
}

/// Convolution without bias, batch normalisation, ReLU.
pub(crate) fn conv_bn(
    b: &mut NetworkBuilder,
    name: &str,
    x: NodeId,
    kernel: usize,
    channels: usize,
    stride: usize,
) -> Result<NodeId, SpecError> {
    let conv = Op::Conv { kernel, stride, channels, bias: false };
    let x = b.add(format!("{name}.conv"), conv, &[x])?;
    let norm = Op::BatchNorm { epsilon: EPSILON, momentum: MOMENTUM, scale: false };
    let x = b.add(format!("{name}.norm"), norm, &[x])?;
    b.add(format!("{name}.relu"), Op::Relu, &[x])
}

/// Halves the map in three parallel ways.
fn reduction(b: &mut NetworkBuilder, x: NodeId) -> Result<NodeId, SpecError> {
    let pool = b.add("reduction.pool", Op::MaxPool { kernel: 3, stride: 2 }, &[x])?;
    let conv = conv_bn(b, "reduction.conv", x, 3, 64, 2)?;
    let mut stack = conv_bn(b, "reduction.stack.0", x, 1, 32, 1)?;
    stack = conv_bn(b, "reduction.stack.1", stack, 3, 48, 1)?;
    stack = conv_bn(b, "reduction.stack.2", stack, 3, 64, 2)?;
    b.add("reduction.concat", Op::Concat, &[pool, conv, stack])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FASHION: Shape = Shape::new(28, 28, 1);

    fn paper(length: usize, width: usize) -> Network {
        let settings = InceptionResNet { length, width, ..Default::default() };
        settings.network(FASHION, 10).unwrap()
    }

    #[test]
    fn published_configurations_have_their_parameter_counts() {
        let count = |l, w| paper(l, w).trainable();
        assert_eq!([count(3, 4), count(4, 4)], [452_618, 563_418]);
        assert_eq!([count(3, 5), count(4, 5)], [858_218, 1_104_218]);
    }

    #[test]
    fn names_and_layout_agree_with_pytorch() {
        let parameters = paper(4, 5).parameters();
        let find = |name: &str| parameters.iter().find(|p| p.name == name).unwrap().shape.clone();
        assert_eq!(find("blocks.0.branches.2.1.conv.weight"), [32, 32, 3, 3]);
        assert_eq!(find("blocks.3.project.weight"), [64, 288, 1, 1]);
        assert_eq!(find("reduction.stack.2.norm.running_var"), [64]);
        assert_eq!(find("dense.weight"), [10, 192]);
    }

    #[test]
    fn stem_stride_two_costs_a_quarter() {
        let two = InceptionResNet { stem_stride: 2, ..Default::default() };
        let two = two.network(FASHION, 10).unwrap();
        assert_eq!(two.trainable(), 1_104_218);
        let ratio = paper(4, 5).multiply_adds() as f64 / two.multiply_adds() as f64;
        assert!((3.9..4.1).contains(&ratio), "{ratio}");
        assert!((0.79e9..0.81e9).contains(&(paper(4, 5).multiply_adds() as f64)));
    }

    #[test]
    fn a_description_survives_a_round_trip() {
        let network = paper(2, 3);
        let text = serde_json::to_string(&network).unwrap();
        assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), network);
        let broken = text.replacen("\"inputs\":[0]", "\"inputs\":[9000]", 1);
        let error = serde_json::from_str::<Network>(&broken).unwrap_err().to_string();
        assert!(error.contains("input 9000 does not come before it"), "{error}");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |s: InceptionResNet, shape| s.network(shape, 10).unwrap_err().to_string();
        let wide = InceptionResNet { width: 9, ..Default::default() };
        assert_eq!(error(wide, FASHION), "width: 9 is not a whole number from 1 to 8");
        let tiny = error(InceptionResNet::default(), Shape::new(2, 2, 1));
        assert_eq!(tiny, "node \"output.pool\": a 2x2 window does not fit into 1x1x192");
    }
}
