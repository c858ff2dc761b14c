//! Colours by meaning, in a light and a dark theme, and how shapes are filled and stroked.

use std::fmt::Write;

/// A colour by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// Text.
    Ink,
    /// Less important text.
    Muted,
    /// Grids and frames.
    Line,
    /// The background.
    Paper,
    /// A background that differs slightly from the page.
    Wash,
    /// White in both themes: text on strong colours.
    White,
    /// Black in both themes: the background of pictures.
    Black,
    /// Correct answers.
    Right,
    /// Wrong answers.
    Wrong,
    /// One of the colours of lines; they repeat after [`SERIES`].
    Series(usize),
}

/// Number of line colours, which people with colour blindness can distinguish; further lines are
/// dashed.
pub const SERIES: usize = 6;

/// All colours that depend on the theme.
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
    /// As 0xRRGGBB, in the light and the dark theme.
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
                2 => [0x006450, 0xc2ffcc],
                3 => [0x6d0f63, 0xa77bff],
                4 => [0x2c2c14, 0xf0e000],
                _ => [0xb38088, 0xe0608c],
            },
        }
    }

    /// Red, green and blue of `strength`, 0 to 1, of the colour over white in the light theme, for
    /// pixels that cannot follow the theme.
    pub fn on_white(self, strength: f64) -> [u8; 3] {
        self.rgb().map(|part| (255.0 + (f64::from(part) - 255.0) * strength).round() as u8)
    }

    /// Red, green and blue in the light theme.
    pub(crate) fn rgb(self) -> [u8; 3] {
        let [_, red, green, blue] = self.values()[0].to_be_bytes();
        [red, green, blue]
    }

    /// As an attribute's value in the light theme.
    pub(crate) fn hex(self) -> String {
        format!("#{:06x}", self.values()[0])
    }

    /// The suffix of its CSS class, if it depends on the theme.
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
/// `--s0`) for both themes, and how drawings follow the dark one. Printed pages are light.
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

/// The style of a separate file that uses `colours`.
pub(crate) fn file_style(colours: &[Colour]) -> String {
    format!("@media screen and (prefers-color-scheme:dark){{{}}}", dark_rules(colours))
}

/// The rules of the dark theme; they override the attributes, which have the light colours.
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

    /// Filled with `strength`, 0 to 1, of `colour` over what is below.
    pub fn tint(colour: Colour, strength: f64) -> Self {
        Self { fill: Some((colour, strength.clamp(0.0, 1.0))), ..Self::default() }
    }

    /// Drawn with a line of `width`.
    pub fn line(colour: Colour, width: f64) -> Self {
        Self::default().stroke(colour, width)
    }

    /// The fill of `inner` with the line of this style, undashed.
    pub fn on(&self, inner: Self) -> Self {
        Self { fill: inner.fill, stroke: self.stroke, dash: Vec::new() }
    }

    /// The same with a line of `width` around.
    pub fn stroke(mut self, colour: Colour, width: f64) -> Self {
        self.stroke = Some((colour, width));
        self
    }

    /// The same with dashes: lengths of strokes and gaps in turn; no lengths make a solid line.
    pub fn dashed(mut self, lengths: &[f64]) -> Self {
        self.dash = lengths.to_vec();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte of sRGB as light.
    fn linear(byte: u8) -> f64 {
        match f64::from(byte) / 255.0 {
            c if c <= 0.04045 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        }
    }

    /// Relative luminance (WCAG 2).
    fn luminance(value: u32) -> f64 {
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
            let lines = (0..SERIES).map(Colour::Series);
            for colour in lines.chain([Colour::Right, Colour::Wrong]) {
                assert!(contrast(colour.values()[look], paper) >= 3.0, "{colour:?} {look}");
            }
        }
    }

    /// How colours look to people without red-sensitive cones, without green-sensitive ones, and with
    /// all: matrices over linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
    const SIGHTS: [[[f64; 3]; 3]; 3] = [
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ];

    fn times(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    }

    /// CIE L*a*b* of a colour as a person with the given vision sees it.
    fn lab(value: u32, sight: &[[f64; 3]; 3]) -> [f64; 3] {
        let [_, r, g, b] = value.to_be_bytes().map(linear);
        let seen = times(sight, [r, g, b]).map(|part| part.clamp(0.0, 1.0));
        let xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
        let [x, y, z] = times(&xyz, seen);
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let [x, y, z] = [f(x / 0.95047), f(y), f(z / 1.08883)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn lines_are_distinguishable_with_colour_blindness() {
        for look in 0..2 {
            for sight in &SIGHTS {
                let seen: Vec<_> =
                    (0..SERIES).map(|i| lab(Colour::Series(i).values()[look], sight)).collect();
                for i in 0..SERIES {
                    for j in 0..i {
                        let square = |k: usize| (seen[i][k] - seen[j][k]).powi(2);
                        let distance = (square(0) + square(1) + square(2)).sqrt();
                        assert!(distance > 15.0, "{look}: {i} and {j} are {distance} apart");
                    }
                }
            }
        }
    }
}
