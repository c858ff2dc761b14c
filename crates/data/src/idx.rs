//! IDX, the format of MNIST and its successors (<http://yann.lecun.com/exdb/mnist/>), gzipped or not.
//!
//! Two zero bytes, the element type (8: unsigned byte, the only one supported), the number of
//! dimensions, each dimension as a big-endian u32, then the elements.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;

use crate::{DataError, memory};

/// Largest unpacked size of a file in bytes: 2 GiB, four times the largest data set of this kind
/// (EMNIST, 814,255 images). It limits what a small hostile file can make the reader allocate.
pub const MAX_BYTES: u64 = 2 << 30;

/// Largest compression ratio of deflate (zlib's technical notes).
const MAX_DEFLATE_RATIO: u64 = 1_032;

/// The content of an IDX file of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// One to four dimensions; images are (n, h, w) or (n, h, w, c), labels (n).
    pub dims: Vec<usize>,
    /// The elements, row-major; as many as the product of `dims`.
    pub data: Vec<u8>,
}

/// Whether `bytes` begin like a gzip file.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Reads an IDX file of unsigned bytes, gzipped or not; errors call it `name`.
///
/// The header is checked against the bytes present before anything is allocated.
pub fn parse_idx(bytes: &[u8], name: &str) -> Result<Idx, DataError> {
    if bytes.is_empty() {
        return Err(DataError::file(name, "is empty"));
    }
    let given = bytes.len() as u64;
    if is_gzip(bytes) {
        let most = given.saturating_mul(MAX_DEFLATE_RATIO).min(MAX_BYTES);
        read_idx(MultiGzDecoder::new(bytes), most, name)
    } else {
        read_idx(bytes, given.min(MAX_BYTES), name)
    }
}

/// Reads header and elements from `reader`, which holds at most `most` bytes.
fn read_idx(mut reader: impl Read, most: u64, name: &str) -> Result<Idx, DataError> {
    let dims = read_header(&mut reader, name)?;
    let claim = claim(&dims);
    let size = elements(&dims).filter(|&size| size as u64 <= most).ok_or_else(|| {
        DataError::file(name, format!("claims {claim} bytes, but can hold at most {most}"))
    })?;
    memory::check(name, size as u64)?;
    let mut data = Vec::with_capacity(size);
    let read = reader.take(size as u64 + 1).read_to_end(&mut data);
    read.map_err(|e| DataError::file(name, broken(&e, "its data")))?;
    if data.len() < size {
        let problem = format!("is truncated: {claim} bytes announced, {} there", data.len());
        return Err(DataError::file(name, problem));
    }
    if data.len() > size {
        let problem = format!("is longer than the {claim} bytes it announces");
        return Err(DataError::file(name, problem));
    }
    Ok(Idx { dims, data })
}

/// The dimensions in the header; leaves `reader` at the elements.
pub(crate) fn read_header(reader: &mut impl Read, name: &str) -> Result<Vec<usize>, DataError> {
    let mut fill = |buffer: &mut [u8]| {
        reader.read_exact(buffer).map_err(|e| DataError::file(name, broken(&e, "its header")))
    };
    let mut magic = [0; 4];
    fill(&mut magic)?;
    let rank = usize::from(magic[3]);
    if magic[..3] != [0, 0, 8] || !(1..=4).contains(&rank) {
        let found = u32::from_be_bytes(magic);
        let problem = format!("magic number {found:#010x} is not that of an IDX file of bytes");
        return Err(DataError::file(name, problem));
    }
    let mut dims = Vec::with_capacity(rank);
    for _ in 0..rank {
        let mut word = [0; 4];
        fill(&mut word)?;
        dims.push(u32::from_be_bytes(word) as usize);
    }
    Ok(dims)
}

/// Dimensions as text, as in `2 x 28 x 28`.
pub(crate) fn claim(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

/// The product of `dims`; `None` on overflow.
pub(crate) fn elements(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
}

/// Describes a failed read of a gzip stream or a slice.
pub(crate) fn broken(error: &std::io::Error, place: &str) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => format!("is truncated in {place}"),
        std::io::ErrorKind::OutOfMemory => "is larger than there is memory for".to_owned(),
        _ => format!("is damaged in {place} ({error})"),
    }
}

/// The gzipped IDX file of `data` with the dimensions `dims`.
///
/// The same input gives the same bytes: the gzip header has no name and no time, and the matches of
/// zlib-rs do not depend on the CPU.
pub fn write_idx_gz(dims: &[usize], data: &[u8]) -> Vec<u8> {
    assert_eq!(elements(dims), Some(data.len()), "dimensions of an IDX file");
    let rank = u8::try_from(dims.len()).expect("at most 255 dimensions");
    let mut header = vec![0, 0, 8, rank];
    for &dim in dims {
        header.extend(u32::try_from(dim).expect("a dimension under 2^32").to_be_bytes());
    }
    let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let written = encoder.write_all(&header).and_then(|()| encoder.write_all(data));
    written.and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
