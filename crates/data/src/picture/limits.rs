//! Limits on the size of pictures, checked before anything is allocated.

/// Limits on the size of a picture file and the picture in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub bytes: usize,
    /// Largest number of pixels (rows times columns). Decoding takes up to some 12 bytes per pixel.
    pub pixels: usize,
    /// Largest number of rows, and of columns.
    pub side: usize,
}

/// Bytes that decoding takes per pixel, and per picture.
const MEMORY: (usize, usize) = (12, 1 << 20);

/// Checks that the machine has enough memory for a picture. Decoders allocate memory themselves, and a
/// failed allocation would end the process.
fn check_memory(pixels: usize) -> Result<(), String> {
    let bytes = pixels.saturating_mul(MEMORY.0).saturating_add(MEMORY.1);
    let enough = Vec::<u8>::new().try_reserve_exact(bytes);
    enough.map_err(|_| format!("needs {bytes} bytes of memory to decode, which are not free"))
}

impl Default for Limits {
    /// Large enough for a phone photo (50 million pixels): 64 MiB, 16,384 per side.
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
            return Err(format!("is {height} x {width} pixels, over the limit of {side} per side"));
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
