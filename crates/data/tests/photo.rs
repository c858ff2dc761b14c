//! Pictures of any kind become images of the size and form that a network takes.

mod common;

use common::{expect_line, golden};
use modiste_data::photo::{Background, Limits, Prepared, prepare};
use modiste_data::{Images, Source, load, parse_npy, parse_picture};
use modiste_spec::Shape;

const GREY: Shape = Shape { height: 28, width: 28, channels: 1 };
const COLOURED: Shape = Shape { height: 28, width: 28, channels: 3 };

fn prepared(bytes: &[u8], shape: Shape, background: Background) -> Prepared {
    prepare(bytes, "dir/file", shape, background, &Limits::default()).unwrap()
}

#[track_caller]
fn expect_refusal(bytes: &[u8], limits: &Limits, problem: &str) {
    let error = prepare(bytes, "dir/file", GREY, Background::Auto, limits).unwrap_err();
    expect_line(&error.to_string(), "dir/file: ", problem);
}

/// A BMP picture of 24 bits a pixel; `pixel` gives the grey value at (row, column).
fn bmp(height: usize, width: usize, pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let row = (3 * width).next_multiple_of(4);
    let word = |value: usize| (value as u32).to_le_bytes();
    let mut file = [&b"BM"[..], &word(54 + row * height), &[0; 4], &word(54), &word(40)].concat();
    file.extend([word(width), word(height)].concat());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for y in (0..height).rev() {
        let mut line: Vec<u8> = (0..width).flat_map(|x| [pixel(y, x); 3]).collect();
        line.resize(row, 0);
        file.extend(line);
    }
    file
}

/// The image as a photograph: each pixel enlarged to `scale` x `scale`, at (top, left) of a sheet of this
/// brightness and size. On a bright sheet the image is inverted.
fn photograph(
    image: &[u8],
    scale: usize,
    (top, left): (usize, usize),
    (height, width): (usize, usize),
    sheet: u8,
) -> Vec<u8> {
    bmp(height, width, |y, x| {
        let (row, column) = (y.wrapping_sub(top) / scale, x.wrapping_sub(left) / scale);
        let value = if row < 28 && column < 28 { image[row * 28 + column] } else { 0 };
        if sheet >= 128 { sheet - value.min(sheet) } else { value.max(sheet) }
    })
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / a.len() as f64
}

fn validation_images() -> Images {
    load(&Source::Embedded, &"paper".parse().unwrap(), 0).unwrap().validation.images
}

#[test]
fn lossless_formats_give_the_pixels_that_were_stored() {
    let shape = |side, channels| Shape { height: side, width: side, channels };
    let stored = |file: &str| parse_picture(&golden(file), file).unwrap();
    let (grey, colour) = (stored("grey.png"), stored("colour.png"));
    assert_eq!((grey.shape, colour.shape), (shape(4, 1), shape(4, 3)));
    for file in ["colour.bmp", "colour-32.bmp"] {
        assert_eq!(stored(file), colour, "{file}");
    }
    assert_eq!(
        stored("grey.bmp").pixels,
        grey.pixels.iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>()
    );
    assert_eq!(stored("palette.bmp"), stored("palette.png"));
    let large = stored("colour.webp");
    assert_eq!(large.shape, shape(32, 3));
    for (i, pixel) in large.pixels.chunks_exact(3).enumerate() {
        let (y, x) = (i / 32 / 8, i % 32 / 8);
        assert_eq!(pixel, &colour.pixels[3 * (4 * y + x)..][..3]);
    }
    let lossy = parse_npy(&golden("lossy-webp.npy"), "npy").unwrap();
    assert!(mean_difference(&stored("lossy.webp").pixels, &lossy.pixels) < 1.0);
    // Pictures of the network's own size stay unchanged.
    for (file, picture) in [("grey.png", &grey), ("colour.bmp", &colour)] {
        let taken = prepared(&golden(file), picture.shape, Background::Auto);
        assert_eq!((&taken.pixels, taken.note.as_str()), (&picture.pixels, ""));
    }
}

