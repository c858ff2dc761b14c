//! The framing of an event file: TFRecord with masked CRC-32C sums.
//!
//! A record is its length (u64, little endian), the sum of those 8 bytes, the data, and the sum of
//! the data (TensorFlow, tensorflow/core/lib/io/record_writer.h).

/// Added to a rotated sum, so that sums of data containing sums stay reliable.
const MASK: u32 = 0xA282_EAD8;

/// `data` as one record.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_sum(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_sum(data).to_le_bytes());
    record
}

fn masked_sum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of 32 zero bytes is 0x8A9136AA (RFC 3720, appendix B.4).
    #[test]
    fn the_checksum_agrees_with_the_published_one() {
        let sum = 0x8A91_36AA_u32;
        assert_eq!(masked_sum(&[0; 32]), sum.rotate_right(15).wrapping_add(MASK));
    }

    #[test]
    fn a_record_has_sixteen_bytes_more() {
        assert_eq!(frame(b"abc").len(), 19);
        assert_eq!(frame(b"")[..8], [0; 8]);
    }
}
