//! The commands of the README: the quick ones are run as printed, all others must at least be
//! understood. Continuous integration runs the first screen in full.

use crate::util::Folder;

/// Commands of the README, block by block, without comments.
fn blocks() -> Vec<Vec<String>> {
    let text = include_str!("../../README.md");
    let block = |block: &str| {
        let lines = block.lines().map(|line| line.split('#').next().unwrap_or("").trim());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    text.split("```sh\n").skip(1).map(|rest| block(rest.split("```").next().unwrap())).collect()
}

/// The command for a shell that knows the binary as `$MODISTE`.
fn for_shell(command: &str) -> Option<String> {
    let rest = command.strip_prefix("cargo run --release -- ");
    let rest = rest.or_else(|| command.strip_prefix("modiste "))?;
    Some(format!("\"$MODISTE\" {rest}"))
}

#[test]
fn the_first_screen_runs_as_printed() {
    let folder = Folder::new();
    let first = blocks().into_iter().next().unwrap();
    let training = "cargo run --release -- train";
    let testing = "cargo test --release --workspace";
    assert_eq!(first.first().map(String::as_str), Some(training));
    assert_eq!(first.last().map(String::as_str), Some(testing));
    // A small run stands for the first command's, which takes minutes.
    folder.train(&[]).expect(0);
    for command in &first[1..first.len() - 1] {
        let said = folder.shell(&for_shell(command).unwrap()).expect(0);
        assert!(said.stdout.lines().count() > 3, "{command} says {:?}", said.stdout);
    }
}

#[test]
fn every_command_is_understood() {
    let folder = Folder::new();
    let commands: Vec<String> = blocks().concat();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        if let Some(command) = for_shell(&command) {
            let said = folder.shell(&format!("{command} --help")).expect(0);
            assert!(said.stdout.contains("Usage:"), "{command}");
        }
    }
}
