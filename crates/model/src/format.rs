//! Versions of file formats: errors about files that another version wrote.

/// The problem of a reader of format `known` with a file of format `found`; both end with the number of
/// the format. `writer` is the version of modiste that wrote the file, if known.
pub fn other_format(found: &str, known: &str, writer: Option<&str>) -> String {
    let reader = env!("CARGO_PKG_VERSION");
    match (number(found), number(known)) {
        (Some((kind, newer)), Some((ours, number))) if kind == ours && newer > number => {
            let who = match writer {
                Some(version) => format!("modiste {version}, which wrote it, reads it"),
                None => "a newer version of modiste reads it".to_owned(),
            };
            format!("is in the format {found:?}; modiste {reader} reads up to {known:?}; {who}")
        }
        _ => format!("is in the format {found:?}, not {known:?}"),
    }
}

/// Returns `problem`, and if it is an entry that this version does not know, adds the version that
/// may: files without a format number (configurations, plans, tables) reject unknown entries by
/// name.
pub fn perhaps_newer(problem: &str) -> String {
    let unknown = ["no such field", "unknown field", "unknown variant", "unknown column"];
    match unknown.iter().any(|words| problem.contains(words)) {
        true => format!(
            "{problem}; modiste {} does not have it, and if a newer version wrote the file, that one reads it",
            env!("CARGO_PKG_VERSION")
        ),
        false => problem.to_owned(),
    }
}

/// The problem with the first line of a table whose columns should be `wanted`.
pub(crate) fn other_columns(found: &str, wanted: &str) -> String {
    match found.split(',').find(|column| !wanted.split(',').any(|known| known == *column)) {
        Some(column) if found.split(',').next() == wanted.split(',').next() => {
            perhaps_newer(&format!("unknown column {:?}", modiste_files::guarded(column)))
        }
        _ => format!("the first line is not {wanted}"),
    }
}

/// The kind of file and the number of the format: `modiste model 2` gives `modiste model ` and 2.
fn number(format: &str) -> Option<(&str, u32)> {
    let digits = format.len() - format.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (kind, number) = format.split_at(format.len() - digits);
    Some((kind, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_entries_may_be_newer() {
        let own = env!("CARGO_PKG_VERSION");
        let said = perhaps_newer("unknown field `a`");
        assert!(said.starts_with(&format!(
            "unknown field `a`; modiste {own} does not have it, and if a newer"
        )));
        assert_eq!(perhaps_newer("is empty"), "is empty");
        assert!(
            other_columns("epoch,state,more", "epoch,state")
                .starts_with("unknown column \"more\"; modiste")
        );
        for other in ["", "name,class", "epoch"] {
            assert_eq!(other_columns(other, "epoch,state"), "the first line is not epoch,state");
        }
    }

    #[test]
    fn newer_formats_name_the_version_that_reads_them() {
        let own = env!("CARGO_PKG_VERSION");
        assert_eq!(
            other_format("modiste model 2", "modiste model 1", Some("3.1.4")),
            format!(
                "is in the format \"modiste model 2\"; modiste {own} reads up to \"modiste model 1\"; \
                 modiste 3.1.4, which wrote it, reads it"
            )
        );
        assert!(
            other_format("modiste-evaluation-12", "modiste-evaluation-1", None)
                .ends_with("a newer version of modiste reads it")
        );
        for other in ["modiste model 0", "modiste checkpoint 2", "", "2", "modiste model"] {
            let text = other_format(other, "modiste model 1", None);
            assert_eq!(text, format!("is in the format {other:?}, not \"modiste model 1\""));
        }
    }
}