#[test]
fn pictures_are_turned_upright_as_pillow_does() {
    let expect = |number: usize, file: &str, tolerance: f64| {
        let upright = parse_npy(&golden(&format!("turned-{number}.npy")), "npy").unwrap();
        let taken = prepared(&golden(file), upright.shape, Background::Auto);
        assert!(mean_difference(&taken.pixels, &upright.pixels) <= tolerance, "{file}");
        // A network is not trained on rotated pictures either.
        let learned = parse_picture(&golden(file), file).unwrap();
        assert_eq!(learned.shape.height, upright.shape.height, "{file}");
        if learned.shape.channels == upright.shape.channels {
            assert!(mean_difference(&learned.pixels, &upright.pixels) <= tolerance, "{file}");
        }
    };
    for number in 1..=8 {
        expect(number, &format!("turned-{number}.png"), 0.0);
    }
    expect(8, "turned.webp", 0.0);
    expect(8, "turned.jpg", 2.0);
}

#[test]
fn photographs_give_back_the_images_in_them() {
    let images = validation_images();
    let mut sums = [0.0; 3];
    for i in 0..60 {
        let image = images.get(i);
        let cases = [(7, (20, 60), 255), (9, (11, 7), 238), (8, (0, 0), 12)];
        for (sum, (scale, place, sheet)) in sums.iter_mut().zip(cases) {
            let photo = photograph(image, scale, place, (290, 300), sheet);
            let taken = prepared(&photo, GREY, Background::Auto);
            assert_eq!(taken.inverted, sheet >= 128, "image {i}: {}", taken.note);
            *sum += mean_difference(&taken.pixels, image) / 60.0;
        }
    }
    assert!(sums.iter().all(|&sum| sum < 10.0), "{sums:?}");
}

#[test]
fn notes_say_what_was_done() {
    // A dark rectangle of 100 x 40 on white.
    let inside = |y: usize, x: usize| (50..150).contains(&y) && (80..120).contains(&x);
    let photo = bmp(200, 300, |y, x| if inside(y, x) { 55 } else { 255 });
    let taken = prepared(&photo, GREY, Background::Auto);
    let note = "200 x 300 photograph, bright background inverted, cropped to 100 x 40";
    assert_eq!((taken.note.as_str(), taken.inverted), (note, true));
    // Its longer edge fills the image; the shorter one is centred.
    for (i, &value) in taken.pixels.iter().enumerate() {
        assert_eq!(value, if (9..20).contains(&(i % 28)) { 200 } else { 0 }, "{i}");
    }
    // If the background is declared dark, everything except the rectangle is the object.
    let taken = prepared(&photo, GREY, Background::Dark);
    assert!(!taken.inverted && taken.note.contains("dark background"), "{}", taken.note);
    // Neither inverted nor trimmed.
    let taken = prepared(&photo, GREY, Background::Keep);
    assert_eq!((taken.pixels[0], taken.pixels[14 * 28 + 9]), (255, 55));
    assert_eq!(taken.note, "200 x 300 photograph");
    // A network that takes colours gets the whole picture, padded with the colour of its border.
    let taken = prepared(&photo, COLOURED, Background::Auto);
    assert_eq!(
        (taken.pixels.len(), taken.pixels[0], taken.pixels[3 * (14 * 28 + 9)]),
        (2352, 255, 55)
    );
    assert!(!taken.inverted);
}

