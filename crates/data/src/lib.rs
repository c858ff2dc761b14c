//! Images to train on: where they come from, how they are split, how a batch is made of them.
//!
//! [`load`] reads a [`Source`] (the embedded images or a folder), checks it and divides it by a
//! [`Split`]; [`fill_batch`] makes the batches, augmented. Pixels stay bytes in (n, h, w, c), labels
//! are class indices. What a network makes of them is left to others.

mod batch;
mod collection;
mod dataset;
mod embedded;
mod error;
mod files;
mod idx;
mod idx_folder;
mod source;
mod split;

pub use batch::{Augmentation, fill_batch};
pub use dataset::{Dataset, ImageShape, Images, Part, PartName};
pub use embedded::{EMBEDDED_FILES, FASHION_CLASSES};
pub use error::DataError;
pub use idx::{Idx, MAX_BYTES, parse_idx, write_idx_gz};
pub use idx_folder::{parse_images, parse_labels};
pub use source::{Source, load};
pub use split::Split;
