//! PNG and JPEG files: one image, or an error that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_data::parse_picture;

fuzz_target!(|bytes: &[u8]| match parse_picture(bytes, "dir/file") {
    Ok(images) => assert_eq!((images.len(), images.pixels.len()), (1, images.shape.len())),
    Err(error) => {
        let text = error.to_string();
        assert!(text.starts_with("dir/file: ") && !text.contains('\n'), "{text}");
    }
});
