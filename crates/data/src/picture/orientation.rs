//! The orientation of a picture (tag 274 of the Exif standard), and turning it upright.

/// One of the eight orientations, numbered as in the Exif standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Default for Orientation {
    /// Upright.
    fn default() -> Self {
        Self(1)
    }
}

impl Orientation {
    /// The orientation in an Exif block (a TIFF header and its first directory); upright if it has none.
    pub(crate) fn from_exif(exif: &[u8]) -> Self {
        Self::of(tag(exif))
    }

    /// The orientation with this number; upright if the number is invalid.
    pub(crate) fn of(number: Option<u16>) -> Self {
        Self(number.filter(|number| (1..=8).contains(number)).unwrap_or(1) as u8)
    }

    /// Whether the picture is upright already.
    pub(crate) fn is_upright(self) -> bool {
        self.0 == 1
    }

    /// Whether rows become columns.
    pub(crate) fn is_lying(self) -> bool {
        self.0 >= 5
    }

    /// The position in the stored picture, of the given size, of the upright picture's pixel (row,
    /// column).
    pub(crate) fn place(self, (y, x): (usize, usize), (h, w): (usize, usize)) -> (usize, usize) {
        let (bottom, right) = (h - 1, w - 1);
        match self.0 {
            2 => (y, right - x),
            3 => (bottom - y, right - x),
            4 => (bottom - y, x),
            5 => (x, y),
            6 => (bottom - x, y),
            7 => (bottom - x, right - y),
            8 => (x, right - y),
            _ => (y, x),
        }
    }
}

/// The value of the tag.
fn tag(exif: &[u8]) -> Option<u16> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let big_endian = match exif.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let found = exif.get(at..at.checked_add(bytes)?)?.iter();
        let join = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if big_endian { found.fold(0, join) } else { found.rev().fold(0, join) })
    };
    let directory = number(4, 4)?;
    // Entries of twelve bytes: tag, type (3: a number of two bytes), count, value.
    let entries = (0..number(directory, 2)?).map(|i| directory + 2 + 12 * i);
    let entry =
        entries.take_while(|at| at + 12 <= exif.len()).find(|&at| number(at, 2) == Some(274))?;
    (number(entry + 2, 2) == Some(3)).then(|| number(entry + 8, 2)).flatten()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_found_in_both_byte_orders() {
        let little =
            b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0abcd\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
        assert_eq!(Orientation::from_exif(little), Orientation(6));
        assert_eq!(Orientation::from_exif(big), Orientation(8));
        for cut in 0..little.len() - 4 {
            assert!(Orientation::from_exif(&little[..cut]).is_upright(), "{cut}");
        }
        let far = b"II*\0\xff\xff\xff\xff\x02\0";
        assert!(Orientation::from_exif(far).is_upright());
    }
}
