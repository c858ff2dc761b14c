//! Names from outside as cells of a csv file.

use std::borrow::Cow;

/// Characters that begin formulas, including the wide forms of East Asian keyboards.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// `name` as a cell that is neither a formula to spreadsheets nor a control sequence to terminals.
///
/// If it begins with `=`, `+`, `-` or `@` and is not a number, an apostrophe is put in front
/// (OWASP, "CSV injection"); control characters, and those that change the direction of writing,
/// are escaped as in Rust.
pub fn guarded(name: &str) -> Cow<'_, str> {
    let unseen =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut cell = Cow::Borrowed(name);
    if name.contains(unseen) {
        let shown = |c: char| if unseen(c) { c.escape_default().to_string() } else { c.into() };
        cell = name.chars().map(shown).collect::<String>().into();
    }
    match cell.starts_with(FORMULA) && cell.parse::<f64>().is_err() {
        true => format!("'{cell}").into(),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_formulas_are_escaped_and_numbers_are_not() {
        for name in ["=1+1", "+cmd", "-x", "@sum(a)", "＝1+1"] {
            assert_eq!(guarded(name), format!("'{name}"));
        }
        for name in ["-1", "+2.5", "-1e-3", "coat", "", "a=b", "Krümel"] {
            assert_eq!(guarded(name), name);
        }
    }

    #[test]
    fn no_cell_has_control_characters() {
        assert_eq!(guarded("\t=x"), "\\t=x");
        assert_eq!(guarded("=a\r\n\u{1b}[2J\u{9b}\u{202e}"), "'=a\\r\\n\\u{1b}[2J\\u{9b}\\u{202e}");
    }
}
