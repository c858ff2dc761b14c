//! Images to predict, from pictures, arrays, archives, tables, folders or pipes.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::DataError;
use crate::columns::is_table;
use crate::dataset::Part;
use crate::formats::{self, named_as_picture};
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::photo::Preparation;
use crate::picture::{Limits, is_picture};
use crate::source::fit_images;
use crate::stream::{ImageStream, is_stream};
use crate::tree::{Tree, is_archive};

/// Largest depth of nested folders.
const MAX_DEPTH: usize = 32;

/// The contents of a file or pipe.
pub enum Input {
    /// One picture file, not decoded yet.
    Picture(Vec<u8>),
    /// Images of one shape.
    Images(ImageStream),
    /// The picture files of an archive.
    Pictures(Pictures),
    /// Images read like training data, with their names, and the files that were passed over.
    Set(Part, Skipped),
}

/// Iterates over the picture files of an archive, each with its path in the archive.
pub struct Pictures {
    tree: Tree,
    next: usize,
    most: u64,
}

impl Iterator for Pictures {
    type Item = (String, Result<Vec<u8>, DataError>);

    fn next(&mut self) -> Option<Self::Item> {
        let entries = self.tree.entries().iter().enumerate().skip(self.next);
        let (at, entry) = entries.into_iter().find(|(_, e)| named_as_picture(e.file_name()))?;
        self.next = at + 1;
        Some((entry.path.clone(), self.tree.read(entry, self.most)))
    }
}

impl Input {
    /// Opens the file at `path` and recognises its contents by the first bytes. Images of tables
    /// and arrays are prepared by `preparation`.
    ///
    /// # Errors
    /// If it cannot be read, has no supported format, or is a picture file that exceeds `limits`.
    pub fn open(
        path: &Path,
        limits: &Limits,
        preparation: Option<Preparation>,
    ) -> Result<Self, DataError> {
        let io = |error| DataError::io(path, error);
        let mut file = modiste_files::open(path)?;
        let name = path.display().to_string();
        let mut begin = Vec::new();
        (&mut file).take(512).read_to_end(&mut begin).map_err(io)?;
        if is_table(&name) || name.to_lowercase().ends_with(".bin") || is_archive(&begin, path) {
            let mut skipped = Skipped::default();
            let tree = Tree::open(path, &mut skipped)?;
            let pictures = tree.entries().iter().any(|entry| named_as_picture(entry.file_name()));
            if tree.focus.is_none() && pictures {
                let most = limits.bytes as u64;
                return Ok(Self::Pictures(Pictures { tree, next: 0, most }));
            }
            return set(&tree, preparation, skipped);
        }
        if is_stream(&begin) {
            return Ok(Self::Images(ImageStream::open(path)?));
        }
        Self::picture(begin, file, &name, limits)
    }

    /// Reads the contents of a pipe; errors call it `name`.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn read(
        mut reader: impl Read + 'static,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, DataError> {
        let mut begin = Vec::new();
        let read = (&mut reader).take(16).read_to_end(&mut begin);
        read.map_err(|error| DataError::io(Path::new(name), error))?;
        if is_stream(&begin) {
            let reader = io::Cursor::new(begin).chain(reader);
            return Ok(Self::Images(ImageStream::from_reader(reader, name)?));
        }
        Self::picture(begin, reader, name, limits)
    }

    /// The images of a folder without picture files whose files together are a data set, such as
    /// CIFAR's; `None` if each file is an input of its own.
    pub fn folder(path: &Path, preparation: Option<Preparation>) -> Option<Self> {
        let mut skipped = Skipped::default();
        let tree = Tree::open(path, &mut skipped).ok()?;
        // Pictures need no extension; IDX files are named `...-ubyte`.
        let picture =
            |name: &str| formats::may_be_picture(name) && !name.to_lowercase().ends_with("ubyte");
        match tree.entries().iter().any(|entry| picture(entry.file_name())) {
            true => None,
            false => set(&tree, preparation, skipped).ok(),
        }
    }

    /// Reads a picture file that begins with `begin`.
    fn picture(
        mut begin: Vec<u8>,
        rest: impl Read,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, DataError> {
        if begin.is_empty() {
            return Err(DataError::file(name, "is empty"));
        }
        if !is_picture(&begin) {
            return Err(DataError::file(
                name,
                "is not PNG, JPEG, WebP, BMP, GIF, TIFF, npy, npz, csv, IDX, zip or tar",
            ));
        }
        // Read one more byte to notice a file that is too long.
        let read = rest.take(limits.bytes as u64 + 1).read_to_end(&mut begin);
        read.map_err(|error| DataError::io(Path::new(name), error))?;
        limits.check_bytes(begin.len()).map_err(|problem| DataError::file(name, problem))?;
        Ok(Self::Picture(begin))
    }
}

/// All images of a source, read like training data.
fn set(
    tree: &Tree,
    preparation: Option<Preparation>,
    mut skipped: Skipped,
) -> Result<Input, DataError> {
    let options = Options { preparation, ..Options::default() };
    let mut read = formats::read(tree, &options, &mut skipped)?;
    fit_images(&mut read, &options)?;
    let mut all = read.train;
    for part in [read.validation, read.test].into_iter().flatten() {
        all.append(part);
    }
    Ok(Input::Set(all, skipped))
}

/// Whether a file among pictures is something else, judging by its name: a table, a note, or a file of
/// the system.
pub fn is_stray(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = [".npy", ".npz", ".gz", ".bin", ".zip", ".tar", ".tgz", "ubyte", ".idx"];
    let array = known.iter().any(|ending| name.ends_with(ending));
    is_table(&name) || !(array || formats::may_be_picture(&name))
}

/// Files and folders in `folder` by name, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
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

/// The files in `folder` and all folders below, sorted by name; names that begin with a dot are skipped.
/// A folder that cannot be read gives an error, and so does a link to a folder that was read before,
/// because links can make a folder its own sub-folder.
pub fn files_below(folder: &Path) -> impl Iterator<Item = Result<PathBuf, DataError>> + use<> {
    // Entries still to visit, the next one last.
    let mut stack = vec![(folder.to_owned(), 0)];
    let mut read = HashSet::new();
    std::iter::from_fn(move || {
        while let Some((path, depth)) = stack.pop() {
            if !path.is_dir() {
                return Some(Ok(path));
            }
            if depth > MAX_DEPTH {
                let problem = format!("is more than {MAX_DEPTH} folders deep");
                return Some(Err(DataError::file(path.display().to_string(), problem)));
            }
            let new = match path.canonicalize() {
                Ok(real) => read.insert(real),
                Err(error) => return Some(Err(DataError::io(&path, error))),
            };
            if !new {
                let problem = "is a link to a folder that was read before";
                return Some(Err(DataError::file(path.display().to_string(), problem)));
            }
            match entries(&path) {
                Ok(found) if found.is_empty() => {
                    let shown = path.display().to_string();
                    return Some(Err(DataError::file(shown, "holds no picture")));
                }
                Ok(found) => stack.extend(found.into_iter().rev().map(|path| (path, depth + 1))),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    })
}
