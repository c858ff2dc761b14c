//! Images to predict on, from anything that holds some: pictures, IDX and npy files, folders, pipes.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::DataError;
use crate::columns::is_table;
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::picture::{Limits, is_picture};
use crate::source;
use crate::stream::{ImageStream, is_stream};

/// How deep folders may be nested.
const MAX_DEPTH: usize = 32;

/// What a file or pipe holds.
pub enum Input {
    /// One picture file, not decoded yet.
    Picture(Vec<u8>),
    /// Images of one shape.
    Images(ImageStream),
}

impl Input {
    /// What the file at `path` holds, told by its first bytes.
    ///
    /// # Errors
    /// If it cannot be read, is none of the formats known, or a picture file beyond `limits`.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, DataError> {
        let io = |error| DataError::io(path, error);
        let mut file = modiste_files::open(path)?;
        let name = path.display().to_string();
        let mut begin = Vec::new();
        (&mut file).take(16).read_to_end(&mut begin).map_err(io)?;
        if is_table(&name) || name.to_lowercase().ends_with(".npz") {
            return Ok(Self::Images(whole(path, name)?));
        }
        if is_stream(&begin) {
            return Ok(Self::Images(ImageStream::open(path)?));
        }
        Self::picture(begin, file, &name, limits)
    }

    /// What comes through a pipe; errors speak of it as `name`.
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

    /// A picture file that begins with `begin`.
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
                "is not PNG, JPEG, WebP, BMP, GIF, TIFF, npy, npz, csv or IDX",
            ));
        }
        // One more, so that a file that is too long shows.
        let read = rest.take(limits.bytes as u64 + 1).read_to_end(&mut begin);
        read.map_err(|error| DataError::io(Path::new(name), error))?;
        limits.check_bytes(begin.len()).map_err(|problem| DataError::file(name, problem))?;
        Ok(Self::Picture(begin))
    }
}

/// All images of a file that is read as data to train on are.
fn whole(path: &Path, name: String) -> Result<ImageStream, DataError> {
    let read = source::open(path, &Options::default(), &mut Skipped::default())?;
    let mut all = read.train;
    for part in [read.validation, read.test].into_iter().flatten() {
        all.append(part);
    }
    Ok(ImageStream::of(all.images, name))
}

/// Files and folders in `folder` by name, hidden ones left out.
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

/// The files in `folder` and in all folders below, in the order of their names; names that begin with
/// a dot are skipped. A folder that can't be read is an error among them, as is a link to a folder
/// that was read before: links can make a folder its own sub-folder.
pub fn files_below(folder: &Path) -> impl Iterator<Item = Result<PathBuf, DataError>> + use<> {
    // What is still to come, the next one last.
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
