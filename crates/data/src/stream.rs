//! Images of a file that may be larger than memory: IDX (gzipped or not) and npy, read in chunks.
//!
//! Only npy files in Fortran order, whose images are scattered over the file, and npy files of
//! floats from a pipe, whose largest value decides the scale, are read as a whole.

use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use modiste_spec::Shape;

use crate::DataError;
use crate::idx::{self, MAX_BYTES, broken, claim};
use crate::idx_folder::image_dims;
use crate::npy;

/// Longest header of an npy file, in bytes; those of images have about a hundred.
const MAX_HEADER: usize = 1 << 16;
/// Size of the chunks, in bytes, in which the largest value is sought.
const PIECE: usize = 1 << 16;

/// Images, read in chunks.
pub struct ImageStream {
    name: String,
    shape: Shape,
    images: usize,
    /// Number of images returned so far.
    done: usize,
    reader: Box<dyn Read>,
    elements: Elements,
    /// Buffer for elements as in the file.
    raw: Vec<u8>,
}

/// How elements are converted to bytes.
enum Elements {
    /// They are bytes.
    Bytes,
    /// Elements as in the header of an npy file, multiplied by a factor.
    Npy(npy::Header, f64),
}

/// Whether `bytes` begin like a file that can be streamed.
pub(crate) fn is_stream(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0]) || idx::is_gzip(bytes) || bytes.starts_with(b"\x93NUMPY")
}

impl ImageStream {
    /// The images of an IDX or npy file.
    ///
    /// # Errors
    /// If it cannot be read, has another format, or is shorter or longer than its header claims.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let io = |error| DataError::io(path, error);
        let mut file = modiste_files::open(path)?;
        let length = file.metadata().map_err(io)?.len();
        let mut begin = Vec::new();
        (&mut file).take(6).read_to_end(&mut begin).map_err(io)?;
        file.rewind().map_err(io)?;
        if !begin.starts_with(b"\x93NUMPY") {
            return Self::idx(Box::new(BufReader::new(file)), Some(length), name);
        }
        let mut reader = BufReader::new(file);
        let (header, shape) = npy_header(&mut reader, &name)?;
        check_npy_size(&header, length - reader.stream_position().map_err(io)?, &name)?;
        if header.fortran || npy::is_undecided(&header.dims, shape) {
            return Self::whole(header, shape, reader, name);
        }
        let start = reader.stream_position().map_err(io)?;
        let mut largest = 0.0;
        if header.is_float() {
            let mut piece = Vec::with_capacity(PIECE);
            while (&mut reader).take(PIECE as u64).read_to_end(&mut piece).map_err(io)? > 0 {
                largest = npy::largest(&header, &piece, largest);
                piece.clear();
            }
            reader.seek(std::io::SeekFrom::Start(start)).map_err(io)?;
        }
        let scale = npy::scale(&header, largest);
        let images = header.dims[0];
        Ok(Self::new(name, shape, images, Box::new(reader), Elements::Npy(header, scale)))
    }

    /// The images of an IDX or npy file from a pipe; errors call it `name`.
    ///
    /// # Errors
    /// As [`ImageStream::open`], as far as this is known before the end.
    pub fn from_reader(reader: impl Read + 'static, name: &str) -> Result<Self, DataError> {
        let mut reader = BufReader::new(reader);
        let failed = |error| DataError::file(name, broken(&error, "its header"));
        let is_npy = reader.fill_buf().map_err(failed)?.starts_with(b"\x93NUMPY");
        if !is_npy {
            return Self::idx(Box::new(reader), None, name.to_owned());
        }
        let (header, shape) = npy_header(&mut reader, name)?;
        if header.fortran || header.is_float() || npy::is_undecided(&header.dims, shape) {
            return Self::whole(header, shape, reader, name.to_owned());
        }
        let images = header.dims[0];
        let elements = Elements::Npy(header, 1.0);
        Ok(Self::new(name.to_owned(), shape, images, Box::new(reader), elements))
    }

    fn new(
        name: String,
        shape: Shape,
        images: usize,
        reader: Box<dyn Read>,
        elements: Elements,
    ) -> Self {
        Self { name, shape, images, done: 0, reader, elements, raw: Vec::new() }
    }

    /// Opens an IDX file; its length may be unknown.
    fn idx(
        mut reader: Box<dyn BufRead>,
        length: Option<u64>,
        name: String,
    ) -> Result<Self, DataError> {
        let begin =
            reader.fill_buf().map_err(|e| DataError::file(&name, broken(&e, "its header")))?;
        if begin.is_empty() {
            return Err(DataError::file(name, "is empty"));
        }
        let packed = idx::is_gzip(begin);
        let mut reader: Box<dyn Read> =
            if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        let dims = idx::read_header(&mut reader, &name)?;
        let (images, shape) =
            image_dims(&dims).map_err(|problem| DataError::file(&name, problem))?;
        if let Some(length) = length.filter(|_| !packed) {
            let there = length.saturating_sub(4 + 4 * dims.len() as u64);
            let wanted = dims.iter().try_fold(1_u64, |all, &dim| all.checked_mul(dim as u64));
            let claim = claim(&dims);
            if wanted.is_none_or(|wanted| wanted > there) {
                let problem = format!("is truncated: {claim} bytes announced, {there} there");
                return Err(DataError::file(name, problem));
            }
            if wanted.is_some_and(|wanted| wanted < there) {
                let problem = format!("is longer than the {claim} bytes it announces");
                return Err(DataError::file(name, problem));
            }
        }
        Ok(Self::new(name, shape, images, reader, Elements::Bytes))
    }

    /// Reads an npy file as a whole.
    fn whole(
        header: npy::Header,
        shape: Shape,
        reader: impl Read,
        name: String,
    ) -> Result<Self, DataError> {
        let mut data = Vec::new();
        let most = MAX_BYTES.saturating_mul(header.width as u64);
        let read = reader.take(most + 1).read_to_end(&mut data);
        read.map_err(|e| DataError::file(&name, broken(&e, "its data")))?;
        let images = npy::convert(&header, &data, shape, &name)?;
        let reader = Box::new(Cursor::new(images.pixels));
        Ok(Self::new(name, shape, header.dims[0], reader, Elements::Bytes))
    }

    /// The shape of every image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of images according to the header.
    pub fn len(&self) -> usize {
        self.images
    }

    /// Whether there are no images, which `open` refuses.
    pub fn is_empty(&self) -> bool {
        self.images == 0
    }

    /// Reads up to `most` further images into `pixels` (n, h, w, c); returns their number, 0 at the end.
    ///
    /// # Errors
    /// If the file is too short, too long or damaged, or holds values out of range.
    pub fn next(&mut self, most: usize, pixels: &mut Vec<u8>) -> Result<usize, DataError> {
        pixels.clear();
        let count = most.min(self.images - self.done);
        if count == 0 {
            return self.check_end();
        }
        let width = match &self.elements {
            Elements::Bytes => 1,
            Elements::Npy(header, _) => header.width,
        };
        let fail = |problem: String| Err(DataError::file(&self.name, problem));
        let Shape { height, width: columns, channels } = self.shape;
        let wanted = idx::elements(&[count, height, columns, channels, width]);
        let Some(wanted) = wanted.filter(|&wanted| wanted as u64 <= MAX_BYTES) else {
            return fail(format!("holds images of {}, too large to be read", self.shape));
        };
        self.raw.clear();
        let read = (&mut self.reader).take(wanted as u64).read_to_end(&mut self.raw);
        if let Err(error) = read {
            return fail(broken(&error, "its data"));
        }
        if self.raw.len() < wanted {
            let there = self.done + self.raw.len() / (self.shape.len() * width);
            return fail(format!("is truncated: {} images announced, {there} there", self.images));
        }
        match &self.elements {
            Elements::Bytes => std::mem::swap(pixels, &mut self.raw),
            Elements::Npy(header, scale) => {
                let (row, done) = (self.shape.len(), self.done);
                if let Err(problem) = npy::add_bytes(header, &self.raw, *scale, row, done, pixels) {
                    return fail(problem);
                }
            }
        }
        self.done += count;
        Ok(count)
    }

    /// Checks that nothing follows the last image. Reading to the end also checks the sum of a gzip
    /// file.
    fn check_end(&mut self) -> Result<usize, DataError> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(0),
            Ok(_) => {
                let problem = format!("is longer than the {} images it announces", self.images);
                Err(DataError::file(&self.name, problem))
            }
            Err(error) => Err(DataError::file(&self.name, broken(&error, "its data"))),
        }
    }
}

