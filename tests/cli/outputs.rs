//! Commands never overwrite their input, under any name.

use std::fs;

use crate::util::{Folder, TINY, bytes};

/// A folder with a run `r`, and its model.
fn trained() -> (Folder, Vec<u8>) {
    let folder = Folder::new();
    folder.train(&["--out", "r", "--quiet"]).expect_quiet();
    let model = bytes(&folder.path("r/best.safetensors"));
    (folder, model)
}

#[test]
fn no_output_is_written_over_the_model_or_another_one() {
    let (folder, model) = trained();
    let file = "r/best.safetensors";
    for args in [
        &["evaluate", "r", "--logits", file][..],
        &["evaluate", file, "--mistakes", "r/../r/best.safetensors"],
        &["predict", "r", "--csv", file],
        &["export", "r", "--format", "safetensors", "--out", file],
    ] {
        folder.run(args).expect_error(2, &["is the model itself"]);
    }
    let args = ["evaluate", "r", "--mistakes", "x", "--logits", "./x"];
    folder.run(&args).expect_error(2, &["--logits ./x: is also the file of --mistakes"]);
    assert!(bytes(&folder.path(file)) == model && !folder.path("x").exists());
    // If nothing is answered, earlier answers stay.
    fs::write(folder.path("old.csv"), "old").unwrap();
    folder.run(&["predict", "r", "nothere.png", "--csv", "old.csv"]).expect_error(1, &["nothere"]);
    assert_eq!(bytes(&folder.path("old.csv")), b"old");
}

#[cfg(unix)]
#[test]
fn paths_need_no_unicode() {
    let folder = Folder::new();
    let tiny = TINY.join(" ");
    let path = r#""$(printf 'r\377')""#;
    let said = folder.shell(&format!("\"$MODISTE\" train {tiny} --quiet --json --out {path}"));
    let run = said.expect_quiet().json();
    assert!(run["run"].as_str().unwrap().starts_with('r'), "{run}");
    for command in ["predict PATH", "export PATH", "report PATH", "explain PATH --out x.svg"] {
        let command = command.replace("PATH", path);
        folder.shell(&format!("\"$MODISTE\" {command} --json")).expect(0);
    }
}

#[cfg(unix)]
#[test]
fn a_reader_of_progress_that_went_away_ends_no_training() {
    let folder = Folder::new();
    let tiny = TINY.join(" ");
    let train = format!("\"$MODISTE\" train {tiny} --out r");
    let script = format!("{{ {train} 2>&1 >/dev/null; echo $? > status; }} | true");
    folder.shell(&script).expect(0);
    assert_eq!(bytes(&folder.path("status")), b"0\n");
    folder.run(&["evaluate", "r"]).expect(0);
}
