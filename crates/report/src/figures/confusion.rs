//! The confusion matrix: counts, and their share of each class's images.

use std::borrow::Cow;

use modiste_draw::{Colour, Drawing, Picture, Style, TextStyle, fitting, grouped, text_width};
use modiste_metrics::Evaluation;

use super::{faint, label, title};
use crate::format::{decimal, digits, percent};

/// Largest numbers of classes for which cells show count and share, only the count, or only a hint.
const BOTH: usize = 14;
const COUNTS: usize = 24;
/// Larger matrices are pictures with one pixel per cell.
const CELLS: usize = 40;

/// Side of the matrix if cells are empty.
const SIDE: f64 = 720.0;
const MARGIN: f64 = 2.0;
const TOP: f64 = 54.0;
/// Longest class name, in units of the drawing.
const NAME: f64 = 110.0;

/// Number of images by `[truth][prediction]`, with the names of the classes.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    counts: Cow<'a, [Vec<u64>]>,
    names: Vec<&'a str>,
    images: u64,
    accuracy: f64,
}

impl<'a> Matrix<'a> {
    /// The matrix of these counts, (classes, classes).
    pub fn new(
        counts: impl Into<Cow<'a, [Vec<u64>]>>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let (counts, names) = (counts.into(), names.collect());
        let images = counts.iter().flatten().sum();
        let right: u64 = counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        Self { counts, names, images, accuracy: right as f64 / images as f64 }
    }
}

impl<'a> From<&'a Evaluation> for Matrix<'a> {
    fn from(evaluation: &'a Evaluation) -> Self {
        let names = evaluation.classes.iter().map(|class| class.name.as_str());
        Self::new(evaluation.confusion.as_slice(), names)
    }
}

/// The confusion matrix, truths downwards and predictions to the right, shaded by the part of each
/// class's images (the paper's figure 2): counts and rates for up to 14 classes, counts for up to 24.
pub fn confusion<'a>(matrix: impl Into<Matrix<'a>>) -> Drawing {
    let matrix = &matrix.into();
    let layout = Layout::new(matrix);
    let side = layout.cell * layout.classes as f64;
    let (width, height) = (layout.left + side + MARGIN, layout.top + side + MARGIN);
    let mut drawing = Drawing::new("Confusion matrix", describe(matrix), width.max(260.0), height);
    draw_heading(&mut drawing, &layout, matrix);
    if layout.classes > CELLS {
        drawing.picture([layout.left, layout.top, side, side], as_pixels(matrix));
        return drawing;
    }
    for truth in 0..layout.classes {
        for prediction in 0..layout.classes {
            draw_cell(&mut drawing, &layout, matrix, [truth, prediction]);
        }
        if layout.names {
            draw_names(&mut drawing, &layout, truth, matrix.names[truth]);
        }
    }
    drawing
}

/// Positions of the parts of the figure.
struct Layout {
    classes: usize,
    /// Side of a cell.
    cell: f64,
    /// Left of and above the matrix.
    left: f64,
    top: f64,
    names: bool,
}

impl Layout {
    fn new(matrix: &Matrix<'_>) -> Self {
        let classes = matrix.names.len();
        let largest = matrix.counts.iter().flatten().max().copied().unwrap_or(0);
        let count = text_width(&grouped(largest), 13.0) + 10.0;
        let cell = if classes <= BOTH {
            count.max(50.0)
        } else if classes <= COUNTS {
            count.max(30.0)
        } else {
            (SIDE / classes as f64).min(24.0)
        };
        let names = classes <= COUNTS;
        let longest = matrix.names.iter().map(|name| text_width(name, 11.0));
        let room = if names { longest.fold(0.0, f64::max).min(NAME) + 8.0 } else { 0.0 };
        Self { classes, cell, left: MARGIN + 18.0 + room, top: TOP + 16.0 + room, names }
    }
}

/// The most frequent confusions, in words.
fn describe(matrix: &Matrix<'_>) -> String {
    let name = |class: usize| matrix.names[class];
    let mut wrong: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in matrix.counts.iter().enumerate() {
        let cells = row.iter().enumerate().filter(|&(prediction, _)| prediction != truth);
        wrong.extend(cells.map(|(prediction, &count)| (count, truth, prediction)));
    }
    wrong.sort_by_key(|&(count, truth, prediction)| (std::cmp::Reverse(count), truth, prediction));
    let most = wrong.iter().take(3).filter(|(count, ..)| *count > 0);
    let most: Vec<String> = most
        .map(|&(count, truth, prediction)| {
            format!("{} of {} seen as {}", grouped(count), name(truth), name(prediction))
        })
        .collect();
    let accuracy = decimal(matrix.accuracy, 4);
    match most.is_empty() {
        true => format!("accuracy {accuracy}; no mistakes"),
        false => format!("accuracy {accuracy}; most mistakes: {}", most.join(", ")),
    }
}

