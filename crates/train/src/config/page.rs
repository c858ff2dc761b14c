//! The page `docs/configuration.md`, generated from the table of fields and the presets.

use std::fmt::Write;

use super::{FIELDS, PRESETS};

const INTRODUCTION: &str = "# Configuration

Everything that decides the result of a run. `config.toml` in a run folder holds it; `modiste train --config FILE` repeats the run.
A field is set by its flag, by `--set FIELD=VALUE`, in a file for `--config`, and by `--over FIELD=VALUES` in `modiste grid`.
The end of a path is enough if it is unique. Presets change the defaults as listed below. A field of one kind of network, schedule or optimiser can only be set together with that kind.

This page is generated from the table in [`fields.rs`](../crates/train/src/config/fields.rs); a test compares the two, and
`cargo test -p modiste-train --test configuration_page -- --ignored` regenerates it.
";

/// The page about every field, as Markdown.
pub fn configuration_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut group = "";
    for field in FIELDS {
        if field.group() != group {
            group = field.group();
            let head =
                "| field | flag | default | value | meaning | kinds |\n|---|---|---|---|---|---|";
            write!(page, "\n## {group}\n\n{head}\n").expect("strings take all");
        }
        let kinds = if field.of_every_kind() { "" } else { &field.kinds.join(", ") };
        let (path, flag, doc) = (field.path, field.flag_name(), field.doc);
        let (default, range) = (field.defaults(), field.range);
        writeln!(page, "| `{path}` | `--{flag}` | {default} | {range} | {doc} | {kinds} |")
            .expect("strings take all");
    }
    page += "\n## Presets\n\nDifferences of each preset from the defaults:\n";
    for preset in PRESETS {
        let changes: Vec<String> =
            preset.settings.iter().map(|(path, value)| format!("`{path}={value}`")).collect();
        let changes = if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") };
        write!(page, "\n- `{}` ({}): {changes}", preset.name, preset.about)
            .expect("strings take all");
    }
    page + "\n"
}
