//! Images to predict on, from any file or folder of the formats known here.

use std::path::Path;

use crate::DataError;
use crate::dataset::Images;
use crate::files::read;
use crate::idx_folder::parse_images;
use crate::npy::parse_npy;
use crate::picture::{is_picture, parse_picture};
use crate::picture_folder::{Gathered, entries};

/// The most bytes of a file.
const MAX_FILE: u64 = 16 << 30;

/// The images of a PNG, JPEG, npy or IDX file (gzipped or not), told by its first bytes, or of a folder
/// of pictures of one size, each with a name: the file's, or the file's and the number of the image.
pub fn read_images(path: &Path) -> Result<(Images, Vec<String>), DataError> {
    if path.is_dir() {
        let files: Vec<_> = entries(path)?.into_iter().filter(|file| !file.is_dir()).collect();
        let mut gathered = Gathered::default();
        files.iter().try_for_each(|file| gathered.add(file))?;
        let names = files.iter().map(|file| file.display().to_string()).collect();
        return Ok((gathered.finish(path)?, names));
    }
    let bytes = read(path, MAX_FILE)?;
    let name = path.display().to_string();
    let images = if is_picture(&bytes) {
        return Ok((parse_picture(&bytes, &name)?, vec![name]));
    } else if bytes.starts_with(b"\x93NUMPY") {
        parse_npy(&bytes, &name)?
    } else if bytes.starts_with(&[0, 0]) || bytes.starts_with(&[0x1f, 0x8b]) {
        parse_images(&bytes, &name)?
    } else {
        let problem =
            if bytes.is_empty() { "is empty" } else { "is not PNG, JPEG, WebP, BMP, npy or IDX" };
        return Err(DataError::file(name, problem));
    };
    let names = (0..images.len()).map(|i| format!("{name}#{i}")).collect();
    Ok((images, names))
}
