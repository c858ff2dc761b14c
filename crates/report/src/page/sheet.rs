//! A gallery on one sheet.

use modiste_draw::{Colour, Drawing, Style, TextStyle, text_width};

use super::{Gallery, GalleryItem};

/// Side of a picture, and of the gap between places.
const SIDE: f64 = 84.0;
const GAP: f64 = 14.0;
const MARGIN: f64 = 16.0;
/// Line height of text, and the size of its letters.
const LINE: f64 = 13.0;
const SIZE: f64 = 10.0;
/// Available width of a sheet.
const WIDTH: f64 = 960.0;

impl Gallery {
    /// All pictures on one sheet, their lines below them.
    pub fn sheet(&self) -> Drawing {
        let side_by_side = self.items.iter().map(|item| item.pictures.len()).max().unwrap_or(0);
        let lines = self.items.iter().map(|item| item.lines.len()).max().unwrap_or(0);
        let place = [
            (side_by_side.max(1) as f64 * SIDE).max(110.0) + GAP,
            SIDE + LINE * lines as f64 + GAP,
        ];
        let fit = ((WIDTH - 2.0 * MARGIN + GAP) / place[0]).floor().max(1.0) as usize;
        let columns = fit.min(self.items.len().max(1));
        let rows = self.items.len().div_ceil(columns);
        let title = text_width(&self.title, 14.0);
        let width = (2.0 * MARGIN - GAP + columns as f64 * place[0]).max(title + 2.0 * MARGIN);
        let top = MARGIN + 26.0;
        let height = top + rows as f64 * place[1] + MARGIN - GAP;
        let description = format!("{} pictures with captions", self.items.len());
        let mut sheet = Drawing::new(&self.title, description, width, height);
        let heading = TextStyle::new(14.0, Colour::Ink).bold();
        sheet.text([MARGIN, MARGIN + 11.0], heading, &self.title);
        for (i, item) in self.items.iter().enumerate() {
            let at =
                [MARGIN + (i % columns) as f64 * place[0], top + (i / columns) as f64 * place[1]];
            draw(&mut sheet, item, at, place[0] - GAP / 2.0);
        }
        sheet
    }
}

fn draw(sheet: &mut Drawing, item: &GalleryItem, [x, y]: [f64; 2], room: f64) {
    for (i, picture) in item.pictures.iter().enumerate() {
        let [height, width, _] = picture.shape().map(|side| side as f64);
        let scale = (SIDE - 4.0) / height.max(width);
        let size = [width * scale, height * scale];
        let left = x + i as f64 * SIDE;
        sheet.rect([left, y, SIDE - 4.0, SIDE - 4.0], Style::fill(Colour::Black));
        let (dx, dy) = ((SIDE - 4.0 - size[0]) / 2.0, (SIDE - 4.0 - size[1]) / 2.0);
        sheet.picture([left + dx, y + dy, size[0], size[1]], picture.clone());
    }
    for (i, line) in item.lines.iter().enumerate() {
        let style = match i {
            0 => TextStyle::new(SIZE, Colour::Ink).bold(),
            _ => TextStyle::new(SIZE, Colour::Muted),
        };
        let below = y + SIDE + LINE * (i as f64 + 0.6);
        sheet.text([x, below], style, modiste_draw::fitting(line, SIZE, room));
    }
}
