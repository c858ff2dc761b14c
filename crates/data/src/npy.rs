//! NumPy's npy (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>) as images.
//!
//! The header is read by 70 lines of our own, because the crate for it adds 10 seconds of building (a
//! big-integer library and a parser generator). Supports bytes, integers and floats, in C and Fortran
//! order; floats may be in 0 to 255, or in 0 to 1 and are then scaled to 255.

use modiste_spec::Shape;

use crate::dataset::Images;
use crate::idx::{MAX_BYTES, elements};
use crate::layout;
use crate::{DataError, memory};

/// The contents of a header.
pub(crate) struct Header {
    kind: u8,
    /// Bytes of an element.
    pub width: usize,
    big_endian: bool,
    /// Whether the first index varies fastest.
    pub fortran: bool,
    pub dims: Vec<usize>,
}

impl Header {
    /// Whether elements (floats or booleans) may be in 0 to 1 and then stand for 0 to 255.
    pub fn is_float(&self) -> bool {
        matches!(self.kind, b'f' | b'b')
    }

    /// Refuses text, which cannot be pixels.
    pub fn check_numbers(&self) -> Result<(), String> {
        if matches!(self.kind, b'U' | b'S') {
            return Err("has elements that are text, taken are bytes, integers and floats".into());
        }
        Ok(())
    }
}

/// The images of an npy file: one flattened image per row, (n, h, w), or (n, h, w, c) with one or three
/// channels; errors call it `name`.
///
/// A row of s x s values is a grey square image, one of s x s x 3 a coloured one. Coloured images
/// may have their channels first: (n, 3, h, w), or rows in the order of CIFAR's, which is inferred
/// from the pixels.
pub fn parse_npy(bytes: &[u8], name: &str) -> Result<Images, DataError> {
    let fail = |problem: String| DataError::file(name, problem);
    let (header, data) = read_header(bytes).map_err(fail)?;
    header.check_numbers().map_err(fail)?;
    let shape = image_shape(&header.dims).map_err(fail)?;
    convert(&header, data, shape, name)
}

/// The images with the elements `data`.
pub(crate) fn convert(
    header: &Header,
    data: &[u8],
    shape: Shape,
    name: &str,
) -> Result<Images, DataError> {
    let fail = |problem: String| DataError::file(name, problem);
    let claim = elements(&header.dims);
    let size = claim.and_then(|count| count.checked_mul(header.width));
    let size = size.filter(|&size| size <= data.len()).ok_or_else(|| {
        let wide = format!("{} bytes an element", header.width);
        let dims = &header.dims;
        fail(format!("claims {dims:?} elements at {wide}, {} bytes are there", data.len()))
    })?;
    if size < data.len() {
        return Err(fail(format!("is longer than the {size} bytes of data it announces")));
    }
    if claim.is_none_or(|count| count as u64 > MAX_BYTES) {
        return Err(fail(format!("holds more than {MAX_BYTES} pixels")));
    }
    memory::check(name, claim.unwrap_or(0) as u64)?;
    let row = shape.len();
    let pixels = to_bytes(header, data, row).map_err(fail)?;
    let pixels = if header.fortran { from_fortran(&pixels, &header.dims) } else { pixels };
    let mut images = Images { shape, pixels };
    if is_channels_first(&header.dims)
        || (header.dims.len() == 2 && layout::is_channels_first(&images))
    {
        layout::channels_last(&mut images);
    }
    Ok(images)
}

/// Whether dimensions are (n, c, h, w).
fn is_channels_first(dims: &[usize]) -> bool {
    matches!(*dims, [_, 1 | 3, _, last] if !matches!(last, 1 | 3))
}

/// Whether the order of the values can only be inferred after reading all of them.
pub(crate) fn is_undecided(dims: &[usize], shape: Shape) -> bool {
    is_channels_first(dims) || (dims.len() == 2 && shape.channels == 3)
}

