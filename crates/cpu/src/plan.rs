//! Plans: places in one arena, and steps over them.
//!
//! A plan is built once from a network's description ([`crate::lower`]). Each step reads and writes
//! whole batches of maps; all threads work on one step, each on its own images, and wait for each
//! other at its end.
//!
//! A value may be *deferred*: the arena then holds the raw output z of a convolution, and readers
//! apply the normalisation and ReLU that the buffer's [`crate::norm::Lanes`] describe as they load
//! it. So batch normalisation needs no separate pass over memory.

use modiste_kernels::patches::Window;
use modiste_kernels::view::{Map, MapMut};
use std::collections::HashMap;
use std::ops::Range;

/// Position of a buffer in its plan.
pub(crate) type BufferId = usize;

/// Maps of all images of a batch, one after the other: (n, height, width, lanes).
///
/// Lanes are the channels with the padding that the kernels need; padding lanes hold zeros.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    pub height: usize,
    pub width: usize,
    pub lanes: usize,
    /// Where the values of a full batch begin in the arena.
    pub start: usize,
    /// Where their gradients begin; unused for the images.
    pub gradient_start: usize,
    /// Whether a gradient is needed: for all buffers except the images.
    pub trained: bool,
    /// Whether the parts of a concatenation are stored one after the other in each image, (pixels,
    /// lanes) each, instead of side by side in each pixel. Whole cache lines of neighbouring pixels
    /// then belong to one part, which makes reading and writing a single part faster.
    pub planar: bool,
}

impl Buffer {
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values of one image.
    pub fn image(&self) -> usize {
        self.pixels() * self.lanes
    }
}

/// Neighbouring lanes of a buffer: all of it, or one part of a concatenation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Region {
    pub buffer: BufferId,
    pub offset: usize,
    pub lanes: usize,
}

impl Region {
    /// The range of these lanes among all lanes of the buffer.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.lanes
    }

    /// Where the lanes begin in an image, and the distance between pixels.
    ///
    /// In a planar buffer a place is one part; only [`crate::conv`] reads the whole buffer.
    fn start_and_stride(&self, buffer: &Buffer) -> (usize, usize) {
        match buffer.planar {
            true => (self.offset * buffer.pixels(), self.lanes),
            false => (self.offset, buffer.lanes),
        }
    }

    /// These lanes of one image of the buffer.
    pub fn map<'a>(&self, buffer: &Buffer, image: &'a [f32]) -> Map<'a> {
        let (start, stride) = self.start_and_stride(buffer);
        let Buffer { height, width, .. } = *buffer;
        Map { values: &image[start..], height, width, channels: self.lanes, stride }
    }

    /// These lanes of one image of the buffer, to write to.
    pub fn map_mut<'a>(&self, buffer: &Buffer, image: &'a mut [f32]) -> MapMut<'a> {
        let (start, stride) = self.start_and_stride(buffer);
        let Buffer { height, width, .. } = *buffer;
        MapMut { values: &mut image[start..], height, width, channels: self.lanes, stride }
    }

    /// Divides the lanes into parts of `parts` lanes each; the place itself if `parts` is empty.
    pub fn divided<'a>(&self, parts: &'a [usize]) -> impl Iterator<Item = Region> + 'a {
        let Region { buffer, offset, lanes } = *self;
        let whole = parts.is_empty().then_some(*self);
        debug_assert!(parts.is_empty() || parts.iter().sum::<usize>() == lanes);
        let places = parts.iter().scan(offset, move |offset, &lanes| {
            let place = Region { buffer, offset: *offset, lanes };
            *offset += lanes;
            Some(place)
        });
        whole.into_iter().chain(places)
    }
}

/// An input of a step, and how its gradient is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepInput {
    pub place: Region,
    /// Whether values are raw and get the buffer's normalisation on reading.
    pub deferred: bool,
    /// Whether a later step writes this gradient first, so that this one adds to it.
    pub accumulate: bool,
    /// Whether this is the last contribution to the gradient of a deferred buffer, so that its sums
    /// can be computed while it is in the cache.
    pub completes: bool,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Name of the last node that the step computes.
    pub name: String,
    pub kind: StepKind,
    pub from: StepInput,
    pub to: Region,
    /// The batch normalisation of the output, which is then deferred (only for training).
    pub norm: Option<Norm>,
}

/// The operation of a step.
#[derive(Clone, Debug)]
pub(crate) enum StepKind {
    /// A convolution or dense layer with the operations fused into it.
    Conv(Conv),
    /// A copy: of deferred values, to other lanes, or with a ReLU or a dropout mask.
    Copy(Copy),
    /// Maximum of windows.
    MaxPool(Window),
    /// Mean of windows of (height, width) that do not overlap.
    MeanPool((usize, usize)),
    /// A copy of all lanes of all pixels to one pixel.
    Flatten,
    /// from + scale * other, optionally followed by a ReLU.
    Add { other: StepInput, scale: f32, floor: f32 },
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// 3x3 at stride 1 on padded lanes.
    Winograd,
    /// 1x1 at stride 1: a matrix product.
    Pointwise,
    /// 3x3 of images with one channel, at this stride.
    Stem(usize),
    /// All others: a matrix product over gathered patches.
    Patches(Window),
}

