//! Makes text from outside safe to print.

/// The text in one line of at most `most` characters plus an ellipsis.
pub(crate) fn readable(text: &str, most: usize) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut line: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        line += " ...";
    }
    line
}
