//! Explanations of answers: heat maps of the evidence for a class, and pictures of them.
//!
//! [`Explainer::grad_cam`] looks inside the network, with the gradient of the class's logit from
//! the reference engine. [`occlusion`] looks from outside: it covers the image piece by piece and
//! measures how the class's probability falls, on any [`modiste_spec::Engine`]. Both give a
//! [`HeatMap`], which [`overlay`] lays over the image.

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
    /// The parameters are not the network's, or the engine failed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The pixels have another shape.
    #[error("{bytes} bytes are not an image of {shape}")]
    Image {
        /// Number of bytes given.
        bytes: usize,
        /// Shape of the network's input.
        shape: Shape,
    },
    /// The class does not exist.
    #[error("class {class} is not below {classes}, the number of classes")]
    Class {
        /// The requested class.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// No node has this name.
    #[error("there is no layer {0:?}")]
    UnknownLayer(String),
    /// The layer is a single pixel.
    #[error("layer {0:?} is a single pixel and has no map")]
    LayerWithoutMap(String),
    /// No layer of the network has a map.
    #[error("no layer of the network has a map")]
    NoLayer,
    /// The patch does not fit into the image.
    #[error("a patch of {patch} pixels in steps of {stride} does not fit into an image of {shape}")]
    Patch {
        /// Side of the patch.
        patch: usize,
        /// Step between patches.
        stride: usize,
        /// Shape of the image.
        shape: Shape,
    },
    /// The image cannot be shown.
    #[error("images of {0} cannot be shown; images have 1 or 3 channels")]
    Channels(Shape),
    /// The image is empty or too large to be shown.
    #[error(transparent)]
    Draw(#[from] modiste_draw::DrawError),
}
