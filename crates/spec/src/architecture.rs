//! Architectures: the paper's network, and others for comparison.
//!
//! An architecture is a set of free parameters, from which its nodes are built. To add one, add a
//! variant here and a row for each new field to the configuration's table of fields.

use crate::{
    InceptionResNet, Network, NetworkBuilder, NodeId, Op, Range, Residual, Shape, SpecError,
    WideResNet,
};
use serde::{Deserialize, Serialize};

/// The networks that can be trained, with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "snake_case")]
pub enum Architecture {
    /// The paper's network.
    InceptionResnet(InceptionResNet),
    /// A plain residual network.
    Residual(Residual),
    /// A wide residual network.
    WideResnet(WideResNet),
    /// A sequence of convolutions.
    Cnn(Cnn),
    /// A sequence of dense layers.
    Mlp(Mlp),
}

impl Architecture {
    /// The name of each architecture, the paper's first.
    pub const KINDS: [&str; 5] = ["inception_resnet", "residual", "wide_resnet", "cnn", "mlp"];

    /// The architecture of that name with its default settings.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "inception_resnet" => Some(Self::InceptionResnet(InceptionResNet::default())),
            "residual" => Some(Self::Residual(Residual::default())),
            "wide_resnet" => Some(Self::WideResnet(WideResNet::default())),
            "cnn" => Some(Self::Cnn(Cnn::default())),
            "mlp" => Some(Self::Mlp(Mlp::default())),
            _ => None,
        }
    }

    /// The name of the architecture.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InceptionResnet(_) => Self::KINDS[0],
            Self::Residual(_) => Self::KINDS[1],
            Self::WideResnet(_) => Self::KINDS[2],
            Self::Cnn(_) => Self::KINDS[3],
            Self::Mlp(_) => Self::KINDS[4],
        }
    }

    /// The settings of the paper's network, if it is that one.
    pub fn inception(&self) -> Option<&InceptionResNet> {
        match self {
            Self::InceptionResnet(settings) => Some(settings),
            Self::Residual(_) | Self::WideResnet(_) | Self::Cnn(_) | Self::Mlp(_) => None,
        }
    }

    /// The network for images of shape `input` and `classes` classes.
    ///
    /// # Errors
    /// If a setting is out of range or the images are too small.
    pub fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        match self {
            Self::InceptionResnet(settings) => settings.network(input, classes),
            Self::Residual(settings) => settings.network(input, classes),
            Self::WideResnet(settings) => settings.network(input, classes),
            Self::Cnn(settings) => settings.network(input, classes),
            Self::Mlp(settings) => settings.network(input, classes),
        }
    }
}

/// Describes the size in a few words.
impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InceptionResnet(InceptionResNet { length, width, stem_stride, .. }) => {
                write!(f, "L = {length}, W = {width}, stem stride {stem_stride}")
            }
            Self::Residual(Residual { widths, .. }) => {
                let widths: Vec<_> = widths.iter().map(usize::to_string).collect();
                write!(f, "residual network, stages of {} channels", widths.join(", "))
            }
            Self::WideResnet(WideResNet { depth, widening, .. }) => {
                write!(f, "wide ResNet {depth}-{widening}")
            }
            Self::Cnn(Cnn { channels, stages, .. }) => {
                write!(f, "cnn of {stages} stages, {channels} channels in the first")
            }
            Self::Mlp(Mlp { units, layers, .. }) => {
                write!(f, "mlp of {layers} hidden layers, {units} units each")
            }
        }
    }
}

impl Default for Architecture {
    /// The paper's best configuration.
    fn default() -> Self {
        Self::InceptionResnet(InceptionResNet::default())
    }
}

impl From<InceptionResNet> for Architecture {
    fn from(settings: InceptionResNet) -> Self {
        Self::InceptionResnet(settings)
    }
}

/// A plain convolutional network: `stages` times two 3x3 convolutions, each normalised and followed by
/// ReLU, with max-pooling 3/2 between stages and twice the channels in each further one; global
/// average pool, dropout, dense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Channels of the first stage.
    pub channels: usize,
    /// Number of stages.
    pub stages: usize,
    /// The dropout rate before the dense layer.
    pub dropout: f64,
}

impl Default for Cnn {
    /// About as many parameters as the paper's best network: 1,148,362 on grey images of 10 classes.
    fn default() -> Self {
        Self { channels: 64, stages: 3, dropout: 0.3 }
    }
}

impl Cnn {
    /// Allowed channels of the first stage.
    pub const CHANNELS: Range = Range::Whole(1, 1024);
    /// Allowed numbers of stages.
    pub const STAGES: Range = Range::Whole(1, 6);

    fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        Self::CHANNELS.check_whole("channels", self.channels)?;
        Self::STAGES.check_whole("stages", self.stages)?;
        check_head(self.dropout, classes)?;
        let mut b = NetworkBuilder::default();
        let mut x = b.add("image", Op::Input { shape: input }, &[])?;
        for stage in 0..self.stages {
            if stage > 0 {
                let pool = Op::MaxPool { kernel: 3, stride: 2 };
                x = b.add(format!("stages.{stage}.pool"), pool, &[x])?;
            }
            for i in 0..2 {
                let name = format!("stages.{stage}.{i}");
                x = crate::inception::conv_bn(&mut b, &name, x, 3, self.channels << stage, 1)?;
            }
        }
        x = b.add("mean", Op::GlobalAvgPool, &[x])?;
        finish(b, x, self.dropout, classes)
    }
}

