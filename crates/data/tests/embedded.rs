//! The embedded data is what it is said to be, and can be made again.

mod common;

use std::path::PathBuf;

use md5::{Digest, Md5};
use modiste_data::{
    DataInfo, Dataset, EMBEDDED_FILES, FASHION_CLASSES, OFFICIAL_FILES, PartName, PixelStatistics,
    Source, Split, info, load, parse_idx, write_idx_gz,
};

/// MD5 sums of the embedded files, in the order of the constant.
const SUMS: [[&str; 2]; 3] = [
    ["4e1127aed59e06055977fe26af48b424", "0df0d2752e19bb5ccb8ff00a91cbfa40"],
    ["2da266d9e7423d3dd8a71a08f5645a8c", "76ad91909fcaae27c6c90e454fd3ea92"],
    ["f0d54bb626e160524d5090e3dbf34d41", "63282bb184ac7e3a407d1562126dffd4"],
];

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn embedded() -> Dataset {
    load(&Source::Embedded, &Split::Paper, 0).unwrap()
}

/// The official files, where the environment says they are.
fn official() -> Option<PathBuf> {
    std::env::var_os("MODISTE_FASHION_MNIST").map(PathBuf::from)
}

fn duplicates(info: &DataInfo) -> usize {
    info.duplicates.iter().map(|count| count.images).sum()
}

#[test]
fn files_have_their_checksums() {
    for (files, sums) in EMBEDDED_FILES.iter().zip(SUMS) {
        for ((name, bytes), sum) in files.iter().zip(sums) {
            assert_eq!(md5(bytes), sum, "{name}");
        }
    }
}

#[test]
fn packing_again_gives_the_same_bytes() {
    for (name, bytes) in EMBEDDED_FILES.as_flattened() {
        let idx = parse_idx(bytes, name).unwrap();
        assert!(write_idx_gz(&idx.dims, &idx.data) == *bytes, "{name}");
    }
}

#[test]
fn paper_split_is_balanced_and_without_duplicates() {
    let data = embedded();
    // The table of labels on the data set's page, 0 to 9.
    let page =
        "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot";
    assert_eq!(data.classes.join(", "), page);
    assert_eq!(data.classes, FASHION_CLASSES);
    assert_eq!(data.shape().to_string(), "28x28x1");
    for (part, each) in PartName::ALL.into_iter().zip([500, 100, 100]) {
        assert_eq!(data.part(part).len(), 10 * each);
        assert_eq!(data.part(part).class_counts(10).unwrap(), [each; 10]);
    }
    let info = info(&data);
    assert!(info.parts.iter().all(|part| part.balanced && part.labelled));
    assert!(info.parts.iter().flat_map(|part| &part.classes).all(|class| class.share == 0.1));
    assert_eq!(duplicates(&info), 0);
    // The official training file has 0.2860406 and 0.3530242; 4,704,000 of its pixels come close.
    let PixelStatistics { mean, deviation } = info.train_and_validation;
    assert!((mean - 0.2860406).abs() < 0.002, "{mean}");
    assert!((deviation - 0.3530242).abs() < 0.002, "{deviation}");
}

#[test]
fn full_split_of_the_embedded_data_says_what_to_do() {
    let error = load(&Source::Embedded, &Split::Full, 0).unwrap_err().to_string();
    common::expect_line(&error, "fashion-mnist", "modiste data fetch");
}

#[test]
fn embedded_images_can_be_split_otherwise() {
    let data = load(&Source::Embedded, &"4000/2000/500".parse().unwrap(), 3).unwrap();
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [4000, 2000, 500]);
    assert_eq!(data.test.class_counts(10).unwrap(), [50; 10]);
    assert_eq!(duplicates(&info(&data)), 0);
    let error = load(&Source::Embedded, &"6000/1000/10".parse().unwrap(), 3).unwrap_err();
    common::expect_line(&error.to_string(), "6000/1000/10", "only 6000 images");
}

/// Runs where MODISTE_FASHION_MNIST names the folder of the official files.
#[test]
fn official_files_give_the_embedded_split_and_the_published_facts() {
    let Some(folder) = official() else { return };
    for file in OFFICIAL_FILES {
        let bytes = std::fs::read(folder.join(file.name)).unwrap();
        assert_eq!((bytes.len() as u64, md5(&bytes).as_str()), (file.bytes, file.md5));
    }
    let source = Source::Folder(folder);
    let paper = load(&source, &Split::Paper, 99).unwrap();
    assert!(paper == embedded());
    let full = load(&source, &Split::Full, 99).unwrap();
    let info = info(&full);
    for (part, each) in info.parts.iter().zip([5000, 1000, 1000]) {
        assert!(part.classes.iter().all(|class| class.images == each), "{part:?}");
    }
    let PixelStatistics { mean, deviation } = info.train_and_validation;
    assert_eq!(format!("{mean:.7} {deviation:.7}"), "0.2860406 0.3530242");
    assert_eq!(duplicates(&info), 0);
    // What validates the paper's split never trains the full one.
    let train: std::collections::HashSet<_> =
        (0..full.train.len()).map(|i| full.train.images.get(i)).collect();
    let images = &paper.validation.images;
    assert!((0..images.len()).all(|i| !train.contains(images.get(i))));
}
