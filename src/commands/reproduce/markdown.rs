//! Tables in Markdown.

/// A table whose first `left` columns are set to the left and all others to the right.
pub fn table<S: AsRef<str>>(left: usize, headings: &[S], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |cell: &str| cell.replace('|', "\\|");
    let mut text = line(headings.iter().map(|heading| escaped(heading.as_ref())).collect());
    text +=
        &line((0..headings.len()).map(|i| if i < left { "---" } else { "---:" }.into()).collect());
    for row in rows {
        text += &line(row.iter().map(|cell| escaped(cell)).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_escaped() {
        let text = table(1, &["a|b", "n"], &[vec!["x".into(), "1".into()]]);
        assert_eq!(text, "| a\\|b | n |\n| --- | ---: |\n| x | 1 |\n");
    }
}
