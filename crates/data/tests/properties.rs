//! Arbitrary bytes and randomly changed files never cause a panic: the result is data or an error that
//! names the file. The fuzz targets run the same parsers.

mod common;

use common::{golden, idx};
use modiste_data::photo::{Background, Limits, prepare};
use modiste_data::{
    DataError, fill_submission, parse_idx, parse_images, parse_labels_csv, parse_npy,
    parse_picture, write_idx_gz,
};
use modiste_spec::Shape;
use proptest::prelude::*;

/// Expects that every parser accepts the bytes or names the file in one line.
fn expect_data_or_name(bytes: &[u8]) {
    fn check<T>(parsed: Result<T, DataError>) {
        if let Err(error) = parsed {
            common::expect_line(&error.to_string(), "dir/file: ", "");
        }
    }
    check(parse_idx(bytes, "dir/file"));
    check(parse_images(bytes, "dir/file"));
    check(parse_npy(bytes, "dir/file"));
    check(parse_picture(bytes, "dir/file"));
    let limits = Limits { bytes: 1 << 20, pixels: 1 << 20, side: 4_096 };
    for channels in [1, 3] {
        let shape = Shape { height: 8, width: 6, channels };
        check(prepare(bytes, "dir/file", shape, Background::Auto, &limits));
    }
    check(parse_labels_csv(bytes, "dir/file"));
    check(fill_submission(bytes, "dir/file", &[1, 2]));
}

/// Number of files in [`valid_files`].
const FILES: usize = 27;

/// Small valid files of every format.
fn valid_files() -> Vec<Vec<u8>> {
    let mut files = vec![
        idx(&[2, 3, 4], &[7; 24]),
        write_idx_gz(&[2, 3, 4], &[7; 24]),
        b"id,class\n0,3\n1,\"4\"\n".to_vec(),
    ];
    let names = [
        "rows-u1.npy",
        "rows-f4.npy",
        "rows-big-f8.npy",
        "cube-fortran.npy",
        "structured.npy",
        "grey.png",
        "grey-16.png",
        "colour.png",
        "palette.png",
        "transparent.png",
        "grey.jpg",
        "colour.jpg",
        "progressive.jpg",
        "colour.webp",
        "lossy.webp",
        "transparent.webp",
        "animated.webp",
        "colour.bmp",
        "grey.bmp",
        "colour-32.bmp",
        "palette.bmp",
        "turned-6.png",
        "turned.jpg",
        "turned.webp",
    ];
    files.extend(names.map(golden));
    assert_eq!(files.len(), FILES);
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        expect_data_or_name(&bytes);
    }

    #[test]
    fn bytes_after_a_magic_number_give_data_or_an_error(
        start in 0..FILES,
        length in 0..40_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let file = &valid_files()[start];
        expect_data_or_name(&[&file[..length.min(file.len())], &bytes].concat());
    }

    #[test]
    fn changed_files_give_data_or_an_error(
        file in 0..FILES,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = valid_files()[file].clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if !whole {
            bytes.truncate(end.index(bytes.len()));
        }
        expect_data_or_name(&bytes);
    }

    #[test]
    fn idx_files_come_back_as_they_were_written(
        dims in proptest::collection::vec(0..6_usize, 1..=4),
        seed in any::<u8>(),
    ) {
        let size: usize = dims.iter().product();
        let data: Vec<u8> = (0..size).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let file = parse_idx(&write_idx_gz(&dims, &data), "file").unwrap();
        prop_assert_eq!((&file.dims, &file.data), (&dims, &data));
        let wide: Vec<u32> = dims.iter().map(|&dim| dim as u32).collect();
        prop_assert_eq!(parse_idx(&idx(&wide, &data), "file").unwrap(), file);
    }

    #[test]
    fn npy_values_come_back_in_every_integer_type(
        values in proptest::collection::vec(any::<u8>(), 1..40),
        kind in 0..7_usize,
    ) {
        let (element, width) =
            [("<u2", 2), (">u2", 2), ("<i4", 4), (">i8", 8), ("<u8", 8), ("|u1", 1), ("=i2", 2)][kind];
        let mut data = Vec::new();
        for &value in &values {
            let mut word = u64::from(value).to_le_bytes()[..width].to_vec();
            if element.starts_with('>') {
                word.reverse();
            }
            data.extend(word);
        }
        let images = parse_npy(&common::npy(element, &[values.len(), 1], &data), "file").unwrap();
        prop_assert_eq!(images.pixels, values);
    }
}
