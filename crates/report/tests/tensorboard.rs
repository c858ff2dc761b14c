//! Compares event files with the bytes that the tensorboard package writes (`golden/make_events.py`).

use std::fs;

use modiste_report::ReportError;
use modiste_report::tensorboard::{EventWriter, Hyperparameter, Outcome};

const PNG: &[u8] = include_bytes!("../golden/dot.png");

#[test]
fn events_equal_those_of_the_tensorboard_package() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventWriter::create(folder.path(), 1.5).unwrap();
    let hyperparameters = [
        ("width".to_string(), Hyperparameter::Number(5.0)),
        ("preset".to_string(), Hyperparameter::Text("paper".into())),
        ("residual".to_string(), Hyperparameter::Flag(false)),
    ];
    events.hyperparameters(1.5, &hyperparameters, &["validation/accuracy"]).unwrap();
    events.scalars(1, 2.25, &[("train/loss", 0.75), ("validation/accuracy", 0.5)]).unwrap();
    events.scalars(300, 3.5, &[("train/loss", 0.0), ("validation/accuracy", -1.0)]).unwrap();
    events.image("confusion", 300, 3.5, PNG).unwrap();
    events.finish(9.75, Outcome::Success).unwrap();
    let expected = include_bytes!("../golden/run.tfevents");
    assert_eq!(fs::read(events.path()).unwrap(), expected);
}

#[test]
fn a_resumed_run_adds_a_file_that_replaces_later_steps() {
    let folder = tempfile::tempdir().unwrap();
    let first = EventWriter::create(folder.path(), 20.0).unwrap();
    let before = fs::read(first.path()).unwrap();
    let mut second = EventWriter::resume(folder.path(), 300, 20.0).unwrap();
    second.scalars(300, 21.0, &[("train/loss", 0.125)]).unwrap();
    let expected = include_bytes!("../golden/resumed.tfevents");
    assert_eq!(fs::read(second.path()).unwrap(), expected);
    assert!(first.path() < second.path());
    assert_eq!(fs::read(first.path()).unwrap(), before);
}

#[test]
fn an_image_must_be_a_png_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventWriter::create(folder.path(), 0.0).unwrap();
    for bytes in [&[][..], b"GIF89a", &PNG[..8], &PNG[..20], &PNG[..25]] {
        let error = events.image("confusion", 1, 0.0, bytes).unwrap_err();
        assert!(matches!(error, ReportError::NotPng { .. }), "{error}");
        assert!(error.to_string().contains("\"confusion\" is not a PNG file"));
    }
    events.image("confusion", 1, 0.0, PNG).unwrap();
}
