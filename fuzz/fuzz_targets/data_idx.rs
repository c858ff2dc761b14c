//! IDX files, compressed or not, give images, labels or an error that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_data::{parse_images, parse_labels};

fuzz_target!(|bytes: &[u8]| {
    match parse_images(bytes, "dir/file") {
        Ok(images) => assert_eq!(images.pixels.len(), images.len() * images.shape.len()),
        Err(error) => assert!(error.to_string().starts_with("dir/file: ")),
    }
    if let Err(error) = parse_labels(bytes, "dir/file") {
        assert!(error.to_string().starts_with("dir/file: "));
    }
});
