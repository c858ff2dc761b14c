//! Pictures of pixels: the confusion matrix for TensorBoard and folders of figures, and thumbnails.

mod canvas;
mod confusion;
mod font;

pub(crate) use canvas::encode_png;
pub use confusion::confusion_png;
