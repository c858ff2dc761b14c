//! `modiste diagram` and `modiste data samples`: files that can be looked at.

use crate::util::{Folder, bytes};

#[test]
fn structure_and_block_are_drawn_as_the_ending_says() {
    let folder = Folder::new();
    let paper = ["diagram", "--preset", "paper", "--length", "3", "--out", "a.svg"];
    assert_eq!(folder.run(&paper).expect_quiet().stdout, "a.svg\n");
    let svg = String::from_utf8(bytes(&folder.path("a.svg"))).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("Inception-ResNet block × 3"), "{svg}");
    assert!(!svg.contains("<text"), "its text needs a font");
    let light = ["diagram", "--preset", "light", "--block"];
    folder.run(&[&light[..], &["--out", "b.png"]].concat()).expect_quiet();
    folder.run(&[&light[..], &["reduction", "--out", "c.png"]].concat()).expect_quiet();
    let [b, c] = ["b.png", "c.png"].map(|name| bytes(&folder.path(name)));
    assert!(b.starts_with(b"\x89PNG\r\n\x1a\n") && c.starts_with(b"\x89PNG\r\n\x1a\n") && b != c);
    folder.run(&[&light[..], &["--out", "b.png"]].concat()).expect_quiet();
    assert!(bytes(&folder.path("b.png")) == b, "other bytes the second time");
}

#[test]
fn a_model_is_drawn_as_it_is() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let from_model = ["diagram", "run", "--block", "--out", "model.svg"];
    folder.run(&from_model).expect_quiet();
    let options = ["--preset", "light", "--length", "1", "--width", "1", "--stem-stride", "4"];
    let described = [&["diagram", "--block", "--out", "described.svg"], &options[..]].concat();
    folder.run(&described).expect_quiet();
    assert!(bytes(&folder.path("model.svg")) == bytes(&folder.path("described.svg")));
    // The report's figures are the same drawings.
    let title = b"<title>Inception-ResNet block</title>";
    let figure = bytes(&folder.path("run/figures/block.svg"));
    assert!(figure.windows(title.len()).any(|part| part == title));
}

#[test]
fn wrong_usage_is_told() {
    let folder = Folder::new();
    folder.run(&["diagram"]).expect(2);
    let said = folder.run(&["diagram", "--out", "a.pdf"]);
    said.expect_error(2, &["a.pdf", ".svg or", ".png"]);
    let said = folder.run(&["diagram", "--block", "blocks.9", "--out", "a.svg"]);
    said.expect_error(2, &["no block \"blocks.9\"", "stages.0", "stages.2"]);
    folder.run(&["diagram", "nowhere", "--out", "a.svg"]).expect_error(1, &["nowhere"]);
    folder.run(&["diagram", "--out", "nowhere/a.svg"]).expect_error(1, &["nowhere/a.svg"]);
    folder.run(&["data", "samples", "--count", "0", "--out", "a.svg"]).expect(2);
    assert!(!folder.path("a.svg").exists());
}

#[test]
fn samples_are_a_row_a_class() {
    let folder = Folder::new();
    let args = ["data", "samples", "--count", "3", "--part", "test", "--out", "a.svg"];
    folder.run(&args).expect_quiet();
    let svg = String::from_utf8(bytes(&folder.path("a.svg"))).unwrap();
    assert_eq!(svg.matches("<image ").count(), 30);
    assert!(svg.contains("images of T-shirt/top, Trouser"), "{svg}");
    folder.idx("mine", 16, 2);
    let args = ["data", "samples", "--data", "mine", "--split", "8/8/8", "--out", "b.png"];
    folder.run(&args).expect_quiet();
    assert!(bytes(&folder.path("b.png")).starts_with(b"\x89PNG"));
}
