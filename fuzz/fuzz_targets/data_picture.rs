//! PNG, JPEG, WebP and BMP files give one image or an error that names the file.
#![no_main]

use modiste_spec::Shape;
use libfuzzer_sys::fuzz_target;
use modiste_data::photo::{Background, Limits, prepare};
use modiste_data::{DataError, parse_picture};

fuzz_target!(|bytes: &[u8]| {
    if let Some(images) = named(parse_picture(bytes, "dir/file")) {
        assert_eq!((images.len(), images.pixels.len()), (1, images.shape.len()));
    }
    let shape = Shape { height: 28, width: 28, channels: 1 };
    let limits = Limits { bytes: 1 << 20, pixels: 1 << 14, side: 1_024 };
    if let Some(image) = named(prepare(bytes, "dir/file", shape, Background::Auto, &limits)) {
        assert_eq!(image.pixels.len(), shape.len());
    }
});

/// The result if reading succeeded; an error must name the file in one line.
fn named<T>(result: Result<T, DataError>) -> Option<T> {
    if let Err(error) = &result {
        let text = error.to_string();
        assert!(text.starts_with("dir/file: ") && !text.contains('\n'), "{text}");
    }
    result.ok()
}