fn draw_heading(drawing: &mut Drawing, layout: &Layout, matrix: &Matrix<'_>) {
    drawing.text([MARGIN, 14.0], title(), "Confusion matrix");
    let accuracy = decimal(matrix.accuracy, digits(matrix.images));
    let line = format!("accuracy {accuracy}, {} images", grouped(matrix.images));
    drawing.text([MARGIN, 32.0], faint(), line);
    drawing.text([layout.left, TOP], label().bold(), "prediction →");
    let style = label().bold().upwards().end();
    drawing.text([MARGIN + 10.0, layout.top], style, "← truth");
}

/// Strength of a cell's shade. Mistakes are few: the square root makes one in a hundred visible.
fn shade(matrix: &Matrix<'_>, [truth, prediction]: [usize; 2]) -> (Colour, f64, f64) {
    let row = &matrix.counts[truth];
    let share = row[prediction] as f64 / row.iter().sum::<u64>().max(1) as f64;
    match truth == prediction {
        true => (Colour::Right, share, share),
        false => (Colour::Wrong, share.sqrt(), share),
    }
}

fn draw_cell(drawing: &mut Drawing, layout: &Layout, matrix: &Matrix<'_>, at: [usize; 2]) {
    let [truth, prediction] = at;
    let count = matrix.counts[truth][prediction];
    let (colour, strength, share) = shade(matrix, at);
    let cell = layout.cell;
    let x = layout.left + prediction as f64 * cell;
    let y = layout.top + truth as f64 * cell;
    let gap = if cell > 6.0 { 1.0 } else { 0.0 };
    let place = [x, y, cell - gap, cell - gap];
    let style = match count {
        0 => Style::fill(Colour::Wash),
        _ => Style::tint(colour, 0.06 + 0.94 * strength),
    };
    drawing.rect(place, style);
    let ink = match count {
        0 => Colour::Muted,
        _ if strength > 0.75 => Colour::White,
        _ => Colour::Ink,
    };
    let (middle, centre) = (x + (cell - gap) / 2.0, y + cell / 2.0);
    if layout.classes <= BOTH && count > 0 {
        let text = |size| TextStyle::new(size, ink).middle();
        drawing.text([middle, centre - 1.0], text(13.0), grouped(count));
        drawing.text([middle, centre + 14.0], text(9.5), percent(share));
    } else if layout.names {
        let size = if layout.classes <= BOTH { 13.0 } else { 10.0 };
        let text = TextStyle::new(size, ink).middle();
        drawing.text([middle, centre + size * 0.35], text, grouped(count));
    }
    let name = |class: usize| matrix.names[class];
    let support: u64 = matrix.counts[truth].iter().sum();
    let (count, support) = (grouped(count), grouped(support));
    let hint = format!("{} seen as {}: {count} of {support}", name(truth), name(prediction));
    drawing.hint(place, format!("{hint} ({})", percent(share)));
}

/// The name of `class` before its row and above its column.
fn draw_names(drawing: &mut Drawing, layout: &Layout, class: usize, name: &str) {
    let name = fitting(name, 11.0, NAME);
    let middle = (class as f64 + 0.5) * layout.cell + 4.0;
    drawing.text([layout.left - 7.0, layout.top + middle], label().end(), name.clone());
    drawing.text([layout.left + middle, layout.top - 7.0], label().upwards(), name);
}

/// One pixel per cell, on white.
fn as_pixels(matrix: &Matrix<'_>) -> Picture {
    let classes = matrix.names.len();
    let mut pixels = Vec::with_capacity(classes * classes * 3);
    for truth in 0..classes {
        for prediction in 0..classes {
            let (colour, strength, _) = shade(matrix, [truth, prediction]);
            pixels.extend(colour.on_white(0.04 + 0.96 * strength));
        }
    }
    Picture::new(pixels, [classes, classes, 3]).expect("a pixel a cell")
}
