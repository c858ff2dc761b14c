//! InceptionResNetFashion in Burn's modules; inputs (n, 1, h, w), outputs logits (n, classes).

use crate::protocol::{CLASSES, Outcome, Settings};
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

const TRUNK: usize = 64;
const RESIDUAL_SCALE: f32 = 0.2;
/// Channels of a branch's convolutions.
const BRANCH: [usize; 5] = [32, 32, 48, 80, 96];

/// Convolution without bias, batch normalisation whose scale stays 1, ReLU.
#[derive(Module, Debug)]
struct ConvBn {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvBn {
    fn new(c: usize, k: usize, kernel: usize, stride: usize, device: &Device) -> Self {
        let conv = convolution(c, k, kernel, stride).with_bias(false).init(device);
        let mut norm = BatchNormConfig::new(k).with_epsilon(1e-3).init(device);
        norm.gamma = norm.gamma.set_require_grad(false);
        Self { conv, norm }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.conv.forward(x)))
    }
}

fn convolution(c: usize, k: usize, kernel: usize, stride: usize) -> Conv2dConfig {
    let p = kernel / 2;
    Conv2dConfig::new([c, k], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(p, p, p, p))
}

/// Branch i has i + 1 convolutions, the first 1x1 and the others 3x3.
#[derive(Module, Debug)]
struct Block {
    branches: Vec<Vec<ConvBn>>,
    project: Conv2d,
}

impl Block {
    fn new(width: usize, device: &Device) -> Self {
        let branch = |i: usize| {
            let conv = |j: usize| {
                let c = if j == 0 { TRUNK } else { BRANCH[j - 1] };
                ConvBn::new(c, BRANCH[j], if j == 0 { 1 } else { 3 }, 1, device)
            };
            (0..=i).map(conv).collect()
        };
        let channels = BRANCH[..width].iter().sum();
        Self {
            branches: (0..width).map(branch).collect(),
            project: convolution(channels, TRUNK, 1, 1).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let run = |branch: &Vec<ConvBn>| branch.iter().fold(x.clone(), |x, conv| conv.forward(x));
        let y = Tensor::cat(self.branches.iter().map(run).collect(), 1);
        relu(x.clone() + self.project.forward(y) * RESIDUAL_SCALE)
    }
}

/// The whole network.
#[derive(Module, Debug)]
pub struct InceptionResNet {
    input: ConvBn,
    blocks: Vec<Block>,
    pool: MaxPool2d,
    reduce: ConvBn,
    stack: Vec<ConvBn>,
    mean: AvgPool2d,
    output: ConvBn,
    dropout: Dropout,
    dense: Linear,
}

impl InceptionResNet {
    /// Creates the network with Burn's own initial values.
    ///
    /// # Errors
    /// If a setting is missing or the width is not 1 to 5.
    pub fn new(settings: &Settings, device: &Device) -> Outcome<Self> {
        let (length, width): (usize, usize) = (settings.value("length")?, settings.value("width")?);
        if !(1..=BRANCH.len()).contains(&width) {
            return Err(format!("--width {width} does not fit").into());
        }
        let conv = |c, k, kernel, stride| ConvBn::new(c, k, kernel, stride, device);
        let wide = TRUNK + 128;
        Ok(Self {
            input: conv(1, TRUNK, 3, settings.value("stride")?),
            blocks: (0..length).map(|_| Block::new(width, device)).collect(),
            pool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            reduce: conv(TRUNK, 64, 3, 2),
            stack: vec![conv(TRUNK, 32, 1, 1), conv(32, 48, 3, 1), conv(48, 64, 3, 2)],
            mean: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            output: conv(wide, wide, 1, 1),
            dropout: DropoutConfig::new(settings.value("dropout")?).init(),
            dense: LinearConfig::new(wide, CLASSES).init(device),
        })
    }

    /// Images (n, 1, h, w) to logits (n, classes).
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.dropout.forward(self.input.forward(images));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let x = self.dropout.forward(x);
        let stack = self.stack.iter().fold(x.clone(), |x, conv| conv.forward(x));
        let halved = vec![self.pool.forward(x.clone()), self.reduce.forward(x), stack];
        let x = self.dropout.forward(Tensor::cat(halved, 1));
        let x = self.output.forward(self.mean.forward(x));
        let [n, c, ..] = x.dims();
        let x = x.mean_dims(&[2, 3]).reshape([n, c]);
        self.dense.forward(self.dropout.forward(x))
    }

    /// Number of trained values, without the scales and running statistics of the normalisations, which Burn
    /// counts as well.
    pub fn trainable(&self) -> usize {
        let untrained = |conv: &ConvBn| 3 * conv.norm.gamma.shape().num_elements();
        let blocks = self.blocks.iter().flat_map(|block| block.branches.iter().flatten());
        let rest = self.stack.iter().chain([&self.input, &self.reduce, &self.output]);
        self.num_params() - blocks.chain(rest).map(untrained).sum::<usize>()
    }
}
