//! A page as Markdown.

use std::fmt::Write;

use modiste_draw::plain;

use super::{Block, Cell, Page, Table, Weight};

/// The whole file; figures are at `{folder}{name}.svg`.
pub(super) fn render(page: &Page, folder: &str) -> String {
    let mut out = format!("# {}\n", text(&page.title));
    if !page.subtitle.is_empty() {
        let _ = write!(out, "\n{}\n", text(&page.subtitle));
    }
    for section in &page.sections {
        let _ = write!(out, "\n## {}\n", text(&section.title));
        blocks(&mut out, &section.blocks, folder);
    }
    out
}

fn blocks(out: &mut String, list: &[Block], folder: &str) {
    for block in list {
        // Writing to a String cannot fail.
        let _ = match block {
            Block::Heading(line) => write!(out, "\n### {}\n", text(line)),
            Block::Text(line) | Block::Note(line) => write!(out, "\n{}\n", text(line)),
            Block::Table(table) => {
                out.push('\n');
                write_table(out, table);
                Ok(())
            }
            Block::Figures(figures) => {
                for figure in figures {
                    image(out, &figure.title, folder, &figure.name, &figure.caption);
                }
                Ok(())
            }
            Block::Gallery(gallery) => {
                image(out, &gallery.title, folder, &gallery.name, "");
                Ok(())
            }
            Block::Columns(columns) => {
                columns.iter().for_each(|column| blocks(out, column, folder));
                Ok(())
            }
            Block::Details(summary, inner) => {
                let _ = write!(out, "\n<details>\n<summary>{}</summary>\n", text(summary));
                blocks(out, inner, folder);
                write!(out, "\n</details>\n")
            }
        };
    }
}

fn image(out: &mut String, title: &str, folder: &str, name: &str, caption: &str) {
    let _ = write!(out, "\n![{}]({folder}{name}.svg)\n", text(title));
    if !caption.is_empty() {
        let _ = write!(out, "\n{}\n", text(caption));
    }
}

/// Columns are padded, so that the table reads well as plain text too.
fn write_table(out: &mut String, table: &Table) {
    if !table.caption.is_empty() {
        let _ = write!(out, "{}\n\n", text(&table.caption));
    }
    let mut rows: Vec<Vec<String>> = vec![table.headings.iter().map(|h| text(h)).collect()];
    for row in &table.rows {
        rows.push(row.cells.iter().map(|c| cell(c, row.weight)).collect());
    }
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..table.headings.len()).map(width).collect();
    for (i, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match column < table.text_columns {
                true => write!(out, "| {cell:<width$} "),
                false => write!(out, "| {cell:>width$} "),
            };
        }
        out.push_str("|\n");
        if i == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width - 1);
                let _ = match column < table.text_columns {
                    true => write!(out, "| :{dashes} "),
                    false => write!(out, "| {dashes}: "),
                };
            }
            out.push_str("|\n");
        }
    }
}

fn cell(cell: &Cell, weight: Weight) -> String {
    let plain = match cell.note.is_empty() {
        true => text(&cell.text),
        false => format!("{} ({})", text(&cell.text), text(&cell.note)),
    };
    match weight {
        Weight::Strong if !plain.is_empty() => format!("**{plain}**"),
        Weight::Plain | Weight::Strong | Weight::Faint => plain,
    }
}

/// `text` escaped for a line or cell.
fn text(text: &str) -> String {
    let text = plain(&text.replace(['\n', '\r'], " ")).into_owned();
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '*' | '_' | '`' | '<' | '[' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}
