//! Colours by what they mean, in a light and a dark look, and how shapes are filled and stroked.

use std::fmt::Write;

/// A colour by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// Text.
    Ink,
    /// Text of lesser weight.
    Muted,
    /// Grids and frames.
    Line,
    /// The ground.
    Paper,
    /// A ground that stands out from the paper a little.
    Wash,
    /// White in every look: text on strong colours.
    White,
    /// Black in every look: the ground of pictures.
    Black,
    /// What is right.
    Right,
    /// What is wrong.
    Wrong,
    /// One of the colours that lines are told apart by; they begin again after [`SERIES`].
    Series(usize),
}

/// How many colours there are for lines. People who see two kinds of colour tell them apart by
/// lightness; where there are more lines than colours, dashes help.
pub const SERIES: usize = 6;

/// All colours that a look decides.
const THEMED: [Colour; 13] = [
    Colour::Ink,
    Colour::Muted,
    Colour::Line,
    Colour::Paper,
    Colour::Wash,
    Colour::Right,
    Colour::Wrong,
    Colour::Series(0),
    Colour::Series(1),
    Colour::Series(2),
    Colour::Series(3),
    Colour::Series(4),
    Colour::Series(5),
];

impl Colour {
    /// As 0xRRGGBB, in the light and the dark look.
    fn values(self) -> [u32; 2] {
        match self {
            Self::Ink => [0x1d2230, 0xe6e9ef],
            Self::Muted => [0x596172, 0xa3acbc],
            Self::Line => [0xd5dae2, 0x363d49],
            Self::Paper => [0xffffff, 0x14171d],
            Self::Wash => [0xf1f4f8, 0x1e232c],
            Self::White => [0xffffff; 2],
            Self::Black => [0x000000; 2],
            Self::Right => [0x17549c, 0x3e84d4],
            Self::Wrong => [0xc44a0c, 0xde6a2a],
            Self::Series(i) => match i % SERIES {
                0 => [0x1a5aa6, 0x6fb1f2],
                1 => [0xc2540a, 0xf29a52],
                2 => [0x00856f, 0x3fd0ae],
                3 => [0x8a2f7c, 0xe39ad8],
                4 => [0x8a6d00, 0xe0c341],
                _ => [0x3b4252, 0xc9d1dc],
            },
        }
    }

    /// Red, green and blue of `strength`, 0 to 1, of the colour over white, in the light look: for
    /// pixels that a look cannot change.
    pub fn on_white(self, strength: f64) -> [u8; 3] {
        self.rgb().map(|part| (255.0 + (f64::from(part) - 255.0) * strength).round() as u8)
    }

    /// Red, green and blue in the light look.
    pub(crate) fn rgb(self) -> [u8; 3] {
        let [_, red, green, blue] = self.values()[0].to_be_bytes();
        [red, green, blue]
    }

    /// As an attribute's value in the light look.
    pub(crate) fn hex(self) -> String {
        format!("#{:06x}", self.values()[0])
    }

    /// The part of a class that stands for it, if a look decides it.
    pub(crate) fn class(self) -> Option<String> {
        let name = match self {
            Self::Ink => "ink",
            Self::Muted => "muted",
            Self::Line => "line",
            Self::Paper => "paper",
            Self::Wash => "wash",
            Self::White | Self::Black => return None,
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Series(i) => return Some(format!("s{}", i % SERIES)),
        };
        Some(name.into())
    }
}

/// The style that a page needs for the drawings within it: variables of all colours (`--ink`,
/// `--s0`) for both looks, and how drawings follow the dark one. Printed pages are light.
pub fn page_style() -> String {
    let variables = |look: usize| {
        let mut out = String::new();
        for colour in THEMED {
            let _ = write!(
                out,
                "--{}:#{:06x};",
                colour.class().expect("it has one"),
                colour.values()[look]
            );
        }
        out
    };
    format!(
        ":root{{color-scheme:light dark;{}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{}}}\n{}}}\n\
         @media print{{:root{{color-scheme:light}}}}\n",
        variables(0),
        variables(1),
        dark_rules(&THEMED)
    )
}

/// The style of a file of its own that uses `colours`.
pub(crate) fn file_style(colours: &[Colour]) -> String {
    format!("@media screen and (prefers-color-scheme:dark){{{}}}", dark_rules(colours))
}

/// Rules win over attributes: what the attributes colour light, these colour dark.
fn dark_rules(colours: &[Colour]) -> String {
    let mut out = String::new();
    for colour in colours {
        if let Some(class) = colour.class() {
            let value = colour.values()[1];
            let _ = write!(out, ".f-{class}{{fill:#{value:06x}}}.k-{class}{{stroke:#{value:06x}}}");
        }
    }
    out
}

/// How a shape is filled and stroked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    pub(crate) fill: Option<(Colour, f64)>,
    pub(crate) stroke: Option<(Colour, f64)>,
    pub(crate) dash: Vec<f64>,
}

impl Style {
    /// Filled.
    pub fn fill(colour: Colour) -> Self {
        Self::tint(colour, 1.0)
    }

    /// Filled with `strength`, 0 to 1, of `colour` over what lies below.
    pub fn tint(colour: Colour, strength: f64) -> Self {
        Self { fill: Some((colour, strength.clamp(0.0, 1.0))), ..Self::default() }
    }

    /// Drawn with a line of `width`.
    pub fn line(colour: Colour, width: f64) -> Self {
        Self::default().stroke(colour, width)
    }

    /// The line of this style, undashed, around what `inner` fills.
    pub fn on(&self, inner: Self) -> Self {
        Self { fill: inner.fill, stroke: self.stroke, dash: Vec::new() }
    }

    /// The same with a line of `width` around.
    pub fn stroke(mut self, colour: Colour, width: f64) -> Self {
        self.stroke = Some((colour, width));
        self
    }

    /// The same with dashes: lengths of strokes and gaps in turn; none leave the line whole.
    pub fn dashed(mut self, lengths: &[f64]) -> Self {
        self.dash = lengths.to_vec();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2).
    fn luminance(value: u32) -> f64 {
        let linear = |byte: u8| match f64::from(byte) / 255.0 {
            c if c <= 0.04045 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        };
        let [_, r, g, b] = value.to_be_bytes().map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_lines_stand_out_in_both_looks() {
        for look in 0..2 {
            let paper = Colour::Paper.values()[look];
            for colour in [Colour::Ink, Colour::Muted] {
                assert!(contrast(colour.values()[look], paper) >= 4.5, "{colour:?} {look}");
                let wash = Colour::Wash.values()[look];
                assert!(contrast(colour.values()[look], wash) >= 4.5, "{colour:?} on wash {look}");
            }
            for i in 0..SERIES {
                let value = Colour::Series(i).values()[look];
                assert!(contrast(value, paper) >= 4.5, "series {i} {look}");
            }
            for colour in [Colour::Right, Colour::Wrong] {
                assert!(contrast(colour.values()[look], paper) >= 3.0, "{colour:?} {look}");
            }
        }
    }
}
