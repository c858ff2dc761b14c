//! Sample images, one row per class.

use modiste_draw::{Colour, Drawing, Picture, Style, fitting, grouped, text_width};

use super::{faint, label, title};

const SIDE: f64 = 52.0;
const MARGIN: f64 = 14.0;
const TOP: f64 = 50.0;
/// Longest class name, in units of the drawing.
const NAME: f64 = 150.0;

/// Some images of each class: its name, how many images it has, and the images.
pub fn samples(
    heading: &str,
    subtitle: &str,
    classes: &[(String, usize, Vec<Picture>)],
) -> Drawing {
    let most = classes.iter().map(|(_, _, pictures)| pictures.len()).max().unwrap_or(0);
    let longest = classes.iter().map(|(name, ..)| text_width(name, 11.0)).fold(60.0, f64::max);
    let left = MARGIN + longest.min(NAME) + 12.0;
    let words = text_width(heading, 13.0).max(text_width(subtitle, 11.0)) + 2.0 * MARGIN;
    let width = (left + most as f64 * SIDE + MARGIN).max(words);
    let height = TOP + classes.len() as f64 * SIDE + MARGIN;
    let names: Vec<&str> = classes.iter().map(|(name, ..)| name.as_str()).collect();
    let mut drawing =
        Drawing::new(heading, format!("images of {}", names.join(", ")), width, height);
    drawing.text([MARGIN, 20.0], title(), heading);
    drawing.text([MARGIN, 37.0], faint(), subtitle);
    for (row, (name, count, pictures)) in classes.iter().enumerate() {
        let y = TOP + row as f64 * SIDE;
        drawing.text([left - 10.0, y + 24.0], label().end(), fitting(name, 11.0, NAME));
        drawing.text([left - 10.0, y + 38.0], faint().end(), grouped(*count as u64));
        for (column, picture) in pictures.iter().enumerate() {
            let x = left + column as f64 * SIDE;
            let [height, width, _] = picture.shape().map(|side| side as f64);
            let scale = (SIDE - 2.0) / height.max(width);
            let (w, h) = (width * scale, height * scale);
            drawing.rect([x, y, SIDE - 2.0, SIDE - 2.0], Style::fill(Colour::Black));
            let (dx, dy) = ((SIDE - 2.0 - w) / 2.0, (SIDE - 2.0 - h) / 2.0);
            drawing.picture([x + dx, y + dy, w, h], picture.clone());
        }
    }
    drawing
}
