//! The description of data (counts, mean and deviation, duplicates) against numbers computed by hand.

use modiste_data::{Dataset, DuplicateCount, Images, Part, PartName, info};
use modiste_spec::Shape;

/// A part of 1 x 2 images.
fn part(pixels: &[u8], labels: Option<&[u16]>) -> Part {
    let shape = Shape { height: 1, width: 2, channels: 1 };
    let images = Images { shape, pixels: pixels.to_vec() };
    Part::new(images, labels.map(<[u16]>::to_vec))
}

fn dataset() -> Dataset {
    let parts = [
        part(&[0, 0, 255, 255, 0, 0, 0, 0], Some(&[0, 1, 0, 1])),
        part(&[0, 0, 7, 9], Some(&[1, 0])),
        part(&[7, 9, 0, 0, 7, 9, 1, 2], None),
    ];
    Dataset::new("made", vec!["a".into(), "b".into()], "full", parts)
}

#[test]
fn counts_shares_and_moments() {
    let info = info(&dataset());
    let [train, validation, test] = info.parts.as_slice() else { panic!("three parts") };
    assert_eq!((train.images, train.labelled, train.balanced), (4, true, true));
    assert_eq!((train.classes[1].name.as_str(), train.classes[1].share), ("b", 0.5));
    assert_eq!((validation.images, validation.classes[0].images), (2, 1));
    assert_eq!((test.labelled, test.balanced, test.classes.len()), (false, false, 0));
    assert_eq!(train.pixels.mean, 0.25);
    assert!((train.pixels.deviation - 0.1875_f64.sqrt()).abs() < 1e-15);
    assert!((validation.pixels.mean - 4.0 / 255.0).abs() < 1e-15);
    assert!((info.train_and_validation.mean - 526.0 / 12.0 / 255.0).abs() < 1e-15);
}

#[test]
fn duplicates_within_and_across_the_parts() {
    let info = info(&dataset());
    let of = |first, second| -> DuplicateCount {
        let found = info.duplicates.iter().find(|d| (d.first, d.second) == (first, second));
        *found.unwrap_or_else(|| panic!("{first} and {second} are not listed"))
    };
    use PartName::{Test, Train, Validation};
    let counted = |first, second| (of(first, second).images, of(first, second).other_label);
    assert_eq!(counted(Train, Train), (2, 1));
    assert_eq!(counted(Train, Validation), (1, 1));
    assert_eq!(counted(Validation, Validation), (0, 0));
    assert_eq!(counted(Train, Test), (1, 0));
    assert_eq!(counted(Validation, Test), (3, 0));
    assert_eq!(counted(Test, Test), (1, 0));
    assert_eq!(info.duplicates.len(), 6);
    let examples: Vec<_> = info.duplicate_examples.iter().map(|d| (d.first, d.second)).collect();
    assert_eq!(examples[0], ((Train, 0), (Train, 2)));
    assert_eq!(examples[3], ((Validation, 1), (Test, 0)));
    assert_eq!(examples.len(), 6);
}

#[test]
fn an_empty_part_has_no_moments() {
    let data = Dataset { validation: part(&[], Some(&[])), ..dataset() };
    let info = info(&data);
    assert_eq!((info.parts[1].pixels.mean, info.parts[1].pixels.deviation), (0.0, 0.0));
    assert!(serde_json::to_string(&info).unwrap().contains(r#""part":"validation","images":0"#));
}
