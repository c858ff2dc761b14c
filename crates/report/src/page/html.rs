//! A page as HTML.

use std::fmt::Write;

use modiste_draw::{escape, page_style};

use super::{Block, Cell, Figure, Gallery, Page, Table, Weight};

/// Pages with at least this many sections begin with links to them.
const LINKED: usize = 4;

/// The whole file.
pub(super) fn render(page: &Page) -> String {
    let mut out =
        String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let style = include_str!("page.css");
    let title = escape(&page.title);
    let _ = write!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{}{style}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n",
        page_style()
    );
    if !page.subtitle.is_empty() {
        let _ = writeln!(out, "<p class=\"muted\">{}</p>", escape(&page.subtitle));
    }
    out.push_str("</header>\n");
    if page.sections.len() >= LINKED {
        out.push_str("<nav aria-label=\"sections\">");
        for (i, section) in page.sections.iter().enumerate() {
            let _ = write!(out, "<a href=\"#s{i}\">{}</a> ", escape(&section.title));
        }
        out.push_str("</nav>\n");
    }
    out.push_str("<main>\n");
    for (i, section) in page.sections.iter().enumerate() {
        let _ = writeln!(
            out,
            "<section id=\"s{i}\" aria-labelledby=\"h{i}\">\n<h2 id=\"h{i}\">{}</h2>",
            escape(&section.title)
        );
        blocks(&mut out, &section.blocks);
        out.push_str("</section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn blocks(out: &mut String, list: &[Block]) {
    for block in list {
        // Writing to a String cannot fail.
        let _ = match block {
            Block::Heading(text) => writeln!(out, "<h3>{}</h3>", escape(text)),
            Block::Text(text) => writeln!(out, "<p>{}</p>", escape(text)),
            Block::Note(text) => writeln!(out, "<p class=\"muted\">{}</p>", escape(text)),
            Block::Table(table) => {
                write_table(out, table);
                Ok(())
            }
            Block::Figures(figures) => {
                write_figures(out, figures);
                Ok(())
            }
            Block::Gallery(gallery) => {
                write_gallery(out, gallery);
                Ok(())
            }
            Block::Columns(columns) => {
                out.push_str("<div class=\"columns\">\n");
                for column in columns {
                    out.push_str("<div>\n");
                    blocks(out, column);
                    out.push_str("</div>\n");
                }
                writeln!(out, "</div>")
            }
            Block::Details(summary, inner) => {
                let _ = writeln!(out, "<details>\n<summary>{}</summary>", escape(summary));
                blocks(out, inner);
                writeln!(out, "</details>")
            }
        };
    }
}

fn write_table(out: &mut String, table: &Table) {
    // Wide tables can be scrolled, also with the keyboard.
    out.push_str("<div class=\"wide\" tabindex=\"0\"><table>\n");
    if !table.caption.is_empty() {
        let _ = writeln!(out, "<caption>{}</caption>", escape(&table.caption));
    }
    let class = |column: usize| if column < table.text_columns { "" } else { " class=\"n\"" };
    out.push_str("<thead><tr>");
    for (i, heading) in table.headings.iter().enumerate() {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(i), escape(heading));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str(match row.weight {
            Weight::Plain => "<tr>",
            Weight::Strong => "<tr class=\"strong\">",
            Weight::Faint => "<tr class=\"faint\">",
        });
        for (i, cell) in row.cells.iter().enumerate() {
            let text = cell_text(cell);
            let _ = match i {
                0 => write!(out, "<th scope=\"row\"{}>{text}</th>", class(i)),
                _ => write!(out, "<td{}>{text}</td>", class(i)),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

fn cell_text(cell: &Cell) -> String {
    let text = escape(&cell.text);
    match cell.note.is_empty() {
        true => text,
        false => format!("{text}<small>{}</small>", escape(&cell.note)),
    }
}

fn write_figures(out: &mut String, figures: &[Figure]) {
    out.push_str("<div class=\"figures\">\n");
    for figure in figures {
        for (i, panel) in figure.panels.iter().enumerate() {
            // Drawings shrink as long as they are readable, then scroll.
            let (width, basis) = (panel.width, 0.85 * panel.width);
            let least = width.min(340.0).max(0.72 * width);
            let _ = write!(
                out,
                "<figure style=\"flex-basis:{basis:.0}px;max-width:{width:.0}px\">\
                 <div class=\"wide\"><div style=\"min-width:{least:.0}px\">{}</div></div>",
                panel.element()
            );
            if i + 1 == figure.panels.len() && !figure.caption.is_empty() {
                let _ = write!(out, "<figcaption>{}</figcaption>", escape(&figure.caption));
            }
            out.push_str("</figure>\n");
        }
    }
    out.push_str("</div>\n");
}

fn write_gallery(out: &mut String, gallery: &Gallery) {
    out.push_str("<div class=\"gallery\">\n");
    for item in &gallery.items {
        out.push_str("<figure>");
        for (i, picture) in item.pictures.iter().enumerate() {
            let title = if i == 0 { escape(&item.title) } else { String::new() };
            let _ = write!(out, "<img alt=\"{title}\" src=\"{}\">", picture.data_url());
        }
        out.push_str("<figcaption>");
        for (i, line) in item.lines.iter().enumerate() {
            let _ = match i {
                0 => write!(out, "<b>{}</b>", escape(line)),
                _ => write!(out, "<br>{}", escape(line)),
            };
        }
        out.push_str("</figcaption></figure>\n");
    }
    out.push_str("</div>\n");
}
