//! Explanations of answers: heat maps of the evidence for a class, and pictures of them.
//!
//! [`Explainer::grad_cam`] asks the network itself, by the gradient of the class's logit, which the
//! reference engine gives it. [`occlusion`] asks from outside: it covers the image piece by piece and
//! watches the class's probability fall, on any [`modiste_spec::Engine`]. Both give a [`HeatMap`],
//! which [`overlay`] lays over the image.

mod grad_cam;
mod heat_map;
mod occlusion;
mod overlay;
mod sheet;

pub use grad_cam::{Explainer, default_layer};
pub use heat_map::HeatMap;
pub use occlusion::{Occlusion, occlusion};
pub use overlay::{enlarged, overlay};
pub use sheet::{Explained, sheet};

use modiste_spec::Shape;
use modiste_spec::engine::EngineError;

/// Why there is no heat map.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The parameters are not the network's, or the engine refused.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// Pixels of another shape.
    #[error("{bytes} bytes are not an image of {shape}")]
    Image {
        /// Number of bytes given.
        bytes: usize,
        /// Shape of the network's input.
        shape: Shape,
    },
    /// A class that does not exist.
    #[error("class {class} is not below {classes}, the number of classes")]
    Class {
        /// The class asked for.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// No node has this name.
    #[error("there is no layer {0:?}")]
    UnknownLayer(String),
    /// A layer behind the last pool.
    #[error("layer {0:?} is a single pixel and has no map")]
    LayerWithoutMap(String),
    /// A network without a single map.
    #[error("no layer of the network has a map")]
    NoLayer,
    /// A patch that is no part of the image.
    #[error("a patch of {patch} pixels in steps of {stride} does not fit into an image of {shape}")]
    Patch {
        /// Side of the patch.
        patch: usize,
        /// Step between patches.
        stride: usize,
        /// Shape of the image.
        shape: Shape,
    },
    /// An image that cannot be shown.
    #[error("images of {0} cannot be shown; images have 1 or 3 channels")]
    Channels(Shape),
    /// An image that is empty or too large to be shown.
    #[error(transparent)]
    Draw(#[from] modiste_draw::DrawError),
}
