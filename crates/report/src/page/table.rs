//! Tables of a page.

/// A table with column headings; the first cell of each row is its heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Caption; may be empty if the heading above says enough.
    pub caption: String,
    /// Headings of the columns.
    pub headings: Vec<String>,
    /// Number of columns from the left that hold text; the others hold right-aligned numbers.
    pub text_columns: usize,
    /// The rows; each has a cell for each heading.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its cells, the first is its heading.
    pub cells: Vec<Cell>,
    /// Emphasis.
    pub weight: Weight,
}

/// Emphasis of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Normal.
    #[default]
    Plain,
    /// More: the best, the sum.
    Strong,
    /// Less: published numbers.
    Faint,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// Text.
    pub text: String,
    /// A note in small print, such as an interval or a difference; may be empty.
    pub note: String,
}

impl Table {
    /// A table without rows, in which only the first column has text.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        let headings = headings.into_iter().map(Into::into).collect();
        Self { headings, text_columns: 1, ..Self::default() }
    }

    /// The same with a caption.
    pub fn caption(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }

    /// The same with text in the first `count` columns.
    pub fn text_columns(self, count: usize) -> Self {
        Self { text_columns: count, ..self }
    }

    /// Adds a row; missing cells stay empty, further ones are left out.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.weighted(Weight::Plain, cells);
    }

    /// Adds a row with this emphasis.
    pub fn weighted<C: Into<Cell>>(&mut self, weight: Weight, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.headings.len(), Cell::default());
        self.rows.push(Row { cells, weight });
    }
}

impl Cell {
    /// A cell with a note below.
    pub fn with_note(text: impl Into<String>, note: impl Into<String>) -> Self {
        Self { text: text.into(), note: note.into() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, note: String::new() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
