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
