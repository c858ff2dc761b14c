//! How large a picture may be; asked before anything is allocated for it.

/// How large a picture file may be, and the picture in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the file.
    pub bytes: usize,
    /// The most pixels: rows times columns. Decoding takes up to some 12 bytes a pixel.
    pub pixels: usize,
    /// The most rows, and the most columns.
    pub side: usize,
}

/// Bytes that decoding takes for each pixel, and for any picture.
const MEMORY: (usize, usize) = (12, 1 << 20);

/// Refuses a picture that the memory of the machine does not suffice for. The decoders allocate by
/// themselves, and a decoder without memory would end the process.
fn check_memory(pixels: usize) -> Result<(), String> {
    let bytes = pixels.saturating_mul(MEMORY.0).saturating_add(MEMORY.1);
    let enough = Vec::<u8>::new().try_reserve_exact(bytes);
    enough.map_err(|_| format!("needs {bytes} bytes of memory to decode, which are not free"))
}

impl Default for Limits {
    /// Room for what telephones take (50 million pixels): 64 MiB, 16,384 a side.
    fn default() -> Self {
        Self { bytes: 64 << 20, pixels: 51_000_000, side: 16_384 }
    }
}

impl Limits {
    /// Refuses a file that is too long.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), String> {
        if bytes > self.bytes {
            return Err(format!("is {bytes} bytes long, over the limit of {}", self.bytes));
        }
        Ok(())
    }

    /// Refuses a picture that is too large, or has no pixels.
    pub(super) fn check_sides(&self, height: usize, width: usize) -> Result<(), String> {
        let Self { pixels, side, .. } = *self;
        if height > side || width > side {
            return Err(format!("is {height} x {width} pixels, over the limit of {side} a side"));
        }
        if height.saturating_mul(width) > pixels {
            return Err(format!("is {height} x {width} pixels, over the limit of {pixels} pixels"));
        }
        if height == 0 || width == 0 {
            return Err("is a picture without pixels".to_owned());
        }
        check_memory(height * width)
    }
}
