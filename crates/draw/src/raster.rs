//! Drawings as pixels, in the light theme.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};
use ttf_parser::OutlineBuilder;

use crate::drawing::Item;
use crate::svg::{BOLD, shift};
use crate::{Colour, DrawError, Drawing, Picture, Style, TextStyle, font};

/// The longest side, in pixels.
const MAX_SIDE: f64 = 20_000.0;

impl Drawing {
    /// The drawing as a PNG file on white, `scale` pixels per unit.
    ///
    /// # Errors
    /// If a side has no pixel or more than 20,000.
    pub fn png(&self, scale: f64) -> Result<Vec<u8>, DrawError> {
        Ok(self.pixels(scale)?.png())
    }

    /// The drawing as pixels.
    pub(crate) fn pixels(&self, scale: f64) -> Result<Picture, DrawError> {
        let side =
            |length: f64| Some((length * scale).ceil()).filter(|n| (1.0..=MAX_SIDE).contains(n));
        let map = side(self.width).zip(side(self.height));
        let map = map.and_then(|(width, height)| Pixmap::new(width as u32, height as u32));
        let size =
            || DrawError::Size { width: self.width.to_string(), height: self.height.to_string() };
        let mut canvas = Canvas { map: map.ok_or_else(size)?, scale: scale as f32 };
        let [red, green, blue] = Colour::Paper.rgb();
        canvas.map.fill(tiny_skia::Color::from_rgba8(red, green, blue, 255));
        for item in &self.items {
            canvas.item(item);
        }
        let (height, width) = (canvas.map.height() as usize, canvas.map.width() as usize);
        // The background is opaque, so all pixels are.
        let pixels = canvas.map.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        Picture::new(pixels, [height, width, 3])
    }
}

/// The canvas.
struct Canvas {
    map: Pixmap,
    scale: f32,
}

impl Canvas {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Rect { place, corners, style } => {
                let path = rounded(place.map(|v| v as f32), *corners as f32);
                self.shape(path, style);
            }
            Item::Circle { centre, radius, style } => {
                let [x, y] = centre.map(|v| v as f32);
                self.shape(PathBuilder::from_circle(x, y, *radius as f32), style);
            }
            Item::Path { points, closed, style } => self.shape(through(points, *closed), style),
            Item::Text { at, text, style } => self.text(*at, text, style),
            Item::Picture { place, picture } => self.picture(*place, picture),
            Item::Hint { .. } => {}
        }
    }

    fn shape(&mut self, path: Option<Path>, style: &Style) {
        let Some(path) = path else { return };
        let scaled = Transform::from_scale(self.scale, self.scale);
        self.paint(&path, style, scaled);
    }

    fn paint(&mut self, path: &Path, style: &Style, transform: Transform) {
        if let Some((colour, strength)) = style.fill {
            let paint = paint(colour, strength);
            self.map.fill_path(path, &paint, FillRule::Winding, transform, None);
        }
        if let Some((colour, width)) = style.stroke {
            let lengths: Vec<f32> = style.dash.iter().map(|&length| length as f32).collect();
            let stroke = Stroke {
                width: width as f32,
                line_cap: LineCap::Butt,
                line_join: LineJoin::Round,
                dash: StrokeDash::new(lengths, 0.0),
                ..Stroke::default()
            };
            self.map.stroke_path(path, &paint(colour, 1.0), &stroke, transform, None);
        }
    }

    fn text(&mut self, [x, y]: [f64; 2], text: &str, style: &TextStyle) {
        let size = style.size / font::units_per_em();
        let mut outline =
            Outline { builder: PathBuilder::new(), at: -(shift(text, style) / size) as f32 };
        for character in text.chars() {
            let glyph = font::glyph(character);
            font::outline(glyph, &mut outline);
            outline.at += font::advance(glyph) as f32;
        }
        let Some(path) = outline.builder.finish() else { return };
        let mut look = Style::fill(style.colour);
        if style.bold {
            look = look.stroke(style.colour, font::units_per_em() * BOLD);
        }
        let turn = if style.upwards { -90.0 } else { 0.0 };
        let transform = Transform::from_scale(self.scale, self.scale)
            .pre_translate(x as f32, y as f32)
            .pre_concat(Transform::from_rotate(turn))
            .pre_scale(size as f32, size as f32);
        self.paint(&path, &look, transform);
    }

    /// Each pixel gets the colour of the picture's pixel at its centre.
    fn picture(&mut self, [x, y, width, height]: [f64; 4], picture: &Picture) {
        let [rows, columns, _] = picture.shape();
        let scale = f64::from(self.scale);
        let (map_width, map_height) = (self.map.width() as usize, self.map.height() as usize);
        let range = |start: f64, length: f64, end: usize| {
            let edge = |value: f64| ((value * scale).round().max(0.0) as usize).min(end);
            edge(start)..edge(start + length)
        };
        let below = |at: usize, start: f64, length: f64, count: usize| {
            let part = ((at as f64 + 0.5) / scale - start) / length;
            ((part * count as f64).max(0.0) as usize).min(count - 1)
        };
        let data = self.map.data_mut();
        for row in range(y, height, map_height) {
            for column in range(x, width, map_width) {
                let source = [below(row, y, height, rows), below(column, x, width, columns)];
                let [red, green, blue] = picture.rgb(source[0], source[1]);
                let at = (row * map_width + column) * 4;
                data[at..at + 4].copy_from_slice(&[red, green, blue, 255]);
            }
        }
    }
}