/// A multi-layer perceptron: the flattened image, `layers` hidden dense layers of `units` units
/// with ReLU, dropout, dense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Units of each hidden layer.
    pub units: usize,
    /// Number of hidden layers.
    pub layers: usize,
    /// The dropout rate before the last layer.
    pub dropout: f64,
}

impl Default for Mlp {
    fn default() -> Self {
        Self { units: 512, layers: 2, dropout: 0.3 }
    }
}

/// The name of the node of `mlp` that flattens the image.
pub(crate) const FLATTEN: &str = "flatten";

impl Mlp {
    /// Allowed units of a hidden layer.
    pub const UNITS: Range = Range::Whole(1, 8192);
    /// Allowed numbers of hidden layers.
    pub const LAYERS: Range = Range::Whole(1, 16);

    fn network(&self, input: Shape, classes: usize) -> Result<Network, SpecError> {
        Self::UNITS.check_whole("units", self.units)?;
        Self::LAYERS.check_whole("layers", self.layers)?;
        check_head(self.dropout, classes)?;
        let mut b = NetworkBuilder::default();
        let image = b.add("image", Op::Input { shape: input }, &[])?;
        let mut x = b.add(FLATTEN, Op::Flatten, &[image])?;
        for layer in 0..self.layers {
            let dense = Op::Dense { units: self.units };
            x = b.add(format!("layers.{layer}.dense"), dense, &[x])?;
            x = b.add(format!("layers.{layer}.relu"), Op::Relu, &[x])?;
        }
        finish(b, x, self.dropout, classes)
    }
}

pub(crate) fn check_head(dropout: f64, classes: usize) -> Result<(), SpecError> {
    Range::RATE.check_number("dropout", dropout)?;
    check_classes(classes)
}

/// Checks the number of classes.
pub(crate) fn check_classes(classes: usize) -> Result<(), SpecError> {
    Range::Whole(2, Range::MAX_WHOLE).check_whole("classes", classes)
}

/// Dropout, dense layer, softmax.
pub(crate) fn finish(
    mut b: NetworkBuilder,
    mut x: NodeId,
    dropout: f64,
    classes: usize,
) -> Result<Network, SpecError> {
    if dropout > 0.0 {
        x = b.add("dropout", Op::Dropout { rate: dropout }, &[x])?;
    }
    x = b.add("dense", Op::Dense { units: classes }, &[x])?;
    b.add("probabilities", Op::Softmax, &[x])?;
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FASHION: Shape = Shape::new(28, 28, 1);

    #[test]
    fn kinds_have_the_names_of_their_files() {
        for kind in Architecture::KINDS {
            let architecture = Architecture::of_kind(kind).unwrap();
            assert_eq!(architecture.kind(), kind);
            let text = serde_json::to_string(&architecture).unwrap();
            assert!(text.starts_with(&format!("{{\"architecture\":\"{kind}\"")), "{text}");
            assert_eq!(serde_json::from_str::<Architecture>(&text).unwrap(), architecture);
            architecture.network(FASHION, 10).unwrap();
        }
        assert_eq!(Architecture::of_kind("vgg"), None);
    }

    #[test]
    fn plain_networks_have_the_computed_number_of_parameters() {
        let cnn = Cnn::default().network(FASHION, 10).unwrap();
        // Each convolution has 9 x inputs x outputs weights, and one shift per output.
        let sides = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)];
        let convolutions: usize = sides.iter().map(|(i, o)| 9 * i * o + o).sum();
        assert_eq!(cnn.trainable(), convolutions + 10 * 257);
        let mlp = Mlp { units: 100, layers: 2, dropout: 0.0 }.network(FASHION, 10).unwrap();
        assert_eq!(mlp.trainable(), 100 * 785 + 100 * 101 + 10 * 101);
        assert_eq!(mlp.input_shape(), FASHION);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |a: Architecture| a.network(FASHION, 10).unwrap_err().to_string();
        let cnn = |cnn| error(Architecture::Cnn(cnn));
        assert_eq!(
            cnn(Cnn { channels: 0, ..Cnn::default() }),
            "channels: 0 is not a whole number from 1 to 1024"
        );
        assert_eq!(
            cnn(Cnn { stages: 7, ..Cnn::default() }),
            "stages: 7 is not a whole number from 1 to 6"
        );
        let dropped = cnn(Cnn { dropout: 1.0, ..Cnn::default() });
        assert_eq!(dropped, "dropout: 1 is not a number from 0 to below 1");
        let none = Architecture::Mlp(Mlp { layers: 0, ..Mlp::default() });
        assert_eq!(error(none), "layers: 0 is not a whole number from 1 to 16");
    }
}
