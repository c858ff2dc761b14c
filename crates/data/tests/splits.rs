//! Splits are stratified, seeded and disjoint, and are refused if there are too few images.

mod common;

use std::collections::HashSet;

use common::{expect_error, idx_folder, open, put};
use modiste_data::{Dataset, PartName, Split, info};

fn sizes(data: &Dataset) -> [usize; 3] {
    PartName::ALL.map(|part| data.part(part).len())
}

fn counts(data: &Dataset, part: PartName) -> Vec<usize> {
    data.part(part).class_counts(data.classes.len()).unwrap()
}

/// Expects that no image is in two parts; the images of the folder must all differ.
fn expect_disjoint(data: &Dataset) {
    let parts = PartName::ALL.map(|part| &data.part(part).images);
    let all: HashSet<_> =
        parts.iter().flat_map(|images| (0..images.len()).map(|i| images.get(i))).collect();
    assert_eq!(all.len(), sizes(data).iter().sum::<usize>());
    assert!(info(data).duplicates.iter().all(|count| count.images == 0));
}

#[test]
fn splits_round_trip_through_text() {
    for text in [
        "auto",
        "paper",
        "full",
        "official",
        "5000/1000/1000",
        "1/0/0",
        "0.8/0.1/0.1",
        "1.0/0.0/0.0",
        "full:fold=1/2",
        "8/2/0:fold=5/5",
    ] {
        assert_eq!(text.parse::<Split>().unwrap().to_string(), text);
    }
    let folds = ["paper:", "paper:2/5", "paper:fold=0/5", "paper:fold=6/5", "paper:fold=1/1"];
    let folds =
        [&folds[..], &["paper:fold=1/101", "paper:fold=1/2:fold=1/2", "x:fold=1/2"]].concat();
    let plain =
        ["", "Paper", "1/2", "1/2/3/4", "0/5/5", "-1/2/3", "0.8/0.1/0.2", "a/b/c", "nan/0/1"];
    for text in [&plain[..], &folds].concat() {
        let error = text.parse::<Split>().expect_err(text).to_string();
        common::expect_line(&error, text, "is not a split");
    }
}

#[test]
fn part_names_round_trip_through_text() {
    for part in PartName::ALL {
        assert_eq!(part.to_string().parse::<PartName>().unwrap(), part);
        assert_eq!(serde_json::to_string(&part).unwrap(), format!("\"{part}\""));
    }
    assert!("Test".parse::<PartName>().is_err());
}

#[test]
fn paper_split_takes_the_same_number_of_each_class() {
    let folder = idx_folder(&[650, 600, 700], &[100, 130, 150]);
    let data = open(&folder, "paper", 1).unwrap();
    assert_eq!(counts(&data, PartName::Train), [500; 3]);
    assert_eq!(counts(&data, PartName::Validation), [100; 3]);
    assert_eq!(counts(&data, PartName::Test), [100; 3]);
    expect_disjoint(&data);
    assert!(open(&folder, "paper", 2).unwrap() == data, "a named split depends on no seed");
}

#[test]
fn full_split_takes_everything() {
    let folder = idx_folder(&[60, 120, 18], &[5, 6, 0]);
    let data = open(&folder, "full", 1).unwrap();
    assert_eq!(counts(&data, PartName::Validation), [10, 20, 3]);
    assert_eq!(sizes(&data), [165, 33, 11]);
    expect_disjoint(&data);
}

#[test]
fn counts_keep_the_proportions_of_the_classes() {
    let folder = idx_folder(&[60, 120, 30], &[10, 20, 5]);
    let data = open(&folder, "70/35/7", 4).unwrap();
    assert_eq!(counts(&data, PartName::Train), [20, 40, 10]);
    assert_eq!(counts(&data, PartName::Validation), [10, 20, 5]);
    assert_eq!(counts(&data, PartName::Test), [2, 4, 1]);
    assert_eq!(data.split, "70/35/7");
    expect_disjoint(&data);
}

#[test]
fn counts_are_met_for_any_sizes_of_classes() {
    let folder = idx_folder(&[7, 2, 13, 2], &[3, 2, 0, 1]);
    for train in 8..=24 {
        for validation in [0, 24 - train] {
            let data = open(&folder, &format!("{train}/{validation}/5"), 4).unwrap();
            assert_eq!(sizes(&data), [train, validation, 5]);
            expect_disjoint(&data);
        }
    }
}

#[test]
fn splits_depend_only_on_the_seed() {
    let folder = idx_folder(&[60, 120, 30], &[10, 20, 5]);
    let [a, again, b] = [4, 4, 5].map(|seed| open(&folder, "70/35/7", seed).unwrap());
    assert!(a == again);
    assert!(a.train != b.train);
}

#[test]
fn a_larger_draw_holds_the_smaller_one_and_none_of_its_validation_images() {
    let folder = idx_folder(&[600, 600], &[100, 100]);
    let [small, large] = ["100/40/10", "1000/200/10"].map(|split| open(&folder, split, 4).unwrap());
    let images = &large.train.images;
    let trained: HashSet<_> = (0..images.len()).map(|i| images.get(i)).collect();
    let held = |images: &modiste_data::Images| {
        (0..images.len()).filter(|&i| trained.contains(images.get(i))).count()
    };
    assert_eq!(held(&small.train.images), 100);
    assert_eq!(held(&small.validation.images), 0);
}

