//! The commands of the README: the quick ones are run as printed, all others must at least be
//! accepted. Continuous integration runs the first screen in full and compares its output.

use crate::util::Folder;

const README: &str = include_str!("../../README.md");

/// Commands of a text, block by block, without comments.
fn blocks(text: &str) -> Vec<Vec<String>> {
    let block = |block: &str| {
        let lines = block.lines().map(|line| line.split('#').next().unwrap_or("").trim());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    text.split("```sh\n").skip(1).map(|rest| block(rest.split("```").next().unwrap())).collect()
}

/// The text above the first section heading.
fn first_screen() -> &'static str {
    README.split("\n## ").next().unwrap()
}

/// The command for a shell that knows the binary as `$MODISTE`.
fn for_shell(command: &str) -> Option<String> {
    Some(format!("\"$MODISTE\" {}", command.strip_prefix("modiste ")?))
}

#[test]
fn the_first_screen_installs_trains_evaluates_and_serves() {
    let folder = Folder::new();
    let commands = blocks(first_screen()).concat();
    let verbs: Vec<&str> = commands.iter().map(|c| c.split(' ').nth(1).unwrap()).collect();
    assert_eq!(verbs, ["install", "train", "evaluate", "serve"], "{commands:?}");
    // A small run replaces that of the first command, which takes minutes.
    let small = ["train", "--split", "120/40/20", "--widths", "4,4", "--epochs", "2", "--quiet"];
    folder.run(&small).expect(0);
    let said = folder.shell(&for_shell(&commands[2]).unwrap()).expect(0);
    assert!(said.stdout.lines().count() > 3, "{}", said.stdout);
    let outputs = first_screen().matches("```text\n").count();
    assert_eq!(outputs, 3, "each command but the installation is followed by what it prints");
}

#[test]
fn every_command_is_understood() {
    let folder = Folder::new();
    let commands: Vec<String> = blocks(README).concat();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        if let Some(command) = for_shell(&command) {
            let said = folder.shell(&format!("{command} --help")).expect(0);
            assert!(said.stdout.contains("Usage:"), "{command}");
        }
    }
}
