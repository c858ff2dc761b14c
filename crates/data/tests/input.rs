//! Images to predict on, read in pieces from any file, folder or pipe.

mod common;

use std::io::Cursor;

use common::{expect_line, golden, idx, npy, put};
use modiste_data::photo::Limits;
use modiste_data::{DataError, ImageStream, Input, files_below, parse_npy, write_idx_gz};
use tempfile::TempDir;

/// All images of a stream, `most` at a time.
fn all(mut stream: ImageStream, most: usize) -> Result<Vec<u8>, DataError> {
    let (mut pixels, mut piece) = (Vec::new(), Vec::new());
    loop {
        let count = stream.next(most, &mut piece)?;
        assert_eq!(piece.len(), count * stream.shape().len());
        if count == 0 {
            assert_eq!(pixels.len(), stream.len() * stream.shape().len());
            return Ok(pixels);
        }
        pixels.append(&mut piece);
    }
}

fn open(folder: &TempDir, name: &str, bytes: &[u8]) -> Result<ImageStream, DataError> {
    match Input::open(&put(folder, name, bytes), &Limits::default(), None)? {
        Input::Images(stream) => Ok(stream),
        _ => panic!("{name} is not recognised as a stream of images"),
    }
}

fn pipe(bytes: &[u8]) -> Result<ImageStream, DataError> {
    match Input::read(Cursor::new(bytes.to_vec()), "dir/pipe", &Limits::default())? {
        Input::Images(stream) => Ok(stream),
        _ => panic!("not recognised as a stream of images"),
    }
}

#[test]
fn every_format_gives_the_same_images_in_pieces_and_as_a_whole() {
    let folder = TempDir::new().unwrap();
    for name in [
        "rows-u1",
        "rows-i2",
        "rows-u4",
        "rows-big-u2",
        "rows-i8",
        "rows-f4",
        "rows-f8",
        "rows-big-f8",
        "rows-unit",
        "rows-fortran",
        "cube-fortran",
        "cube",
        "colour",
        "colour-rows",
    ] {
        let bytes = golden(&format!("{name}.npy"));
        let whole = parse_npy(&bytes, "whole").unwrap();
        for most in [1, 4, 100] {
            let stream = open(&folder, name, &bytes).unwrap();
            assert_eq!((stream.len(), stream.shape()), (6, whole.shape), "{name}");
            assert_eq!(all(stream, most).unwrap(), whole.pixels, "{name}");
            assert_eq!(all(pipe(&bytes).unwrap(), most).unwrap(), whole.pixels, "{name}");
        }
    }
    let data: Vec<u8> = (0..84).collect();
    let (plain, packed) = (idx(&[7, 3, 4], &data), write_idx_gz(&[7, 3, 4], &data));
    for (name, bytes) in [("plain", plain), ("packed.gz", packed)] {
        for most in [1, 3, 7, 100] {
            assert_eq!(all(open(&folder, name, &bytes).unwrap(), most).unwrap(), data);
            assert_eq!(all(pipe(&bytes).unwrap(), most).unwrap(), data);
        }
    }
}

#[test]
fn files_with_wrong_headers_are_refused() {
    let folder = TempDir::new().unwrap();
    let data: Vec<u8> = (0..84).collect();
    let (plain, packed) = (idx(&[7, 3, 4], &data), write_idx_gz(&[7, 3, 4], &data));
    let rows = golden("rows-u1.npy");
    let late = npy("<f4", &[2, 1], &[[0, 0, 0, 0], 300_f32.to_le_bytes()].concat());
    let whole = |bytes: &[u8]| open(&folder, "file", bytes).and_then(|stream| all(stream, 2));
    let piped = |bytes: &[u8]| pipe(bytes).and_then(|stream| all(stream, 2));
    let longer = |bytes: &[u8]| [bytes, b"!"].concat();
    let integers = npy("<i2", &[2, 1], &[1, 0, 0, 3]);
    for (bytes, from_file, from_pipe) in [
        (b"".to_vec(), "is empty", "is empty"),
        (b"hats and shoes".to_vec(), "is not PNG, JPEG", "is not PNG, JPEG"),
        (plain[..7].to_vec(), "truncated in its header", "truncated in its header"),
        (plain[..50].to_vec(), "is truncated: 7 x 3 x 4 bytes", "7 images announced, 2 there"),
        (longer(&plain), "is longer than", "is longer than the 7 images"),
        (
            packed[..packed.len() - 4].to_vec(),
            "is truncated in its data",
            "is truncated in its data",
        ),
        (write_idx_gz(&[84], &data), "not those of images", "not those of images"),
        (idx(&[0, 3, 4], b""), "holds no image", "holds no image"),
        (rows[..rows.len() - 1].to_vec(), "claims [6, 16] elements", "6 images announced, 5 there"),
        (longer(&rows), "is longer than the 96 bytes", "is longer than the 6 images"),
        (late, "image 1 holds 300", "image 1 holds 300"),
        (integers, "image 1 holds 768", "image 1 holds 768"),
    ] {
        expect_line(&whole(&bytes).unwrap_err().to_string(), "file", from_file);
        expect_line(&piped(&bytes).unwrap_err().to_string(), "dir/pipe", from_pipe);
    }
    // Memory is not reserved for what a compressed header claims.
    let mut claim = idx(&[1, u32::MAX, u32::MAX], b"few");
    let refused = piped(&claim).unwrap_err().to_string();
    expect_line(&refused, "dir/pipe", "too large to be read");
    claim[7] = 0;
    expect_line(&piped(&claim).unwrap_err().to_string(), "dir/pipe", "holds no image");
}

#[test]
fn pictures_are_recognised_by_their_first_bytes() {
    let folder = TempDir::new().unwrap();
    for file in ["grey.png", "grey.jpg", "colour.webp", "grey.bmp"] {
        let path = put(&folder, "any-name", &golden(file));
        let Ok(Input::Picture(bytes)) = Input::open(&path, &Limits::default(), None) else {
            panic!("{file}");
        };
        assert!(bytes == golden(file));
        let limits = Limits { bytes: 60, ..Limits::default() };
        let error = Input::open(&path, &limits, None).err().unwrap().to_string();
        expect_line(&error, "any-name", "over the limit of 60");
    }
}

#[test]
fn folders_are_read_in_the_order_of_the_names() {
    let folder = TempDir::new().unwrap();
    for name in ["b/2.png", "b/1.png", "a.png", "c.png", "b/a/3.png", ".hidden/4.png"] {
        put(&folder, name, b"x");
    }
    let shown = || -> Vec<String> {
        let strip = |path: &std::path::Path| path.strip_prefix(folder.path()).unwrap().to_owned();
        files_below(folder.path())
            .map(|file| match file {
                Ok(path) => strip(&path).display().to_string(),
                Err(error) => error.to_string().rsplit(": ").next().unwrap().to_owned(),
            })
            .collect()
    };
    assert_eq!(shown(), ["a.png", "b/1.png", "b/2.png", "b/a/3.png", "c.png"]);
    std::fs::create_dir(folder.path().join("bb")).unwrap();
    assert_eq!(shown()[4], "holds no picture");
}

#[cfg(unix)]
#[test]
fn a_folder_that_contains_itself_is_read_once() {
    let folder = TempDir::new().unwrap();
    put(&folder, "1.png", b"x");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    let found: Vec<_> = files_below(folder.path()).collect();
    assert!(found.len() < 100);
    assert!(found.last().unwrap().is_err(), "{found:?}");
}
