//! The embedded data consists of the official files and gives the splits of recorded runs.

mod common;

use std::collections::HashSet;

use md5::{Digest, Md5};
use modiste_data::{
    DataInfo, Dataset, EMBEDDED_FILES, FASHION_CLASSES, Part, PartName, PixelStatistics, Source,
    Split, info, load, parse_idx,
};

/// Name, length and MD5 sum of each file, as the authors publish them.
const PUBLISHED: [(&str, usize, &str); 4] = [
    ("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    ("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
    ("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
    ("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
];

/// MD5 sums of images and labels of each part of the split `paper`, which the recorded runs used.
const PAPER: [[&str; 2]; 3] = [
    ["ec164cb5983c6eb13792c0675bc9be3e", "ccff5e4d6b512710fe1bc190b6a4e9f3"],
    ["26bece56506745be0ed8800ec4d16fd5", "0228b6a5fe4c0c76e1eb9a82276a533c"],
    ["6a1239ab8fec1a4a119532046b80c56d", "b949001101fdac369295f3786cf6bfb5"],
];

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn embedded(split: &str) -> Dataset {
    load(&Source::Embedded, &split.parse().unwrap(), 99).unwrap()
}

fn duplicates(info: &DataInfo) -> usize {
    info.duplicates.iter().map(|count| count.images).sum()
}

#[test]
fn files_have_the_published_checksums() {
    for ((name, bytes), published) in EMBEDDED_FILES.as_flattened().iter().zip(PUBLISHED) {
        assert_eq!((*name, bytes.len(), md5(bytes).as_str()), published);
    }
}

#[test]
fn paper_split_has_the_images_of_the_recorded_runs() {
    let data = embedded("paper");
    for (name, sums) in PartName::ALL.into_iter().zip(PAPER) {
        let Part { images, labels, .. } = data.part(name);
        let labels: Vec<u8> = labels.iter().flatten().map(|&label| label as u8).collect();
        assert_eq!([md5(&images.pixels), md5(&labels)], sums, "{name}");
    }
}

#[test]
fn paper_split_is_balanced_and_without_duplicates() {
    let data = embedded("paper");
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
fn full_split_takes_all_images_and_has_the_published_facts() {
    let full = embedded("full");
    let info = info(&full);
    for (part, each) in info.parts.iter().zip([5000, 1000, 1000]) {
        assert!(part.classes.iter().all(|class| class.images == each), "{part:?}");
    }
    let PixelStatistics { mean, deviation } = info.train_and_validation;
    assert_eq!(format!("{mean:.7} {deviation:.7}"), "0.2860406 0.3530242");
    assert_eq!(duplicates(&info), 0);
    // No validation image of the paper's split is a training image of the full one.
    let train: HashSet<_> = (0..full.train.len()).map(|i| full.train.images.get(i)).collect();
    let validation = embedded("paper").validation.images;
    assert!((0..validation.len()).all(|i| !train.contains(validation.get(i))));
}

#[test]
fn official_split_trains_on_the_whole_training_file() {
    let data = embedded("official");
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [60_000, 0, 10_000]);
    let unpacked = |i: usize| parse_idx(EMBEDDED_FILES[i][0].1, "embedded").unwrap().data;
    assert!(data.train.images.pixels == unpacked(0) && data.test.images.pixels == unpacked(1));
}

#[test]
fn fashion_mnist_names_the_embedded_data() {
    let named = Source::Folder("fashion-mnist".into());
    assert!(load(&named, &Split::Paper, 0).unwrap() == embedded("paper"));
    let elsewhere = Source::Folder("./fashion-mnist".into());
    let error = load(&elsewhere, &Split::Paper, 0).unwrap_err().to_string();
    common::expect_line(&error, "./fashion-mnist", "No such file");
}

#[test]
fn embedded_images_can_be_split_in_other_ways() {
    let data = embedded("4000/2000/500");
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [4000, 2000, 500]);
    assert_eq!(data.test.class_counts(10).unwrap(), [50; 10]);
    assert_eq!(duplicates(&info(&data)), 0);
    let split = "60000/1000/10".parse().unwrap();
    let error = load(&Source::Embedded, &split, 3).unwrap_err();
    common::expect_line(&error.to_string(), "60000/1000/10", "only 60000 images");
}