/// The header of an npy file and the shape of its images; leaves `reader` at the data.
fn npy_header(reader: &mut impl Read, name: &str) -> Result<(npy::Header, Shape), DataError> {
    let fail = |problem: String| DataError::file(name, problem);
    let mut bytes = Vec::new();
    let mut read = |count: usize, bytes: &mut Vec<u8>| {
        let read = reader.by_ref().take(count as u64).read_to_end(bytes);
        read.map(|_| ()).map_err(|error| DataError::file(name, broken(&error, "its header")))
    };
    // Magic number, version, and the length of the header in two or four bytes.
    read(8, &mut bytes)?;
    let length_bytes = if bytes.get(6) == Some(&1) { 2 } else { 4 };
    read(length_bytes, &mut bytes)?;
    let length = bytes.iter().skip(8).rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    if length > MAX_HEADER {
        return Err(fail(format!(
            "has a header of {length} bytes, over the limit of {MAX_HEADER}"
        )));
    }
    read(length, &mut bytes)?;
    let (header, _) = npy::read_header(&bytes).map_err(fail)?;
    header.check_numbers().map_err(fail)?;
    let shape = npy::image_shape(&header.dims).map_err(fail)?;
    Ok((header, shape))
}

/// Checks that an npy file is as long as its header says.
fn check_npy_size(header: &npy::Header, there: u64, name: &str) -> Result<(), DataError> {
    let dims = &header.dims;
    let bytes = dims.iter().try_fold(header.width as u64, |all, &dim| all.checked_mul(dim as u64));
    match bytes {
        Some(bytes) if bytes == there => Ok(()),
        Some(bytes) if bytes < there => {
            let problem = format!("is longer than the {bytes} bytes of data it announces");
            Err(DataError::file(name, problem))
        }
        _ => {
            let wide = format!("{} bytes an element", header.width);
            let problem = format!("claims {dims:?} elements at {wide}, {there} bytes are there");
            Err(DataError::file(name, problem))
        }
    }
}
