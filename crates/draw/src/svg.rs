//! Drawings as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;

use ttf_parser::{GlyphId, OutlineBuilder};

use crate::drawing::Item;
use crate::paint::file_style;
use crate::text::is_control;
use crate::{Anchor, Colour, Drawing, Style, TextStyle, font, text_width};

impl Drawing {
    /// The drawing as an element of a page that has [`crate::page_style`]: text stays text, and the
    /// page is the background.
    pub fn element(&self) -> String {
        let mut writer = Writer::new(false);
        let body = writer.body(self);
        format!("{}{body}</svg>", opening(self, ""))
    }

    /// The drawing as a separate file, with outlines instead of text and with a background that
    /// follows the reader's theme, so that it is readable on any page.
    pub fn svg(&self) -> String {
        let mut writer = Writer::new(true);
        let ground = writer.style(&Style::fill(Colour::Paper));
        let body = writer.body(self);
        format!(
            "{}<style>{}</style>{}<rect width=\"100%\" height=\"100%\"{ground}/>{body}</svg>\n",
            opening(self, " xmlns=\"http://www.w3.org/2000/svg\""),
            file_style(&writer.colours),
            writer.definitions(),
        )
    }
}

/// The opening tag, the title and the description.
fn opening(drawing: &Drawing, name_space: &str) -> String {
    let (width, height) = (number(drawing.width), number(drawing.height));
    let mut out = format!(
        "<svg{name_space} viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\"><title>{}</title>",
        escape(&drawing.title)
    );
    if !drawing.description.is_empty() {
        let _ = write!(out, "<desc>{}</desc>", escape(&drawing.description));
    }
    out
}

/// Writes items and collects the colours and outlines that they use.
struct Writer {
    /// Whether to write text as outlines.
    outlines: bool,
    /// Used colours, sorted.
    colours: Vec<Colour>,
    /// Used outlines.
    glyphs: BTreeMap<u16, String>,
}

impl Writer {
    fn new(outlines: bool) -> Self {
        Self { outlines, colours: Vec::new(), glyphs: BTreeMap::new() }
    }

    fn body(&mut self, drawing: &Drawing) -> String {
        drawing.items.iter().map(|item| self.item(item)).collect()
    }

    fn item(&mut self, item: &Item) -> String {
        match item {
            Item::Rect { place, corners, style } => {
                let round = match number(*corners) {
                    none if none == "0" => String::new(),
                    radius => format!(" rx=\"{radius}\""),
                };
                format!("<rect{}{round}{}/>", box_of(place), self.style(style))
            }
            Item::Circle { centre: [x, y], radius, style } => format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>",
                number(*x),
                number(*y),
                number(*radius),
                self.style(style)
            ),
            Item::Path { points, .. } if points.len() < 2 => String::new(),
            Item::Path { points, closed, style } => {
                let mut data = String::new();
                for (i, [x, y]) in points.iter().enumerate() {
                    let letter = if i == 0 { 'M' } else { 'L' };
                    let _ = write!(data, "{letter}{} {}", number(*x), number(*y));
                }
                let end = if *closed { "Z" } else { "" };
                format!("<path d=\"{data}{end}\"{}/>", self.style(style))
            }
            Item::Text { at, text, style } => self.text(*at, text, style),
            Item::Picture { place, picture } => format!(
                "<image{} preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" \
                 href=\"{}\"/>",
                box_of(place),
                picture.data_url()
            ),
            Item::Hint { place, text } => format!(
                "<rect{} class=\"hint\" fill-opacity=\"0\"><title>{}</title></rect>",
                box_of(place),
                escape(text)
            ),
        }
    }

    /// The attributes of a style.
    fn style(&mut self, style: &Style) -> String {
        let mut classes = Vec::new();
        let mut out = String::new();
        match style.fill {
            Some((colour, strength)) => {
                classes.extend(self.class("f", colour));
                let _ = write!(out, " fill=\"{}\"", colour.hex());
                if strength < 1.0 {
                    let _ = write!(out, " fill-opacity=\"{}\"", number(strength));
                }
            }
            None => out.push_str(" fill=\"none\""),
        }
        if let Some((colour, width)) = style.stroke {
            classes.extend(self.class("k", colour));
            let _ = write!(out, " stroke=\"{}\" stroke-width=\"{}\"", colour.hex(), number(width));
            out.push_str(" stroke-linejoin=\"round\"");
            if !style.dash.is_empty() {
                let lengths: Vec<String> =
                    style.dash.iter().map(|&length| number(length)).collect();
                let _ = write!(out, " stroke-dasharray=\"{}\"", lengths.join(" "));
            }
        }
        match classes.is_empty() {
            true => out,
            false => format!(" class=\"{}\"{out}", classes.join(" ")),
        }
    }

    fn class(&mut self, kind: &str, colour: Colour) -> Option<String> {
        let class = format!("{kind}-{}", colour.class()?);
        if let Err(place) = self.colours.binary_search(&colour) {
            self.colours.insert(place, colour);
        }
        Some(class)
    }

    fn text(&mut self, [x, y]: [f64; 2], text: &str, style: &TextStyle) -> String {
        if self.outlines {
            return self.outlined([x, y], text, style);
        }
        let paint = self.style(&Style::fill(style.colour));
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"600\"" } else { "" };
        let (x, y, size) = (number(x), number(y), number(style.size));
        let place = match style.upwards {
            true => format!(" transform=\"translate({x} {y}) rotate(-90)\""),
            false => format!(" x=\"{x}\" y=\"{y}\""),
        };
        format!("<text{place} font-size=\"{size}\"{anchor}{weight}{paint}>{}</text>", escape(text))
    }

    /// A text as uses of its glyphs, in units of the font.
    fn outlined(&mut self, [x, y]: [f64; 2], text: &str, style: &TextStyle) -> String {
        let scale = style.size / font::units_per_em();
        let mut paint = Style::fill(style.colour);
        if style.bold {
            paint = paint.stroke(style.colour, font::units_per_em() * BOLD);
        }
        let paint = self.style(&paint);
        let turn = if style.upwards { " rotate(-90)" } else { "" };
        let mut out = format!(
            "<g transform=\"translate({} {}){turn} scale({scale:.6})\"{paint}>",
            number(x),
            number(y)
        );
        let mut at = -shift(text, style) / scale;
        for character in text.chars() {
            let glyph = font::glyph(character);
            let outline = self.glyphs.entry(glyph.0).or_insert_with(|| outline(glyph));
            if !outline.is_empty() {
                let _ = write!(out, "<use href=\"#g{}\" x=\"{at:.0}\"/>", glyph.0);
            }
            at += font::advance(glyph);
        }
        out.push_str("</g>");
        out
    }

    /// The used outlines.
    fn definitions(&self) -> String {
        let mut out = String::from("<defs>");
        for (id, outline) in self.glyphs.iter().filter(|(_, outline)| !outline.is_empty()) {
            let _ = write!(out, "<path id=\"g{id}\" d=\"{outline}\"/>");
        }
        out.push_str("</defs>");
        out
    }
}

