//! If a file cannot be written completely, the old one stays and the run can continue later.
//!
//! The test runs itself again under a limit on the size of files, so the kernel refuses in the middle of
//! a write.
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{config, outcome_of, train, train_steps};
use modiste_files::atomic_write;
use modiste_train::Run;

/// Environment variable that passes the folder to the process under the limit.
const FOLDER: &str = "MODISTE_TEST_FOLDER";

/// Runs `test` of this file in `folder` with files limited to 2 blocks (of 512 or 1024 bytes).
fn run_limited(test: &str, folder: &Path) -> String {
    // With the signal ignored, a write over the limit fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" --ignored --exact \"$1\" --nocapture";
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program).arg(test).env(FOLDER, folder);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn folder() -> std::path::PathBuf {
    std::env::var_os(FOLDER).expect("run by another test").into()
}

#[test]
fn an_old_file_survives_a_full_disk() {
    let root = tempfile::tempdir().unwrap();
    atomic_write(&root.path().join("file"), b"old").unwrap();
    run_limited("limited_write", root.path());
    assert_eq!(std::fs::read(root.path().join("file")).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "a temporary file was left");
}

#[test]
#[ignore = "run by an_old_file_survives_a_full_disk, under its limit"]
fn limited_write() {
    let path = folder().join("file");
    let error = atomic_write(&path, &[7; 100_000]).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: failed to write: ", path.display())), "{error}");
    atomic_write(&path, b"old").unwrap();
}

#[test]
fn a_run_continues_after_a_full_disk() {
    let root = tempfile::tempdir().unwrap();
    let alone = root.path().join("alone");
    train(&Run::create(&alone, &config()).unwrap()).unwrap();
    let folder = root.path().join("run");
    train_steps(&Run::create(&folder, &config()).unwrap(), 6).unwrap();
    let before = outcome_of(&folder);
    run_limited("limited_run", &folder);
    assert!(outcome_of(&folder) == before);
    train(&Run::resume(&folder).unwrap()).unwrap();
    assert!(outcome_of(&folder) == outcome_of(&alone));
}

#[test]
#[ignore = "run by a_run_continues_after_a_full_disk, under its limit"]
fn limited_run() {
    let error = train(&Run::resume(&folder()).unwrap()).unwrap_err().to_string();
    let path = folder().join("best.safetensors");
    assert!(error.starts_with(&format!("{}: failed to write: ", path.display())), "{error}");
}
