//! `modiste explain`.

use std::fs;

use modiste_draw::Picture;

use crate::util::{Folder, bytes};

/// A folder with the run `run` and the picture `shirt.png`, a bright square on black.
fn trained() -> Folder {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let inside = |i: usize| (6..22).contains(&(i / 28)) && (8..20).contains(&(i % 28));
    let pixels = (0..28 * 28).map(|i| if inside(i) { 200 } else { 0 }).collect();
    fs::write(folder.path("shirt.png"), Picture::new(pixels, [28, 28, 1]).unwrap().png()).unwrap();
    folder
}

#[test]
fn a_picture_is_explained_both_ways() {
    let folder = trained();
    let json = folder.run(&["explain", "run", "shirt.png", "--json"]).expect_quiet().json();
    assert_eq!((&json["method"], &json["layer"]), (&"grad-cam".into(), &"output.relu".into()));
    assert_eq!(json["out"], "explanation.svg");
    let image = &json["images"][0];
    assert_eq!(image["image"], "shirt.png");
    assert_eq!(
        (&image["maps"][0]["class"], image["truth"].is_null()),
        (&image["prediction"], true)
    );
    let svg = String::from_utf8(bytes(&folder.path("explanation.svg"))).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("shirt.png"), "{}", &svg[..200]);

    let occlusion = ["--method", "occlusion", "--patch", "9", "--stride", "3", "--class", "bag"];
    let args = [&["explain", "run/best.safetensors", "shirt.png"][..], &occlusion].concat();
    let json = folder.run(&[&args[..], &["--out", "o.png", "--json"]].concat()).expect(0).json();
    assert_eq!((&json["method"], json["layer"].is_null()), (&"occlusion".into(), true));
    let map = &json["images"][0]["maps"][0];
    assert_eq!(map["class"], "Bag");
    let rows: Vec<Vec<f64>> = serde_json::from_value(map["map"].clone()).unwrap();
    assert!(rows.len() == 28 && rows.iter().all(|row| row.len() == 28));
    assert!(rows.concat().iter().all(|value| (0.0..=1.0).contains(value)));
    assert!(bytes(&folder.path("o.png")).starts_with(b"\x89PNG"));
    let said = folder.run(&[&args[..], &["--threads", "1"]].concat()).expect_quiet();
    assert!(
        said.stdout.contains("Bag") && said.stdout.contains("explanation.svg"),
        "{}",
        said.stdout
    );
}

#[test]
fn without_pictures_the_worst_mistakes_are_explained() {
    let folder = trained();
    let args = ["explain", "run", "--mistakes", "2", "--out", "wrong.svg", "--json"];
    let json = folder.run(&args).expect(0).json();
    let images = json["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    for image in images {
        assert_ne!(image["truth"], image["prediction"]);
        let maps = image["maps"].as_array().unwrap();
        assert_eq!((&maps[0]["class"], &maps[1]["class"]), (&image["prediction"], &image["truth"]));
    }
    // The report shows them, too.
    let kept = String::from_utf8(bytes(&folder.path("run/evaluation.json"))).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let parts = kept["parts"].as_array().unwrap();
    let validation = parts.iter().find(|part| part["part"] == "validation").unwrap();
    assert_eq!(validation["mistakes"][0]["beside"].as_array().unwrap().len(), 1);
    let page = String::from_utf8(bytes(&folder.path("run/report.html"))).unwrap();
    assert!(page.contains("a heat map of its answer (Grad-CAM)"));
    let file = ["explain", "run/best.safetensors"];
    folder
        .run(&file)
        .expect_error(1, &["best.safetensors: is not a run with mistakes", "give pictures"]);
    fs::remove_file(folder.path("run/evaluation.json")).unwrap();
    folder
        .run(&["explain", "run"])
        .expect_error(1, &["run: has no stored mistakes", "modiste report"]);
}

#[test]
fn what_makes_no_sense_is_said_in_a_line() {
    let folder = trained();
    fs::write(folder.path("text"), "text").unwrap();
    let explain = |args: &[&str]| folder.run(&[&["explain", "run", "shirt.png"], args].concat());
    explain(&["--class", "Shoe"]).expect_error(2, &["--class \"Shoe\"", "T-shirt/top, Trouser"]);
    explain(&["--layer", "blocks.9"]).expect_error(2, &["there is no layer \"blocks.9\""]);
    explain(&["--layer", "dense"]).expect_error(2, &["layer \"dense\" is a single pixel"]);
    explain(&["--patch", "3"])
        .expect_error(2, &["--patch: has no effect without --method occlusion"]);
    explain(&["--method", "occlusion", "--layer", "dense"])
        .expect_error(2, &["--layer: has no effect"]);
    for patch in [["--patch", "0"], ["--stride", "0"]] {
        let said = explain(&[&["--method", "occlusion"], &patch[..]].concat()).expect(2);
        assert!(said.stderr.contains("not a number of pixels"), "{}", said.stderr);
    }
    for patch in [["--patch", "29"], ["--stride", "8"]] {
        let said = explain(&[&["--method", "occlusion"], &patch[..]].concat());
        said.expect_error(1, &["does not fit into an image of 28x28x1"]);
    }
    explain(&["--out", "map.gif"]).expect_error(2, &["--out map.gif: must end in .svg or .png"]);
    explain(&["--out", "no/map.svg"]).expect_error(1, &["no/map.svg: failed to write"]);
    explain(&["--mistakes", "3"]).expect(2);
    folder
        .run(&["explain", "text", "shirt.png"])
        .expect_error(1, &["text: is not a whole safetensors"]);
    folder.run(&["explain", "run", "text"]).expect_error(1, &["text: is not a"]);
    folder
        .run(&["explain", "run", "nowhere.png"])
        .expect_error(1, &["nowhere.png: failed to read"]);
    assert!(!folder.path("explanation.svg").exists(), "something was written");
}
