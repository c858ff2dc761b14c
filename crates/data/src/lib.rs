//! Images to train on: where they come from, how they are split, how batches are made.
//!
//! [`load`] reads a [`Source`] (the embedded images or a folder), checks it and divides it by a
//! [`Split`]; [`fill_batch`] makes augmented batches. Pixels stay bytes in (n, h, w, c), labels are
//! class indices. Engines convert them for the network.

mod augment;
mod batch;
mod collection;
mod columns;
mod dataset;
mod embedded;
mod error;
mod exclude;
mod files;
mod formats;
mod gather;
mod idx;
mod idx_folder;
mod info;
mod labels;
mod layout;
mod load_pictures;
mod memory;
mod mix;
mod names;
mod npy;
mod options;
mod parts;
mod passed_over;
pub mod photo;
mod picture;
mod recognise;
mod source;
mod split;
mod stratify;
mod stream;
mod table;
mod tree;
mod variants;

pub use augment::{Colour, Warp};
pub use batch::{Augmentation, fill_batch, mirror};
pub use dataset::{Dataset, Images, Part, PartName};
pub use embedded::{EMBEDDED_FILES, FASHION_CLASSES};
pub use error::DataError;
pub use exclude::exclude;
pub use gather::{Input, Pictures, files_below, is_stray};
pub use idx::{Idx, MAX_BYTES, parse_idx, write_idx_gz};
pub use idx_folder::{parse_images, parse_labels};
pub use info::{ClassCount, DataInfo, Duplicate, DuplicateCount, PartInfo, PixelStatistics, info};
pub use memory::free as free_memory;
pub use mix::fill_shares;
pub use names::{ImageOrigin, Names};
pub use npy::parse_npy;
pub use options::Options;
pub use passed_over::{PassedOver, Skipped};
pub use picture::parse_picture;
pub use source::{Source, load, load_with};
pub use split::Split;
pub use stratify::fold_of;
pub use stream::ImageStream;
pub use table::{fill_named_submission, fill_submission, parse_labels_csv, wants_numbers};
