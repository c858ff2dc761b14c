//! The confusion matrix: counts, and their share of each class's images.

use modiste_draw::{Colour, Drawing, Picture, Style, TextStyle, fitting, grouped, text_width};
use modiste_metrics::Evaluation;

use super::{faint, label, title};
use crate::format::{decimal, digits, percent};

/// Up to how many classes cells hold count and share, only the count, and a hint.
const BOTH: usize = 14;
const COUNTS: usize = 24;
/// Larger matrices are pictures with one pixel per cell.
const CELLS: usize = 40;

/// Side of the matrix where cells hold nothing.
const SIDE: f64 = 720.0;
const MARGIN: f64 = 2.0;
const TOP: f64 = 54.0;
/// Longest class name, in units of the drawing.
const NAME: f64 = 110.0;

/// The confusion matrix, truths downwards and predictions to the right, shaded by the part of each
/// class's images (the paper's figure 2): counts and rates for up to 14 classes, counts for up to 24.
pub fn confusion(evaluation: &Evaluation) -> Drawing {
    let layout = Layout::new(evaluation);
    let side = layout.cell * layout.classes as f64;
    let (width, height) = (layout.left + side + MARGIN, layout.top + side + MARGIN);
    let mut drawing =
        Drawing::new("Confusion matrix", describe(evaluation), width.max(260.0), height);
    draw_heading(&mut drawing, &layout, evaluation);
    if layout.classes > CELLS {
        drawing.picture([layout.left, layout.top, side, side], as_pixels(evaluation));
        return drawing;
    }
    for truth in 0..layout.classes {
        for prediction in 0..layout.classes {
            draw_cell(&mut drawing, &layout, evaluation, [truth, prediction]);
        }
        if layout.names {
            draw_names(&mut drawing, &layout, truth, &evaluation.classes[truth].name);
        }
    }
    drawing
}

/// Where everything goes.
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
    fn new(evaluation: &Evaluation) -> Self {
        let classes = evaluation.classes.len();
        let largest = evaluation.confusion.iter().flatten().max().copied().unwrap_or(0);
        let count = text_width(&grouped(largest), 13.0) + 10.0;
        let cell = if classes <= BOTH {
            count.max(50.0)
        } else if classes <= COUNTS {
            count.max(30.0)
        } else {
            (SIDE / classes as f64).min(24.0)
        };
        let names = classes <= COUNTS;
        let longest = evaluation.classes.iter().map(|class| text_width(&class.name, 11.0));
        let room = if names { longest.fold(0.0, f64::max).min(NAME) + 8.0 } else { 0.0 };
        Self { classes, cell, left: MARGIN + 18.0 + room, top: TOP + 16.0 + room, names }
    }
}

/// The most frequent confusions, in words.
fn describe(evaluation: &Evaluation) -> String {
    let name = |class: usize| evaluation.classes[class].name.as_str();
    let mut wrong: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in evaluation.confusion.iter().enumerate() {
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
    let accuracy = decimal(evaluation.accuracy, 4);
    match most.is_empty() {
        true => format!("accuracy {accuracy}; no mistakes"),
        false => format!("accuracy {accuracy}; most mistakes: {}", most.join(", ")),
    }
}

fn draw_heading(drawing: &mut Drawing, layout: &Layout, evaluation: &Evaluation) {
    drawing.text([MARGIN, 14.0], title(), "Confusion matrix");
    let accuracy = decimal(evaluation.accuracy, digits(evaluation.images));
    let line = format!("accuracy {accuracy}, {} images", grouped(evaluation.images));
    drawing.text([MARGIN, 32.0], faint(), line);
    drawing.text([layout.left, TOP], label().bold(), "prediction →");
    let style = label().bold().upwards().end();
    drawing.text([MARGIN + 10.0, layout.top], style, "← truth");
}

/// Strength of a cell's shade. Mistakes are few: the square root makes one in a hundred visible.
fn shade(evaluation: &Evaluation, [truth, prediction]: [usize; 2]) -> (Colour, f64, f64) {
    let row = &evaluation.confusion[truth];
    let share = row[prediction] as f64 / row.iter().sum::<u64>().max(1) as f64;
    match truth == prediction {
        true => (Colour::Right, share, share),
        false => (Colour::Wrong, share.sqrt(), share),
    }
}

fn draw_cell(drawing: &mut Drawing, layout: &Layout, evaluation: &Evaluation, at: [usize; 2]) {
    let [truth, prediction] = at;
    let count = evaluation.confusion[truth][prediction];
    let (colour, strength, share) = shade(evaluation, at);
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
    let name = |class: usize| &evaluation.classes[class].name;
    let support: u64 = evaluation.confusion[truth].iter().sum();
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
fn as_pixels(evaluation: &Evaluation) -> Picture {
    let classes = evaluation.classes.len();
    let mut pixels = Vec::with_capacity(classes * classes * 3);
    for truth in 0..classes {
        for prediction in 0..classes {
            let (colour, strength, _) = shade(evaluation, [truth, prediction]);
            pixels.extend(colour.on_white(0.04 + 0.96 * strength));
        }
    }
    Picture::new(pixels, [classes, classes, 3]).expect("a pixel a cell")
}
