//! Formatting of text: grouped digits, and words cut to fit.

use std::borrow::Cow;

use crate::text_width;

/// Digits in groups of three: `1,104,218`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `text`, shortened with dots if it is wider than `room` at `size`.
pub fn fitting(text: &str, size: f64, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut start = text.to_owned();
    while start.pop().is_some() {
        let shortened = format!("{}…", start.trim_end());
        if text_width(&shortened, size) <= room {
            return shortened;
        }
    }
    "…".to_owned()
}

/// `text` in one line that is safe to print: control characters, line ends and marks that change
/// the direction of text are escaped as in Rust, for example `\u{1b}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return text.into();
    }
    let shown =
        |c: char| if is_control(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect::<String>().into()
}

/// Whether a terminal or a page would interpret the character instead of showing it.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        let groups = [0, 999, 1000, 1_104_218].map(grouped);
        assert_eq!(groups, ["0", "999", "1,000", "1,104,218"]);
    }

    #[test]
    fn long_texts_are_shortened() {
        let text = "ankle boots and sneakers";
        assert_eq!(fitting(text, 11.0, 1e3), text);
        let room = text_width("ankle b…", 11.0);
        assert_eq!(fitting(text, 11.0, room), "ankle b…");
        // No space before the dots.
        let room = text_width("ankle…", 11.0) + 0.1;
        assert_eq!(fitting(text, 11.0, room), "ankle…");
        assert_eq!(fitting(text, 11.0, 0.0), "…");
    }
}
