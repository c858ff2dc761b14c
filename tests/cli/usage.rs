//! Usage errors end with status 2 and say what would be right.

use crate::util::Folder;

#[test]
fn unknown_options_and_commands_are_wrong_usage() {
    let folder = Folder::new();
    for args in [&["trian"][..], &["train", "--epoch-s", "3"], &["summary", "--lenght", "3"], &[]] {
        let said = folder.run(args).expect(2);
        assert!(said.stderr.contains("Usage:"), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn options_without_effect_are_wrong_usage() {
    let folder = Folder::new();
    for args in [
        &["train", "--resume", "run", "--preset", "swift"][..],
        &["train", "--resume", "run", "--length", "3"],
        &["train", "--resume", "run", "--out", "elsewhere"],
        &["train", "--resume", "run", "--set", "seed=3"],
        &["train", "--preset", "paper", "--config", "config.toml"],
        &["summary", "model.safetensors", "--length", "3"],
    ] {
        let said = folder.run(args).expect(2);
        assert!(said.stderr.contains("cannot be used with"), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn completions_and_manual_name_the_commands() {
    let folder = Folder::new();
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["man"]] {
        let text = folder.run(args).expect(0).stdout;
        assert!(text.contains("evaluate") && text.contains("train"), "{args:?}: {text}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::new();
    let said = folder.shell("\"$MODISTE\" summary --preset paper | head -n 1").expect(0);
    assert!(said.stdout.starts_with("node"), "{}", said.stdout);
    assert_eq!(said.stderr, "");
}