#[test]
fn shares_keep_the_source_s_own_test_part() {
    let folder = idx_folder(&[60, 120], &[10, 20]);
    assert_eq!(sizes(&open(&folder, "0.6/0.2/0.2", 4).unwrap()), [135, 45, 30]);
}

#[test]
fn named_splits_keep_the_source_s_own_parts() {
    let folder = competition(6, 4);
    let data = open(&folder, "full", 1).unwrap();
    assert_eq!(sizes(&data), [6, 4, 5]);
    assert_eq!(data.test.labels, None);
    // A new draw keeps the test images apart, too.
    let data = open(&folder, "8/2/5", 1).unwrap();
    assert_eq!(sizes(&data), [8, 2, 5]);
    expect_disjoint(&data);
}

#[test]
fn competition_files_of_the_paper_s_sizes_are_the_paper_split() {
    let folder = competition(1000, 200);
    let data = open(&folder, "paper", 1).unwrap();
    assert_eq!(sizes(&data), [1000, 200, 5]);
    let full = open(&folder, "full", 1).unwrap();
    assert!(PartName::ALL.iter().all(|&part| data.part(part) == full.part(part)));
    let folder = competition(1300, 300);
    let data = open(&folder, "paper", 1).unwrap();
    assert_eq!(counts(&data, PartName::Train), [500; 2]);
    assert_eq!(counts(&data, PartName::Validation), [100; 2]);
    assert_eq!(sizes(&data), [1000, 200, 5], "an unlabelled test part stays whole");
    expect_disjoint(&data);
}

/// A competition folder of two classes with five test images and these numbers of other images.
fn competition(train: usize, validation: usize) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    let mut first = 0;
    for (name, count) in [("train", train), ("validation", validation), ("test", 5)] {
        let images: Vec<u8> = (first..first + count).flat_map(|i| common::pixels(i, 9)).collect();
        first += count;
        put(&folder, &format!("{name}.npy"), &common::npy("|u1", &[count, 9], &images));
        let rows: String = (0..count).map(|i| format!("{i},{}\n", i % 2)).collect();
        if name != "test" {
            put(&folder, &format!("{name}.csv"), format!("id,class\n{rows}").as_bytes());
        }
    }
    folder
}

#[test]
fn too_few_images_are_refused() {
    let folder = idx_folder(&[650, 600, 300], &[100, 100, 100]);
    expect_error(&folder, "paper", "split paper", "class 2 has 300 images, but 600 are needed");
    expect_error(&folder, "1500/51/10", "1500/51/10", "only 1550 images for training and valid");
    expect_error(&folder, "150/50/301", "150/50/301", "only 300 images for test");
    expect_error(&folder, "18446744073709551615/2/0", "split", "only 1550 images");
    expect_error(&folder, "1/1/1", "split 1/1/1", "no image of class");
}

#[test]
fn every_image_validates_in_one_fold_and_trains_in_all_others() {
    let folder = idx_folder(&[61, 120, 32], &[10, 20, 5]);
    let base = open(&folder, "70/35/7", 4).unwrap();
    let folds: Vec<Dataset> =
        (1..=4).map(|i| open(&folder, &format!("70/35/7:fold={i}/4"), 4).unwrap()).collect();
    let images = |data: &Dataset, part| {
        let images = &data.part(part).images;
        (0..images.len()).map(|i| images.get(i).to_vec()).collect::<Vec<_>>()
    };
    let pool: HashSet<Vec<u8>> = [PartName::Train, PartName::Validation]
        .iter()
        .flat_map(|&part| images(&base, part))
        .collect();
    let [train, validation] =
        [PartName::Train, PartName::Validation].map(|part| counts(&base, part));
    let pooled: Vec<usize> = train.iter().zip(&validation).map(|(a, b)| a + b).collect();
    let mut validated = Vec::new();
    for data in &folds {
        expect_disjoint(data);
        assert!(data.test == base.test, "the test part is the split's own");
        assert_eq!(data.train.len() + data.validation.len(), pool.len());
        // Each class is spread over the four folds to within one image.
        for (count, all) in counts(data, PartName::Validation).into_iter().zip(&pooled) {
            assert!((all / 4..=all.div_ceil(4)).contains(&count), "{count} of {all}");
        }
        validated.extend(images(data, PartName::Validation));
    }
    assert_eq!(validated.len(), pool.len());
    assert!(validated.into_iter().collect::<HashSet<_>>() == pool);
    let other = open(&folder, "70/35/7:fold=1/4", 5).unwrap();
    assert!(other.validation != folds[0].validation, "the seed draws the folds");
    let named =
        ["1", "2"].map(|seed| open(&folder, "full:fold=1/4", seed.parse().unwrap()).unwrap());
    assert!(named[0].validation != named[1].validation, "folds of a named split differ, too");
    expect_error(&folder, "10/4/0:fold=1/9", "fold=1/9", "for 9 folds");
}
