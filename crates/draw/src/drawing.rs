//! Drawings as lists of shapes, texts and pictures, from back to front.

use crate::{Colour, Picture, Style};

/// Alignment of a text to its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    #[default]
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// The style of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// Height of an em.
    pub size: f64,
    /// Its colour.
    pub colour: Colour,
    /// Alignment to the position.
    pub anchor: Anchor,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is written upwards.
    pub upwards: bool,
}

impl TextStyle {
    /// A text of `size` and `colour` that begins at its position.
    pub fn new(size: f64, colour: Colour) -> Self {
        Self { size, colour, anchor: Anchor::Start, bold: false, upwards: false }
    }

    /// The same, centred at its position.
    pub fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    /// The same, ending at its position.
    pub fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    /// The same in bold.
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// The same, upwards.
    pub fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }
}

/// One item of a drawing; positions are in units of the drawing, y downwards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A rectangle; `corners` is the radius of its corners.
    Rect { place: [f64; 4], corners: f64, style: Style },
    /// A circle.
    Circle { centre: [f64; 2], radius: f64, style: Style },
    /// A line through points.
    Path { points: Vec<[f64; 2]>, closed: bool, style: Style },
    /// A text; the position is on its base line.
    Text { at: [f64; 2], text: String, style: TextStyle },
    /// A picture, whose pixels stay squares.
    Picture { place: [f64; 4], picture: Picture },
    /// A place with a tooltip.
    Hint { place: [f64; 4], text: String },
}

/// Shapes, texts and pictures on a background, with a title and a description for screen readers.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Title.
    pub title: String,
    /// Description of what can be seen.
    pub description: String,
    /// Width in units, which are pixels at scale 1.
    pub width: f64,
    /// Height.
    pub height: f64,
    pub(crate) items: Vec<Item>,
}

impl Drawing {
    /// An empty drawing.
    pub fn new(
        title: impl Into<String>,
        description: impl Into<String>,
        width: f64,
        height: f64,
    ) -> Self {
        let (title, description) = (title.into(), description.into());
        Self { title, description, width, height, items: Vec::new() }
    }

    /// A rectangle at (x, y) of a width and height.
    pub fn rect(&mut self, place: [f64; 4], style: Style) {
        self.rounded(place, 0.0, style);
    }

    /// A rectangle with rounded corners.
    pub fn rounded(&mut self, place: [f64; 4], corners: f64, style: Style) {
        self.items.push(Item::Rect { place, corners, style });
    }

    /// A circle.
    pub fn circle(&mut self, centre: [f64; 2], radius: f64, style: Style) {
        self.items.push(Item::Circle { centre, radius, style });
    }

    /// A line through `points`; fewer than two draw nothing.
    pub fn line(&mut self, points: impl IntoIterator<Item = [f64; 2]>, style: Style) {
        let points = points.into_iter().collect();
        self.items.push(Item::Path { points, closed: false, style });
    }

    /// An area with `points` as its corners.
    pub fn area(&mut self, points: impl IntoIterator<Item = [f64; 2]>, style: Style) {
        let points = points.into_iter().collect();
        self.items.push(Item::Path { points, closed: true, style });
    }

    /// A line through `points` with an arrow's head at its end.
    pub fn arrow(&mut self, points: &[[f64; 2]], colour: Colour, width: f64) {
        let [.., from, to] = *points else { return };
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = dx.hypot(dy).max(1e-9);
        let (dx, dy) = (dx / length, dy / length);
        let (long, wide) = (4.0 + 2.0 * width, 2.0 + width);
        let base = [to[0] - dx * long, to[1] - dy * long];
        let line = points[..points.len() - 1].iter().copied().chain([base]);
        self.line(line, Style::line(colour, width));
        let side = |sign: f64| [base[0] - sign * dy * wide, base[1] + sign * dx * wide];
        self.area([side(1.0), side(-1.0), to], Style::fill(colour));
    }

    /// A text; its style aligns the base line to the position.
    pub fn text(&mut self, at: [f64; 2], style: TextStyle, text: impl Into<String>) {
        self.items.push(Item::Text { at, text: text.into(), style });
    }

    /// A picture in a place, scaled to it.
    pub fn picture(&mut self, place: [f64; 4], picture: Picture) {
        self.items.push(Item::Picture { place, picture });
    }

    /// A place with the tooltip `text`.
    pub fn hint(&mut self, place: [f64; 4], text: impl Into<String>) {
        self.items.push(Item::Hint { place, text: text.into() });
    }

    /// Another drawing with its upper left corner at a position.
    pub fn put(&mut self, other: Self, at: [f64; 2]) {
        let moved = |[x, y]: [f64; 2]| [x + at[0], y + at[1]];
        let shifted = |[x, y, w, h]: [f64; 4]| [x + at[0], y + at[1], w, h];
        for mut item in other.items {
            match &mut item {
                Item::Rect { place, .. }
                | Item::Picture { place, .. }
                | Item::Hint { place, .. } => *place = shifted(*place),
                Item::Circle { centre, .. } => *centre = moved(*centre),
                Item::Path { points, .. } => points.iter_mut().for_each(|p| *p = moved(*p)),
                Item::Text { at, .. } => *at = moved(*at),
            }
            self.items.push(item);
        }
    }

    /// All texts, in the order in which they were added.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| match item {
            Item::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }
}
