//! Bad input gives one line that names the file and the problem, and status 1; nothing is lost.

use std::fs;

use crate::util::{Folder, TINY, bytes};

#[test]
fn a_folder_that_is_not_there() {
    let folder = Folder::new();
    for command in ["train", "summary"] {
        let said = folder.run(&[command, "--data", "nowhere"]);
        said.expect_error(1, &["nowhere: ", "No such file"]);
    }
    folder.run(&["data", "info", "--data", "nowhere"]).expect_error(1, &["nowhere: "]);
    folder.run(&["train", "--resume", "nowhere"]).expect_error(1, &["nowhere: ", "no run"]);
    folder.run(&["train", "--config", "nowhere.toml"]).expect_error(1, &["nowhere.toml: "]);
    folder.run(&["evaluate", "nowhere"]).expect_error(1, &["nowhere: ", "failed to read"]);
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
}

#[test]
fn a_folder_without_images() {
    let folder = Folder::new();
    fs::create_dir(folder.path("empty")).unwrap();
    folder.run(&["train", "--data", "empty"]).expect_error(1, &["empty: "]);
    fs::write(folder.path("file"), "text").unwrap();
    folder.run(&["data", "info", "--data", "file"]).expect_error(1, &["file: "]);
}

#[test]
fn idx_files_that_lie() {
    let folder = Folder::new();
    fs::create_dir(folder.path("idx")).unwrap();
    // 2^32 - 1 images of 28 x 28 in sixteen bytes.
    let images = [&[0, 0, 8, 3][..], &[255; 4], &[0, 0, 0, 28], &[0, 0, 0, 28]].concat();
    let labels = [0, 0, 8, 1, 0, 0, 0, 1, 0];
    for (name, content) in
        [("images-idx3", &images[..]), ("labels-idx1", &labels[..])].map(|(a, b)| (a, b))
    {
        for part in ["train", "t10k"] {
            fs::write(folder.path("idx").join(format!("{part}-{name}-ubyte")), content).unwrap();
        }
    }
    let said = folder.run(&["data", "info", "--data", "idx", "--split", "full"]);
    said.expect_error(1, &["images-idx3-ubyte"]);
}

#[test]
fn a_damaged_checkpoint_or_model() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    for (file, command) in [
        ("run/last.ckpt", &["train", "--resume", "run"][..]),
        ("run/best.safetensors", &["evaluate", "run"]),
    ] {
        let path = folder.path(file);
        let good = bytes(&path);
        let middle = good.len() / 2;
        let flipped = [&good[..middle], &[good[middle] ^ 1], &good[middle + 1..]].concat();
        for bad in [&flipped[..], &good[..middle], &[], b"text"] {
            fs::write(&path, bad).unwrap();
            folder.run(command).expect_error(1, &[file]);
            assert!(bytes(&path) == bad, "{file} was overwritten");
        }
        fs::write(&path, good).unwrap();
        folder.run(command).expect(0);
    }
}

#[test]
fn a_checkpoint_of_another_network() {
    let folder = Folder::new();
    folder.train(&["--out", "one"]).expect(0);
    let wider = [&TINY[..4], &["--width", "2"], &TINY[6..], &["--out", "two"]].concat();
    folder.run(&[&["train"], &wider[..]].concat()).expect(0);
    fs::copy(folder.path("one/last.ckpt"), folder.path("two/last.ckpt")).unwrap();
    let said = folder.run(&["train", "--resume", "two"]);
    said.expect_error(1, &["two/", "network.width is 2, but 1"]);
}

#[test]
fn a_configuration_with_a_typo() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let config = String::from_utf8(bytes(&folder.path("run/config.toml"))).unwrap();
    fs::write(folder.path("typo.toml"), config.replace("epochs", "epocs")).unwrap();
    let said = folder.run(&["train", "--config", "typo.toml"]);
    said.expect_error(1, &["typo.toml", "epocs"]);
    fs::write(folder.path("wild.toml"), config.replace("batch = 16", "batch = 0")).unwrap();
    let said = folder.run(&["train", "--config", "wild.toml"]);
    said.expect_error(1, &["wild.toml", "training.batch"]);
}

#[test]
fn values_that_no_field_takes_are_wrong_usage() {
    let folder = Folder::new();
    for (args, text) in [
        (&["--epochs", "0"][..], "training.epochs"),
        (&["--batch", "many"], "training.batch"),
        (&["--split", "paper/2"], "split"),
        (&["--preset", "swfit"], "swfit"),
        (&["--set", "network.lenght=2"], "network.length"),
        (&["--set", "training.schedule.patience=3"], "cosine"),
        (&["--preset", "light", "--width", "9"], "network.width"),
        (&["--widths", "16,0"], "network.widths"),
        (
            &["--preset", "light", "--dropout", "0", "--dropout-places", "dense"],
            "network.dropout_places: has no effect",
        ),
        (&["--length", "1"], "network.length: has no effect on the architecture residual"),
        (&["--preset", "light", "--residual=false", "--residual-scale", "0.1"], "has no effect"),
        (&["--batch", "3", "--set", "training.batch=4"], "no effect"),
    ] {
        folder.run(&[&["train"], args].concat()).expect_error(2, &[text]);
    }
    folder.run(&["summary", "--width", "9"]).expect_error(2, &["network.width"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = Folder::new();
    folder.train(&["--out", "whole"]).expect(0);
    // Files may grow to 1,000 blocks of 512 bytes: too few for a checkpoint. A full disk causes the same
    // kind of error, in the write.
    let limited = "trap '' XFSZ; ulimit -f 1000; \"$MODISTE\" train --out run";
    let script = format!("{limited} {}", TINY.join(" "));
    folder.shell(&script).expect_error(1, &["run/", "failed to write"]);
    folder.run(&["train", "--resume", "run"]).expect(0);
    let [run, whole] = ["run", "whole"].map(|r| bytes(&folder.path(r).join("best.safetensors")));
    assert!(run == whole);
}

#[test]
fn output_that_cannot_be_written() {
    let folder = Folder::new();
    let said = folder.shell("\"$MODISTE\" summary > /dev/full");
    said.expect_error(1, &["standard output: failed to write", "No space left"]);
}