fn paint(colour: Colour, strength: f64) -> Paint<'static> {
    let [red, green, blue] = colour.rgb();
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (strength * 255.0).round() as u8);
    paint
}

fn through(points: &[[f64; 2]], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (i, point) in points.iter().enumerate() {
        let [x, y] = point.map(|v| if v.is_finite() { v as f32 } else { 0.0 });
        if i == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn rounded([x, y, width, height]: [f32; 4], corners: f32) -> Option<Path> {
    let rect = Rect::from_xywh(x, y, width, height)?;
    let r = corners.min(width / 2.0).min(height / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(rect));
    }
    // A cubic Bézier curve is a quarter of a circle within 0.03 % with this.
    let c = r * (1.0 - 0.552_284_8);
    let (right, bottom) = (x + width, y + height);
    let mut b = PathBuilder::new();
    b.move_to(x + r, y);
    b.line_to(right - r, y);
    b.cubic_to(right - c, y, right, y + c, right, y + r);
    b.line_to(right, bottom - r);
    b.cubic_to(right, bottom - c, right - c, bottom, right - r, bottom);
    b.line_to(x + r, bottom);
    b.cubic_to(x + c, bottom, x, bottom - c, x, bottom - r);
    b.line_to(x, y + r);
    b.cubic_to(x, y + c, x + c, y, x + r, y);
    b.close();
    b.finish()
}

/// Outlines in units of the font, y downwards.
struct Outline {
    builder: PathBuilder,
    /// Origin of the current glyph.
    at: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(self.at + x, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(self.at + x, -y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.builder.quad_to(self.at + x1, -y1, self.at + x, -y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let at = self.at;
        self.builder.cubic_to(at + x1, -y1, at + x2, -y2, at + x, -y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_texts_and_pictures_are_drawn_at_their_positions() {
        let mut drawing = Drawing::new("", "", 40.0, 20.0);
        drawing.rect([0.0, 0.0, 10.0, 20.0], Style::tint(Colour::Black, 0.5));
        drawing.picture([10.0, 0.0, 10.0, 20.0], Picture::new(vec![9, 200], [2, 1, 1]).unwrap());
        drawing.text([30.0, 15.0], TextStyle::new(16.0, Colour::Ink).middle().bold(), "M");
        let pixels = drawing.pixels(2.0).unwrap();
        assert_eq!(pixels.shape(), [40, 80, 3]);
        assert_eq!(pixels.rgb(20, 10), [127; 3]);
        assert_eq!([pixels.rgb(19, 30), pixels.rgb(20, 30)], [[9; 3], [200; 3]]);
        assert_eq!(pixels.rgb(20, 78), [255; 3]);
        let dark = |columns: std::ops::Range<usize>| {
            columns
                .flat_map(|c| (0..40).map(move |r| (r, c)))
                .filter(|&(r, c)| pixels.rgb(r, c)[0] < 100)
                .count()
        };
        let [left, right] = [dark(40..60), dark(60..80)];
        assert!(left > 50 && left.abs_diff(right) < 20, "{left} {right}");
        assert_eq!(drawing.png(2.0), drawing.png(2.0));
    }

    #[test]
    fn upward_text_is_rotated_text() {
        let (mut plain, mut turned) =
            (Drawing::new("", "", 30.0, 30.0), Drawing::new("", "", 30.0, 30.0));
        let style = TextStyle::new(16.0, Colour::Ink);
        plain.text([2.0, 20.0], style, "Lp");
        turned.text([20.0, 28.0], style.upwards(), "Lp");
        let [plain, turned] = [plain, turned].map(|drawing| drawing.pixels(8.0).unwrap());
        let (mut dots, mut differ) = (0, 0);
        for row in 0..240 {
            for column in 0..240 {
                let dark = |picture: &Picture, r, c| picture.rgb(r, c)[0] < 128;
                let [a, b] = [dark(&plain, row, column), dark(&turned, 239 - column, row)];
                (dots, differ) = (dots + u32::from(a), differ + u32::from(a != b));
            }
        }
        assert!(dots > 2_000 && differ < dots / 50, "{differ} of {dots}");
    }

    #[test]
    fn sizes_that_are_none_are_an_error() {
        for (width, height) in [(0.0, 5.0), (5.0, f64::NAN), (20_001.0, 1.0)] {
            let error = Drawing::new("", "", width, height).png(1.0).unwrap_err();
            assert!(error.to_string().contains("cannot become a PNG file"), "{error}");
        }
    }
}
