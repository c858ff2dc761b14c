//! Text in columns.

use std::borrow::Cow;
use std::fmt;

use modiste_draw::plain;

/// Rows of cells, written as columns with two blanks between them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Whether each column is right-aligned, like numbers.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table that aligns its first `left` columns to the left and all others to the right.
    pub fn new<S: Into<String>>(left: usize, headings: impl IntoIterator<Item = S>) -> Self {
        let headings: Vec<String> =
            headings.into_iter().map(|cell| cell_text(cell.into())).collect();
        Self { right: (0..headings.len()).map(|i| i >= left).collect(), rows: vec![headings] }
    }

    /// Adds a row; missing cells stay empty, further ones are left out.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| cell_text(cell.into())).collect();
        cells.resize(self.right.len(), String::new());
        self.rows.push(cells);
    }
}

/// A cell's text with control characters escaped, because it may contain names from outside.
fn cell_text(cell: String) -> String {
    match plain(&cell) {
        Cow::Borrowed(_) => cell,
        Cow::Owned(shown) => shown,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |cell: &String| cell.chars().count();
        let width = |i: usize| self.rows.iter().map(|row| length(&row[i])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                let gap = if i == 0 { "" } else { "  " };
                let width = widths[i];
                line += gap;
                line += &if self.right[i] {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_a_cell_are_shown_and_not_obeyed() {
        let mut table = Table::new(1, ["a\tb", "n"]);
        table.row(["\u{1b}[31mred\n\u{202e}x", "1"]);
        let text = table.to_string();
        assert!(text.starts_with("a\\tb"), "{text}");
        assert!(text.contains("\\u{1b}[31mred\\n\\u{202e}x  1\n"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn text_stands_left_and_numbers_right() {
        let mut table = Table::new(1, ["class", "images"]);
        table.row(["T-shirt/top", "7"]);
        table.row(["Größe", "1,000"]);
        table.row(["none"]);
        let expected = "class        images\nT-shirt/top       7\nGröße         1,000\nnone\n";
        assert_eq!(table.to_string(), expected);
    }
}
