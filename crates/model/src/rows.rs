//! Files of comma-separated values (RFC 4180, lines ended by a line feed).

use std::borrow::Cow;

/// The text of a file with these rows, the header among them.
///
/// Cells that are names, chosen by whoever named a class or a file, go through [`guarded`] first.
pub fn csv_text<R>(rows: impl IntoIterator<Item = R>) -> String
where
    R: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("memory takes any row");
    }
    let bytes = writer.into_inner().expect("memory takes any row");
    String::from_utf8(bytes).expect("cells are texts")
}

/// What a formula may begin with, also in the wide forms of East Asian keyboards.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// `name` as a cell that no spreadsheet takes for a formula: where it begins with `=`, `+`, `-`, `@`
/// or a control character for which spreadsheets look behind it, and is no number, an apostrophe goes before it (OWASP, "CSV injection").
pub fn guarded(name: &str) -> Cow<'_, str> {
    let formula = name.starts_with(FORMULA);
    match formula && name.parse::<f64>().is_err() {
        true => format!("'{name}").into(),
        false => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let rows = [["a", "b"], ["1,2", "say \"x\""], ["", "two\nlines"]];
        assert_eq!(csv_text(rows), "a,b\n\"1,2\",\"say \"\"x\"\"\"\n,\"two\nlines\"\n");
    }

    #[test]
    fn names_that_spreadsheets_would_run_are_guarded_and_numbers_are_not() {
        for name in ["=1+1", "+cmd", "-x", "@sum(a)", "\tx", "\r=x", "\n=x", "＝1+1"] {
            assert_eq!(guarded(name), format!("'{name}"));
        }
        for name in ["-1", "+2.5", "-1e-3", "coat", "", "a=b"] {
            assert_eq!(guarded(name), name);
        }
    }
}
