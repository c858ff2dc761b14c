//! A sheet of explained images: each as the network sees it, next to its heat maps.

use modiste_draw::{Colour, Drawing, Picture, TextStyle, fitting, text_width};
use modiste_spec::Shape;

use crate::{ExplainError, HeatMap, enlarged, overlay};

/// Side of a shown image, in units of the drawing.
const SIDE: f64 = 120.0;
/// Smallest number of pixels of a heat map per pixel of the image.
const SCALE: usize = 6;
const GAP: f64 = 8.0;
const MARGIN: f64 = 16.0;
/// Height of heading and legend.
const TOP: f64 = 62.0;
/// Height of a title or a caption.
const LINE: f64 = 18.0;
/// Height of the letters of titles, captions and the legend.
const SIZE: f64 = 11.0;
/// Images per row, heat maps included, unless one item has more.
const ABREAST: usize = 6;
/// Steps of the legend's bar.
const STEPS: usize = 64;

/// An image with its explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Text above, such as the name of the file.
    pub title: String,
    /// Text below the image.
    pub caption: String,
    /// (h, w, c).
    pub pixels: Vec<u8>,
    /// Heat maps, and the text below each.
    pub maps: Vec<(HeatMap, String)>,
}

/// The sheet of `items`, whose images have `shape`, under a heading.
///
/// # Errors
/// If an image is not of the shape, or has neither 1 nor 3 channels.
pub fn sheet(heading: &str, items: &[Explained], shape: Shape) -> Result<Drawing, ExplainError> {
    let images = items.iter().map(|item| 1 + item.maps.len()).max().unwrap_or(1);
    let columns = (ABREAST / images).clamp(1, items.len().max(1));
    let rows = items.len().div_ceil(columns);
    let [wide, high] = [images as f64 * (SIDE + GAP) + GAP, SIDE + 2.0 * LINE + GAP];
    let least = text_width(heading, 15.0) + 2.0 * MARGIN;
    let width = (columns as f64 * wide + 2.0 * MARGIN).max(least);
    let titles: Vec<&str> = items.iter().map(|item| item.title.as_str()).collect();
    let description = format!("heat maps over {}", titles.join(", "));
    let mut drawing = Drawing::new(heading, description, width, TOP + rows as f64 * high + MARGIN);
    drawing.text([MARGIN, 26.0], TextStyle::new(15.0, Colour::Ink).bold(), heading);
    legend(&mut drawing)?;
    for (i, item) in items.iter().enumerate() {
        let [x, y] = [MARGIN + (i % columns) as f64 * wide, TOP + (i / columns) as f64 * high];
        draw_item(&mut drawing, [x, y], item, shape, wide - 2.0 * GAP)?;
    }
    Ok(drawing)
}

/// One image with its maps, its upper left corner at a position.
fn draw_item(
    drawing: &mut Drawing,
    [x, y]: [f64; 2],
    item: &Explained,
    shape: Shape,
    room: f64,
) -> Result<(), ExplainError> {
    let small = |colour| TextStyle::new(SIZE, colour);
    let scale = SCALE.max(112 / shape.height.max(shape.width).max(1));
    drawing.text([x, y + 12.0], small(Colour::Ink).bold(), fitting(&item.title, SIZE, room));
    let image = (enlarged(&item.pixels, shape, 1)?, &item.caption);
    let maps = item.maps.iter().map(|(map, caption)| {
        overlay(map, &item.pixels, shape, scale).map(|picture| (picture, caption))
    });
    for (i, shown) in std::iter::once(Ok(image)).chain(maps).enumerate() {
        let (picture, caption) = shown?;
        let x = x + i as f64 * (SIDE + GAP);
        let [h, w] = [shape.height, shape.width].map(|side| side as f64);
        let (wide, high) = (SIDE * w / w.max(h), SIDE * h / w.max(h));
        drawing.picture([x, y + LINE, wide, high], picture);
        let at = [x, y + LINE + SIDE + 13.0];
        drawing.text(at, small(Colour::Muted), fitting(caption, SIZE, SIDE));
    }
    Ok(())
}

/// The legend of the colours.
fn legend(drawing: &mut Drawing) -> Result<(), ExplainError> {
    let words = TextStyle::new(SIZE, Colour::Muted);
    let ramp = (0..STEPS).map(|i| i as f32 / (STEPS - 1) as f32).collect();
    let map = HeatMap { height: 1, width: STEPS, values: ramp, peak: 1.0 };
    let bar: Picture = overlay(&map, &[0; STEPS], Shape::new(1, STEPS, 1), 1)?;
    drawing.text([MARGIN, 47.0], words, "nothing");
    drawing.picture([MARGIN + 48.0, 39.0, 120.0, 9.0], bar);
    drawing.text([MARGIN + 176.0, 47.0], words, "strongest support for the class");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(title: &str, maps: usize) -> Explained {
        let map = HeatMap::new(2, 2, vec![0.0, 1.0, 2.0, 3.0]);
        let maps = vec![(map, "a class 0.9".to_owned()); maps];
        Explained { title: title.into(), caption: "seen".into(), pixels: vec![7; 12], maps }
    }

    #[test]
    fn every_item_is_there_and_fits() {
        let shape = Shape::new(4, 3, 1);
        for (count, maps) in [(0, 0), (1, 1), (7, 1), (5, 2), (2, 9)] {
            let items: Vec<_> = (0..count).map(|i| item(&format!("item {i}"), maps)).collect();
            let drawing = sheet("why", &items, shape).unwrap();
            let texts: Vec<&str> = drawing.texts().collect();
            assert!(items.iter().all(|item| texts.contains(&item.title.as_str())), "{texts:?}");
            let captions = texts.iter().filter(|text| **text == "a class 0.9").count();
            assert_eq!(captions, count * maps);
            assert!(drawing.svg().contains("data:image/png;base64,"));
            assert!(drawing.png(1.0).is_ok());
        }
    }

    #[test]
    fn pixels_of_another_shape_are_an_error() {
        let wrong = sheet("why", &[item("x", 1)], Shape::new(5, 5, 1)).unwrap_err().to_string();
        assert_eq!(wrong, "12 bytes are not an image of 5x5x1");
    }
}
