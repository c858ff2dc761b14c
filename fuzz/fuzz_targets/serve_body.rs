//! Bodies of requests to the server: JSON, forms, pictures. The first byte selects the kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_serve::images_of;
use modiste_spec::Shape;

const KINDS: [&str; 4] = [
    "application/json",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "image/png",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, body)) = bytes.split_first() else { return };
    let shape = if first & 4 == 0 { Shape::new(2, 3, 1) } else { Shape::new(9, 8, 3) };
    match images_of(KINDS[usize::from(first & 3)], body, shape) {
        Ok(images) => {
            assert!(!images.is_empty());
            for image in images {
                match image {
                    Ok(pixels) => assert_eq!(pixels.len(), shape.len()),
                    Err(reason) => check(&reason),
                }
            }
        }
        Err(reason) => check(&reason),
    }
});

/// A reason must be one short line.
fn check(reason: &str) {
    assert!(!reason.is_empty() && reason.chars().count() <= 310, "{reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
}
