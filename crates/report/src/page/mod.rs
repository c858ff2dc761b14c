//! A page of any content: sections of paragraphs, tables, figures and pictures, written as one
//! self-contained HTML file, and as Markdown with separate figures.
//!
//! Commands build a [`Page`]; only this module decides how it looks.

mod html;
mod markdown;
mod sheet;
mod table;

use modiste_draw::{Drawing, Picture};

use crate::ReportError;

pub use table::{Cell, Row, Table, Weight};

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// One line below the heading; may be empty.
    pub subtitle: String,
    /// Its sections, in order.
    pub sections: Vec<Section>,
}

/// A part of a page with its own heading.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Its contents, in order.
    pub blocks: Vec<Block>,
}

/// A block of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading within the section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph of lesser weight.
    Note(String),
    /// A table.
    Table(Table),
    /// Figures, side by side if there is room.
    Figures(Vec<Figure>),
    /// Pictures with captions.
    Gallery(Gallery),
    /// Columns, side by side if there is room.
    Columns(Vec<Vec<Block>>),
    /// Contents that are shown when opened.
    Details(String, Vec<Block>),
}

/// A drawing in a page, also written to separate files.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Stem of its files, unique within the page: `curves` for `curves.svg` and `curves.png`.
    pub name: String,
    /// Title.
    pub title: String,
    /// One drawing, or several that belong together: a page places them where there is room, a file
    /// holds all of them.
    pub panels: Vec<Drawing>,
    /// Caption; may be empty.
    pub caption: String,
}

/// Pictures with captions; as a file, all of them on one sheet.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    /// Stem of the sheet's files, unique within the page.
    pub name: String,
    /// Description of the pictures, for the sheet and for screen readers.
    pub title: String,
    /// The pictures.
    pub items: Vec<GalleryItem>,
}

/// One place of a gallery.
#[derive(Clone, Debug)]
pub struct GalleryItem {
    /// Description for screen readers.
    pub title: String,
    /// Pictures that belong together, side by side: an image and its heat map, for example.
    pub pictures: Vec<Picture>,
    /// Lines below; the first is heavier.
    pub lines: Vec<String>,
}

impl Page {
    /// A page without sections.
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: subtitle.into(), sections: Vec::new() }
    }

    /// Adds a section, if it has any content.
    pub fn section(&mut self, title: impl Into<String>, blocks: Vec<Block>) {
        if !blocks.is_empty() {
            self.sections.push(Section { title: title.into(), blocks });
        }
    }

    /// The page as one HTML file with styles, drawings and pictures inside. It has a light and a
    /// dark theme, fits a phone and can be printed.
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// The page as Markdown, its figures linked as `{folder}{name}.svg`.
    pub fn markdown(&self, folder: &str) -> String {
        markdown::render(self, folder)
    }

    /// Every figure and sheet by its name.
    pub fn drawings(&self) -> Vec<(&str, Drawing)> {
        let mut found = Vec::new();
        for section in &self.sections {
            collect(&section.blocks, &mut found);
        }
        found
    }

    /// All files of the page, each with its path and bytes: `{stem}.html`, `{stem}.md`, and every
    /// figure as `{folder}{name}.svg` and `.png`. `folder` is empty or ends with a slash, or is the
    /// beginning of the files' names.
    ///
    /// # Errors
    /// If the size of a drawing is not possible in pixels.
    pub fn files(&self, stem: &str, folder: &str) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
        let mut files = Vec::new();
        for (name, drawing) in self.drawings() {
            files.push((format!("{folder}{name}.svg"), drawing.svg().into_bytes()));
            files.push((format!("{folder}{name}.png"), drawing.png(PIXELS)?));
        }
        files.push((format!("{stem}.md"), self.markdown(folder).into_bytes()));
        files.push((format!("{stem}.html"), self.html().into_bytes()));
        Ok(files)
    }
}

/// Pixels of a PNG file per unit of a drawing: sharp on screens of twice the usual density.
pub const PIXELS: f64 = 2.0;

fn collect<'a>(blocks: &'a [Block], found: &mut Vec<(&'a str, Drawing)>) {
    for block in blocks {
        match block {
            Block::Figures(figures) => {
                found.extend(figures.iter().map(|f| (f.name.as_str(), f.whole())));
            }
            Block::Gallery(gallery) => found.push((&gallery.name, gallery.sheet())),
            Block::Columns(columns) => columns.iter().for_each(|blocks| collect(blocks, found)),
            Block::Details(_, blocks) => collect(blocks, found),
            Block::Heading(_) | Block::Text(_) | Block::Note(_) | Block::Table(_) => {}
        }
    }
}

impl Figure {
    /// A figure without a caption.
    pub fn new(name: impl Into<String>, drawing: Drawing) -> Self {
        let title = drawing.title.clone();
        Self::panels(name, title, vec![drawing])
    }

    /// A figure of several drawings without a caption.
    pub fn panels(name: impl Into<String>, title: impl Into<String>, panels: Vec<Drawing>) -> Self {
        Self { name: name.into(), title: title.into(), panels, caption: String::new() }
    }

    /// The same with a caption.
    pub fn caption(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }

    /// All panels as one drawing with a margin, three side by side.
    pub fn whole(&self) -> Drawing {
        const GAP: f64 = 24.0;
        const MARGIN: f64 = 12.0;
        let size = |side: fn(&Drawing) -> f64| self.panels.iter().map(side).fold(0.0, f64::max);
        let (width, height) = (size(|panel| panel.width) + GAP, size(|panel| panel.height) + GAP);
        let columns = self.panels.len().clamp(1, 3);
        let rows = self.panels.len().div_ceil(columns);
        let words: Vec<String> = match &self.panels[..] {
            [one] => vec![one.description.clone()],
            all => all.iter().map(|p| format!("{}: {}", p.title, p.description)).collect(),
        };
        let mut whole = Drawing::new(
            &self.title,
            words.join(". "),
            columns as f64 * width - GAP + 2.0 * MARGIN,
            rows as f64 * height - GAP + 2.0 * MARGIN,
        );
        for (i, panel) in self.panels.iter().enumerate() {
            let (row, column) = ((i / columns) as f64, (i % columns) as f64);
            whole.put(panel.clone(), [MARGIN + column * width, MARGIN + row * height]);
        }
        whole
    }
}