/// The labels of an npy file: whole numbers (n) or (n, 1), one-hot rows, or words; errors call it
/// `name`.
pub(crate) fn labels(bytes: &[u8], name: &str) -> Result<Vec<String>, DataError> {
    let fail = |problem: String| DataError::file(name, problem);
    let (header, data) = read_header(bytes).map_err(fail)?;
    let count = elements(&header.dims).and_then(|count| count.checked_mul(header.width));
    if count != Some(data.len()) {
        let problem = format!("claims {:?} elements, {} bytes are there", header.dims, data.len());
        return Err(fail(problem));
    }
    let values = data.chunks_exact(header.width.max(1));
    if matches!(header.kind, b'U' | b'S') {
        return Ok(values.map(|bytes| words(&header, bytes)).collect());
    }
    let values: Vec<f64> = values.map(|bytes| value(&header, bytes)).collect();
    match *header.dims {
        [_] | [_, 1] => {
            let whole = |(i, value): (usize, &f64)| match value.fract() == 0.0 {
                true => Ok(format!("{value:.0}")),
                false => Err(fail(format!("label {value} of image {i} is not a whole number"))),
            };
            values.iter().enumerate().map(whole).collect()
        }
        [_, classes] if classes > 1 && !header.fortran => {
            let only = |(i, row): (usize, &[f64])| {
                let ones = row.iter().filter(|&&value| value == 1.0).count();
                let zeros = row.iter().filter(|&&value| value == 0.0).count();
                match ones == 1 && zeros == classes - 1 {
                    true => Ok(row.iter().position(|&v| v == 1.0).unwrap_or(0).to_string()),
                    false => Err(fail(format!(
                        "row {i} is not one class of {classes}; images with several classes are not \
                         supported"
                    ))),
                }
            };
            values.chunks_exact(classes).enumerate().map(only).collect()
        }
        _ => Err(fail(format!("has dimensions {:?}, which are not those of labels", header.dims))),
    }
}

/// A NumPy string: code points of four bytes, or bytes, padded with zeros.
fn words(header: &Header, bytes: &[u8]) -> String {
    if header.kind == b'S' {
        return String::from_utf8_lossy(bytes).trim_end_matches('\0').trim().to_owned();
    }
    let codes = bytes.chunks_exact(4).map(|code| {
        let code = [code[0], code[1], code[2], code[3]];
        if header.big_endian { u32::from_be_bytes(code) } else { u32::from_le_bytes(code) }
    });
    let text: String = codes.take_while(|&code| code != 0).filter_map(char::from_u32).collect();
    text.trim().to_owned()
}

/// The shape of a square image with this many values, grey or coloured.
pub(crate) fn square_shape(values: usize) -> Option<Shape> {
    let side = values.isqrt();
    let coloured = (values / 3).isqrt();
    if values > 0 && side * side == values {
        Some(Shape::new(side, side, 1))
    } else if values > 0 && coloured.checked_mul(coloured * 3) == Some(values) {
        Some(Shape::new(coloured, coloured, 3))
    } else {
        None
    }
}

/// Shape of one image among `dims`.
pub(crate) fn image_shape(dims: &[usize]) -> Result<Shape, String> {
    if dims.contains(&0) {
        return Err(format!("holds no image: its dimensions are {dims:?}"));
    }
    let shape = match *dims {
        [_, row] => {
            let square = square_shape(row)
                .ok_or_else(|| format!("has {row} values a row, which make no square image"))?;
            Some((square.height, square.width, square.channels))
        }
        [_, height, width] => Some((height, width, 1)),
        [_, height, width, channels @ (1 | 3)] => Some((height, width, channels)),
        [_, channels @ (1 | 3), height, width] => Some((height, width, channels)),
        _ => None,
    };
    let Some((height, width, channels)) = shape else {
        return Err(format!("has dimensions {dims:?}, which are not those of images"));
    };
    Ok(Shape { height, width, channels })
}

/// Splits the file into its header and its data.
pub(crate) fn read_header(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let Some(rest) = bytes.strip_prefix(b"\x93NUMPY") else {
        return Err("does not begin as an npy file does".to_owned());
    };
    let cut = || "is truncated in its header".to_owned();
    let (version, rest) = rest.split_at_checked(2).ok_or_else(cut)?;
    let length_bytes = match version[0] {
        1 => 2,
        2 | 3 => 4,
        other => return Err(format!("is of npy version {other}, which is not supported")),
    };
    let (length, rest) = rest.split_at_checked(length_bytes).ok_or_else(cut)?;
    let length = length.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    let (text, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let text = std::str::from_utf8(text).map_err(|_| "has a header that is not text".to_owned())?;
    let header = parse_dictionary(text)?;
    Ok((header, data))
}

/// The three entries of the header, a Python dictionary such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (5000, 784), }`.
fn parse_dictionary(text: &str) -> Result<Header, String> {
    let entry = |key: &str| {
        let quoted = [format!("'{key}'"), format!("\"{key}\"")];
        let after = quoted.iter().find_map(|key| Some(text.split_once(key.as_str())?.1));
        let value = after.and_then(|after| after.trim_start().strip_prefix(':'));
        value.map(str::trim_start).ok_or_else(|| format!("has a header without {key}"))
    };
    let element = entry("descr")?;
    let (kind, width, big_endian) = quoted(element).and_then(element_type).ok_or_else(|| {
        let shown: String = element.chars().take(16).collect();
        format!("has elements {shown:?}, taken are bytes, integers and floats")
    })?;
    let fortran = match entry("fortran_order")? {
        value if value.starts_with("False") => false,
        value if value.starts_with("True") => true,
        _ => return Err("has a header whose fortran_order is neither True nor False".to_owned()),
    };
    let shape = entry("shape")?;
    let dims =
        shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).and_then(|(list, _)| {
            let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(|item| item.parse().ok()).collect::<Option<Vec<usize>>>()
        });
    let dims = dims.ok_or_else(|| "has a header whose shape cannot be read".to_owned())?;
    Ok(Header { kind, width, big_endian, fortran, dims })
}