#[test]
fn an_image_of_the_network_s_own_size_is_inverted_only_if_its_border_is_bright() {
    let images = validation_images();
    let mut wrong = [0; 2];
    for i in 0..images.len() {
        let image = images.get(i);
        let taken = prepared(&bmp(28, 28, |y, x| image[28 * y + x]), GREY, Background::Auto);
        wrong[0] += usize::from(taken.inverted);
        let bright = bmp(28, 28, |y, x| 255 - image[28 * y + x]);
        let taken = prepared(&bright, GREY, Background::Auto);
        wrong[1] += usize::from(taken.pixels != image);
    }
    assert!(wrong[0] <= 4 && wrong[1] <= 4, "{wrong:?} of {} images", images.len());
    let white = bmp(28, 28, |y, x| if y.min(x) < 3 || y.max(x) > 24 { 250 } else { 9 });
    let taken = prepared(&white, GREY, Background::Auto);
    assert_eq!((taken.pixels[0], taken.pixels[400], taken.inverted), (5, 246, true));
    assert!(!prepared(&white, GREY, Background::Dark).inverted);
    assert!(prepared(&bmp(28, 28, |_, _| 3), GREY, Background::Bright).inverted);
}

#[test]
fn transparent_pictures_are_put_on_white_or_black() {
    // Opacity 9 of 255 everywhere, and colours that are not white.
    let shape = Shape { height: 4, width: 4, channels: 1 };
    let on_white = prepared(&golden("transparent.png"), shape, Background::Keep);
    let on_black = prepared(&golden("transparent.webp"), shape, Background::Dark);
    assert_eq!(
        [&on_white.note, &on_black.note],
        ["transparency on white", "transparency on black"]
    );
    assert!(on_white.pixels.iter().all(|&v| v >= 246) && on_black.pixels.iter().all(|&v| v <= 9));
}

#[test]
fn files_that_are_not_pictures_are_refused() {
    let limits = Limits::default();
    expect_refusal(b"", &limits, "is empty");
    expect_refusal(
        b"a note to the tailor",
        &limits,
        "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture",
    );
    expect_refusal(&golden("animated.webp"), &limits, "is an animated WebP picture");
    expect_refusal(&bmp(5, 6, |_, _| 0), &limits, "is 5 x 6 pixels, too small");
    expect_refusal(&bmp(100, 100, |_, _| 200), &limits, "shows nothing that differs");
    for file in
        ["palette.png", "colour.jpg", "progressive.jpg", "colour.webp", "lossy.webp", "colour.bmp"]
    {
        let whole = golden(file);
        // A PNG picture may lack its last 12 bytes, the end chunk, and a RIFF file its padding.
        let ends = [whole.len() / 4, whole.len() / 2, whole.len() - 30];
        for end in ends {
            expect_refusal(&whole[..end], &limits, "is a damaged");
        }
    }
}

#[test]
fn pictures_beyond_the_limits_are_refused() {
    let limits = Limits { bytes: 4_000, pixels: 1_000, side: 40 };
    expect_refusal(
        &golden("colour.jpg"),
        &limits,
        "is 32 x 32 pixels, over the limit of 1000 pixels",
    );
    for (file, size) in [("grey.png", "4 x 4"), ("grey.bmp", "4 x 4"), ("colour.webp", "32 x 32")] {
        let limits = Limits { side: 3, ..limits };
        expect_refusal(
            &golden(file),
            &limits,
            &format!("is {size} pixels, over the limit of 3 per side"),
        );
    }
    let long = bmp(30, 50, |_, _| 0);
    expect_refusal(&long, &limits, "is 4614 bytes long, over the limit of 4000");
    // A header that claims too much is refused before anything is allocated for it.
    let mut huge = bmp(4, 4, |_, _| 0);
    huge[18..26].copy_from_slice(&[20_000_u32.to_le_bytes(), 20_000_u32.to_le_bytes()].concat());
    expect_refusal(
        &huge,
        &Limits::default(),
        "is 20000 x 20000 pixels, over the limit of 16384 per side",
    );
    // A lossy WebP picture whose container and bitstream claim different sizes.
    let mut nested = golden("lossy.webp");
    let start = nested.windows(3).position(|three| three == [0x9d, 1, 0x2a]).unwrap();
    nested[start + 3..start + 7].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    expect_refusal(&nested, &Limits { side: 1 << 14, ..Limits::default() }, "pixels");
}
