//! npy files give images or an error that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_data::parse_npy;

fuzz_target!(|bytes: &[u8]| match parse_npy(bytes, "dir/file") {
    Ok(images) => assert_eq!(images.pixels.len(), images.len() * images.shape.len()),
    Err(error) => assert!(error.to_string().starts_with("dir/file: ")),
});