/// Width of the line that makes an outline bold, in ems.
pub(crate) const BOLD: f64 = 0.035;

/// Distance from the beginning of a text to its position.
pub(crate) fn shift(text: &str, style: &TextStyle) -> f64 {
    match style.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => text_width(text, style.size) / 2.0,
        Anchor::End => text_width(text, style.size),
    }
}

fn outline(glyph: GlyphId) -> String {
    let mut data = Data(String::new());
    font::outline(glyph, &mut data);
    data.0
}

/// A path's data, with y downwards.
struct Data(String);

impl Data {
    fn command(&mut self, letter: char, numbers: &[f32]) {
        self.0.push(letter);
        for (i, value) in numbers.iter().enumerate() {
            // Every second number is a y.
            let value = if i % 2 == 1 { -value } else { *value };
            let gap = if i > 0 { " " } else { "" };
            let _ = write!(self.0, "{gap}{}", number(f64::from(value)));
        }
    }
}

impl OutlineBuilder for Data {
    fn move_to(&mut self, x: f32, y: f32) {
        self.command('M', &[x, y]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.command('L', &[x, y]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.command('Q', &[x1, y1, x, y]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.command('C', &[x1, y1, x2, y2, x, y]);
    }

    fn close(&mut self) {
        self.command('Z', &[]);
    }
}

fn box_of([x, y, width, height]: &[f64; 4]) -> String {
    format!(
        " x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(*x),
        number(*y),
        number(*width),
        number(*height)
    )
}

/// A number with at most two decimals; a number that is not finite would break the drawing and
/// becomes 0.
fn number(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// `text` escaped for SVG and HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\r' | '\t' => out.push(character),
            // XML forbids most of these, even escaped.
            _ if is_control(character) => out.extend(character.escape_default()),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;

    fn drawing() -> Drawing {
        let mut drawing = Drawing::new("a <title>", "what is \"seen\"", 100.0, 50.5);
        drawing.rounded([1.0, 2.0, 3.456, 4.0], 1.5, Style::tint(Colour::Right, 0.25));
        drawing.circle([5.0, 5.0], 2.0, Style::line(Colour::Series(7), 1.0).dashed(&[2.0, 1.5]));
        drawing.line([[0.0, 0.0], [f64::NAN, -0.001]], Style::line(Colour::Ink, 2.0));
        drawing.text([9.0, 9.0], TextStyle::new(10.0, Colour::Muted).middle().bold(), "1 & 1");
        drawing.picture([0.0, 0.0, 8.0, 8.0], Picture::new(vec![7], [1, 1, 1]).unwrap());
        drawing.hint([0.0, 0.0, 1.0, 1.0], "more");
        drawing
    }

    #[test]
    fn an_element_keeps_its_text() {
        let text = drawing().element();
        for part in [
            "<svg viewBox=\"0 0 100 50.5\"",
            "role=\"img\"><title>a &lt;title&gt;</title><desc>what is &quot;seen&quot;</desc>",
            "<rect x=\"1\" y=\"2\" width=\"3.46\" height=\"4\" rx=\"1.5\" class=\"f-right\"",
            "fill-opacity=\"0.25\"",
            "class=\"k-s1\"",
            "stroke-dasharray=\"2 1.5\"",
            "M0 0L0 0",
            "text-anchor=\"middle\" font-weight=\"600\"",
            ">1 &amp; 1</text>",
            "href=\"data:image/png;base64,iVBOR",
            "<title>more</title>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("xmlns") && !text.contains(" id="));
    }

    #[test]
    fn a_file_needs_no_font_and_follows_the_dark_look() {
        let text = drawing().svg();
        assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(!text.contains("<text") && !text.contains("font-"));
        assert_eq!(text.matches("<path id=").count(), 2, "a 1 and an ampersand, each once");
        assert_eq!(text.matches("<use ").count(), 3);
        assert!(
            text.contains("prefers-color-scheme:dark") && text.contains(".f-paper{fill:#14171d")
        );
        assert_eq!(text, drawing().svg());
    }

    #[test]
    fn characters_forbidden_in_xml_are_replaced() {
        assert_eq!(escape("a\u{1}\tb\u{ffff}'"), "a\\u{1}\tb\u{fffd}&#39;");
    }
}
