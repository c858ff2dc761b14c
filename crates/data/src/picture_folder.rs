//! A folder of pictures, one sub-folder a class; `train`, `validation` and `test` may lie above.
//!
//! A `test` folder may also hold its pictures directly, which are then unlabelled. Files and folders
//! whose names begin with a dot are passed over. Everything is read in the order of the names, and
//! numbers are in numeric order, so that class 10 comes after class 9.

use std::path::{Path, PathBuf};

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::{Collection, check_shape};
use crate::dataset::{Images, Part};
use crate::files::read;
use crate::idx::MAX_BYTES;
use crate::picture::parse_picture;

/// The most bytes of one picture file.
const MAX_FILE: u64 = 256 << 20;

/// Names of the folder of validation pictures.
const VALIDATION: [&str; 2] = ["validation", "val"];

/// Whether `folder` has a sub-folder.
pub(crate) fn is_here(folder: &Path) -> Result<bool, DataError> {
    Ok(entries(folder)?.iter().any(|path| path.is_dir()))
}

/// Reads all pictures.
pub(crate) fn collection(folder: &Path, name: String) -> Result<Collection, DataError> {
    let parted = folder.join("train").is_dir();
    let train_folder = if parted { folder.join("train") } else { folder.to_owned() };
    let classes = class_names(&train_folder)?;
    let mut train = labelled(&train_folder, &classes, true)?;
    let (mut validation, mut test) = (None, None);
    if parted {
        check_levels(folder)?;
        if let Some(path) = VALIDATION.iter().map(|level| folder.join(level)).find(|p| p.is_dir()) {
            validation = Some(labelled(&path, &classes, false)?);
        }
        let path = folder.join("test");
        if path.is_dir() {
            let flat = !is_here(&path)?;
            test = Some(if flat { unlabelled(&path)? } else { labelled(&path, &classes, false)? });
        }
    }
    let mut parts: Vec<&mut Part> =
        std::iter::once(&mut train).chain(&mut validation).chain(&mut test).collect();
    if parts.iter().any(|part| part.images.shape.channels == 3) {
        parts.iter_mut().for_each(|part| colour(&mut part.images));
    }
    for (part, level) in [(&validation, "validation"), (&test, "test")] {
        if let Some(part) = part {
            check_shape(part, train.images.shape, &folder.join(level).display().to_string())?;
        }
    }
    Ok(Collection { name, classes, train, validation, test, embedded: false })
}

/// Beside `train` only the other two parts may lie.
fn check_levels(folder: &Path) -> Result<(), DataError> {
    let known = |path: &Path| {
        path.file_name().is_some_and(|name| {
            name == "train" || name == "test" || VALIDATION.iter().any(|level| name == *level)
        })
    };
    match entries(folder)?.into_iter().find(|path| path.is_dir() && !known(path)) {
        Some(path) => {
            let problem = "is a folder beside train, and neither validation nor test";
            Err(DataError::file(path.display().to_string(), problem))
        }
        None => Ok(()),
    }
}

/// Files and folders in `folder` by name, hidden ones left out.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let io = |error| DataError::io(folder, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The name of a file or folder.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The sub-folders of `folder`, in order.
fn class_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        if !path.is_dir() {
            let problem = "lies beside the folders of the classes";
            return Err(DataError::file(path.display().to_string(), problem));
        }
        if path.file_name().is_some_and(|name| name.to_str().is_none()) {
            let problem = "is not a Unicode name, which a class needs; rename the folder";
            return Err(DataError::file(path.display().to_string(), problem));
        }
        names.push(name_of(&path));
    }
    if names.len() < 2 || names.len() > usize::from(u16::MAX) {
        let problem = format!("has {} sub-folders; one a class are wanted", names.len());
        return Err(DataError::file(folder.display().to_string(), problem));
    }
    if names.iter().all(|name| name.parse::<u64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<u64>().unwrap_or_default());
    }
    Ok(names)
}

/// The pictures of each class; every class must have one where they are `complete`.
fn labelled(folder: &Path, classes: &[String], complete: bool) -> Result<Part, DataError> {
    let mut gathered = Gathered::default();
    let mut labels = Vec::new();
    for path in entries(folder)? {
        let shown = path.display().to_string();
        if !path.is_dir() {
            return Err(DataError::file(shown, "lies beside the folders of the classes"));
        }
        if !classes.contains(&name_of(&path)) {
            return Err(DataError::file(shown, "is not a class that train has"));
        }
    }
    for (label, class) in (0_u16..).zip(classes) {
        let path = folder.join(class);
        let files = if path.is_dir() { entries(&path)? } else { Vec::new() };
        if files.is_empty() && complete {
            return Err(DataError::file(path.display().to_string(), "holds no picture"));
        }
        labels.resize(labels.len() + files.len(), label);
        files.iter().try_for_each(|file| gathered.add(file))?;
    }
    Ok(Part { images: gathered.finish(folder)?, labels: Some(labels) })
}

/// The pictures of a folder without classes.
fn unlabelled(folder: &Path) -> Result<Part, DataError> {
    let mut gathered = Gathered::default();
    entries(folder)?.iter().try_for_each(|file| gathered.add(file))?;
    Ok(Part { images: gathered.finish(folder)?, labels: None })
}

/// Pictures of one size, one after the other.
#[derive(Default)]
struct Gathered {
    images: Option<Images>,
    first: String,
}

impl Gathered {
    /// Reads one more picture, of the same size as those before.
    fn add(&mut self, path: &Path) -> Result<(), DataError> {
        let shown = path.display().to_string();
        if path.is_dir() {
            return Err(DataError::file(shown, "is a folder where pictures are wanted"));
        }
        let picture = parse_picture(&read(path, MAX_FILE)?, &shown)?;
        self.push(picture, shown)
    }

    fn push(&mut self, mut picture: Images, name: String) -> Result<(), DataError> {
        let Some(images) = &mut self.images else {
            self.images = Some(picture);
            self.first = name;
            return Ok(());
        };
        let size = |shape: Shape| (shape.height, shape.width);
        if size(picture.shape) != size(images.shape) {
            let ((h, w), (height, width)) = (size(picture.shape), size(images.shape));
            let problem = format!("is {h} x {w} pixels, {} is {height} x {width}", self.first);
            return Err(DataError::file(name, problem));
        }
        if picture.shape.channels == 3 {
            colour(images);
        } else if images.shape.channels == 3 {
            colour(&mut picture);
        }
        if (images.pixels.len() + picture.pixels.len()) as u64 > MAX_BYTES {
            return Err(DataError::file(name, format!("is beyond the limit of {MAX_BYTES} bytes")));
        }
        images.pixels.append(&mut picture.pixels);
        Ok(())
    }

    /// All of them.
    fn finish(self, folder: &Path) -> Result<Images, DataError> {
        let empty = || DataError::file(folder.display().to_string(), "holds no picture");
        self.images.ok_or_else(empty)
    }
}

/// Makes grey images coloured ones, where they are not.
fn colour(images: &mut Images) {
    if images.shape.channels == 1 {
        images.shape.channels = 3;
        images.pixels = images.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
    }
}
