//! Where each image came from: its own file, or a position in a file that holds many.

use std::fmt;
use std::sync::Arc;

/// The position that means a whole file.
const WHOLE: u32 = u32::MAX;

/// Where one image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageOrigin<'a> {
    /// The file, relative to the folder or archive that was loaded.
    pub file: &'a str,
    /// The image's position in the file, from 0; `None` where the file is the image.
    pub position: Option<usize>,
}

/// Formatted as in `train/cat/7.png` or `train-images-idx3-ubyte.gz#123`.
impl fmt::Display for ImageOrigin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{}#{position}", self.file),
            None => f.write_str(self.file),
        }
    }
}

/// Where the images of a part came from, in eight bytes per image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    files: Arc<Vec<String>>,
    /// File and position of each image.
    places: Vec<(u32, u32)>,
}

impl Names {
    /// Names of images that each have their own file.
    pub fn of_files(files: Vec<String>) -> Self {
        let count = u32::try_from(files.len()).expect("readers take under 2^32 images");
        Self { files: Arc::new(files), places: (0..count).map(|file| (file, WHOLE)).collect() }
    }

    /// Names of `count` images in one file, in order.
    pub fn within(file: impl Into<String>, count: usize) -> Self {
        let count = u32::try_from(count).expect("readers take under 2^32 images");
        Self {
            files: Arc::new(vec![file.into()]),
            places: (0..count).map(|row| (0, row)).collect(),
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where image `i` came from; panics if there is no such image.
    pub fn origin(&self, i: usize) -> ImageOrigin<'_> {
        let (file, row) = self.places[i];
        let position = (row != WHOLE).then_some(row as usize);
        ImageOrigin { file: &self.files[file as usize], position }
    }

    /// The name of image `i`, formatted like [`ImageOrigin`], or its position if no names are known.
    pub fn get(&self, i: usize) -> String {
        if self.is_empty() { i.to_string() } else { self.origin(i).to_string() }
    }

    /// The names at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let places = indices.iter().map(|&i| self.places[i as usize]).collect();
        Self { files: Arc::clone(&self.files), places }
    }

    /// Keeps only the names at `indices`, which must increase.
    pub(crate) fn keep(&mut self, indices: &[u32]) {
        if !self.is_empty() {
            *self = self.select(indices);
        }
    }

    /// Appends the names of `other`.
    pub(crate) fn append(&mut self, other: Self) {
        if Arc::ptr_eq(&self.files, &other.files) {
            self.places.extend(other.places);
            return;
        }
        let first = u32::try_from(self.files.len()).expect("readers take under 2^32 files");
        Arc::make_mut(&mut self.files).extend(other.files.iter().cloned());
        self.places.extend(other.places.into_iter().map(|(file, row)| (file + first, row)));
    }
}