/// The content of the Python string at the start of `text`.
fn quoted(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
    Some(text[1..].split_once(mark)?.0)
}

/// Kind (u, i, f or b; U or S for text), bytes and byte order of an element type such as `<f4`.
fn element_type(text: &str) -> Option<(u8, usize, bool)> {
    let (&order, rest) = text.as_bytes().split_first()?;
    let (&kind, width) = rest.split_first()?;
    if !matches!(order, b'<' | b'>' | b'|' | b'=') {
        return None;
    }
    let width: usize = std::str::from_utf8(width).ok()?.parse().ok()?;
    let width = match (kind, width) {
        (b'u' | b'i' | b'b', 1) | (b'u' | b'i', 2) | (b'u' | b'i' | b'f', 4 | 8) => width,
        (b'U', 1..=1_000) => 4 * width,
        (b'S', 1..=1_000) => width,
        _ => return None,
    };
    Some((kind, width, order == b'>'))
}

/// The elements as bytes, in the order of the file; an image has `row` values.
fn to_bytes(header: &Header, data: &[u8], row: usize) -> Result<Vec<u8>, String> {
    let scale = scale(header, largest(header, data, 0.0));
    let mut pixels = Vec::with_capacity(data.len() / header.width);
    add_bytes(header, data, scale, row, 0, &mut pixels)?;
    Ok(pixels)
}

/// The largest of `so_far` and the elements.
pub(crate) fn largest(header: &Header, data: &[u8], so_far: f64) -> f64 {
    match header.is_float() {
        true => {
            data.chunks_exact(header.width).map(|bytes| value(header, bytes)).fold(so_far, f64::max)
        }
        false => so_far,
    }
}

/// The factor of the elements, given the largest of all.
pub(crate) fn scale(header: &Header, largest: f64) -> f64 {
    if header.is_float() && largest <= 1.0 { 255.0 } else { 1.0 }
}

/// Appends elements as bytes, in the order of the file; an image has `row` values, and `first` images
/// come before these.
pub(crate) fn add_bytes(
    header: &Header,
    data: &[u8],
    scale: f64,
    row: usize,
    first: usize,
    pixels: &mut Vec<u8>,
) -> Result<(), String> {
    if (header.kind, header.width) == (b'u', 1) {
        pixels.extend_from_slice(data);
        return Ok(());
    }
    let images = header.dims[0];
    for (i, bytes) in data.chunks_exact(header.width).enumerate() {
        let value = value(header, bytes);
        if !(0.0..=255.0).contains(&value) {
            let image = if header.fortran { i % images } else { first + i / row };
            return Err(format!("image {image} holds {value}, which is not in 0 to 255"));
        }
        pixels.push((value * scale).round() as u8);
    }
    Ok(())
}

/// One element; integers above 2^53 lose digits, but are out of range anyway.
fn value(header: &Header, bytes: &[u8]) -> f64 {
    let mut word = [0_u8; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    if header.big_endian {
        word[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(word);
    let unused = 64 - 8 * bytes.len() as u32;
    match header.kind {
        b'u' | b'b' => bits as f64,
        b'i' => ((bits << unused) as i64 >> unused) as f64,
        _ if bytes.len() == 4 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// Reorders elements from Fortran order (first index fastest) to C order (last index fastest).
fn from_fortran(pixels: &[u8], dims: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; dims.len()];
    for axis in 1..dims.len() {
        strides[axis] = strides[axis - 1] * dims[axis - 1];
    }
    let mut index = vec![0; dims.len()];
    let mut place = 0;
    let mut out = Vec::with_capacity(pixels.len());
    for _ in 0..pixels.len() {
        out.push(pixels[place]);
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            place += strides[axis];
            if index[axis] < dims[axis] {
                break;
            }
            place -= strides[axis] * dims[axis];
            index[axis] = 0;
        }
    }
    out
}
