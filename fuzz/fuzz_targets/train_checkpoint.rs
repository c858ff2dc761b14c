//! Checkpoints with a corrected checksum, so that the bytes reach the parser, give a checkpoint that is
//! written back unchanged, or an error that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_train::parse_checkpoint;

fuzz_target!(|bytes: &[u8]| {
    let mut whole = bytes[..bytes.len().saturating_sub(4)].to_vec();
    whole.extend(crc32fast::hash(&whole).to_le_bytes());
    for bytes in [bytes, &whole] {
        match parse_checkpoint(bytes, "dir/file") {
            Ok(c) => assert_eq!(parse_checkpoint(&c.to_bytes(), "copy").unwrap(), c),
            Err(error) => assert!(error.to_string().starts_with("dir/file: ")),
        }
    }
});