/// A convolution.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    pub method: Method,
    /// Position of its weights in [`crate::weights::Weights::convs`].
    pub weights: usize,
    /// Position of its bias in [`crate::weights::Weights::parameters`].
    pub bias: Option<usize>,
    /// The sum that follows: skipped source + scale * output.
    pub residual: Option<(StepInput, f32)>,
    /// 0 with a ReLU (not after a normalisation), else minus infinity.
    pub floor: f32,
    /// Lanes of each part of a planar input; empty for other inputs.
    pub parts: Vec<usize>,
}

/// A copy.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// 0 with a ReLU, else minus infinity.
    pub floor: f32,
    pub dropout: Option<Dropout>,
    /// (from, to) lanes, if the layouts differ.
    pub moves: Option<Vec<(usize, usize)>>,
}

/// A dropout mask.
#[derive(Clone, Debug)]
pub(crate) struct Dropout {
    /// The key of the mask ([`modiste_spec::Network::mask_key`]).
    pub key: usize,
    pub rate: f64,
    /// Lanes of the channels.
    pub channels: Vec<usize>,
}

/// A batch normalisation: positions in [`crate::weights::Weights::parameters`] and settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    /// `None` if the scale is fixed at 1.
    pub scale: Option<usize>,
    pub shift: usize,
    pub mean: usize,
    pub variance: usize,
    pub epsilon: f64,
    pub momentum: f64,
    /// 0 with a ReLU, else minus infinity.
    pub floor: f32,
}

/// A network compiled for training or for inference.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub steps: Vec<Step>,
    /// Steps that run together ([`groups`]).
    pub groups: Vec<Range<usize>>,
    pub buffers: Vec<Buffer>,
    /// The buffer of the images.
    pub image: BufferId,
    /// The place of the logits.
    pub logits: Region,
    /// Lanes of the classes in `logits`.
    pub classes: Vec<usize>,
    /// Size of an arena for one image, in values; a batch of n takes n times that.
    pub arena: usize,
}

impl Plan {
    /// The range of the logits of `n` images in the arena, with all lanes of their buffer.
    pub fn logits(&self, n: usize) -> Range<usize> {
        let buffer = &self.buffers[self.logits.buffer];
        buffer.start * n..(buffer.start + buffer.lanes) * n
    }

    /// The range of the logits' gradients in the arena.
    pub fn logits_gradient(&self, n: usize) -> Range<usize> {
        let buffer = &self.buffers[self.logits.buffer];
        buffer.gradient_start * n..(buffer.gradient_start + buffer.lanes) * n
    }
}

/// Largest number of steps in a group.
pub(crate) const GROUP: usize = 8;

/// Divides the steps into groups that run image by image: neighbouring 1x1 convolutions that read
/// the same place, as the heads of a block's branches do; every other step is a group of its own.
pub(crate) fn groups(steps: &[Step]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if step.joins(&steps[group.clone()]) => group.end = i + 1,
            _ => groups.push(i..i + 1),
        }
    }
    groups
}

/// Moves every head next to the others that read the same place, which is then available, too.
pub(crate) fn gather_heads(steps: &mut [Step]) {
    // Number of heads of each place that are still ahead, to avoid searching in vain.
    let mut ahead: HashMap<Region, usize> = HashMap::new();
    for head in steps.iter().filter(|step| step.is_head()) {
        *ahead.entry(head.from.place).or_default() += 1;
    }
    for i in 0..steps.len() {
        if !steps[i].is_head() {
            continue;
        }
        let place = steps[i].from.place;
        let left = ahead.get_mut(&place).expect("it was counted");
        *left -= 1;
        let (mut left, mut after, mut j) = (*left, i + 1, i + 1);
        while left > 0 && after < i + GROUP {
            if steps[j].is_head() && steps[j].from.place == place {
                left -= 1;
                if steps[j].joins(&steps[i..after]) {
                    steps[after..=j].rotate_right(1);
                    after += 1;
                }
            }
            j += 1;
        }
    }
}

impl Step {
    fn joins(&self, group: &[Step]) -> bool {
        let alike = |other: &Step| {
            let apart = other.to.buffer != self.to.buffer;
            other.is_head() && other.from.place == self.from.place && apart
        };
        self.is_head() && group.len() < GROUP && group.iter().all(alike)
    }

    fn is_head(&self) -> bool {
        match &self.kind {
            StepKind::Conv(conv) => conv.method == Method::Pointwise && conv.residual.is_none(),
            StepKind::Copy(_)
            | StepKind::MaxPool(_)
            | StepKind::MeanPool(_)
            | StepKind::Flatten
            | StepKind::Add { .. } => false,
        }
    }
}
