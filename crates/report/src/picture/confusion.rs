//! The confusion matrix as a picture.

use modiste_metrics::Evaluation;

use super::canvas::{Canvas, Colour, text_width};
use super::font::{ADVANCE, HEIGHT};
use crate::ReportError;

const PAPER: Colour = [255, 255, 255];
const INK: Colour = [32, 36, 44];
const MUTED: Colour = [104, 110, 122];
const PALE: Colour = [176, 182, 192];
/// Right and wrong answers at their strongest.
const RIGHT: Colour = [23, 84, 156];
const WRONG: Colour = [196, 74, 12];

/// Longest class name shown, in characters.
const NAME: usize = 14;

/// The confusion matrix as a PNG file: truths downwards, predictions to the right, shaded by the
/// part of each class's images; names and counts for up to 24 classes.
///
/// # Errors
///
/// If the picture cannot be encoded.
pub fn confusion_png(evaluation: &Evaluation) -> Result<Vec<u8>, ReportError> {
    let layout = Layout::new(evaluation);
    let mut canvas = Canvas::new(layout.width(), layout.height(), PAPER);
    draw_heading(&mut canvas, &layout, evaluation);
    for truth in 0..layout.classes {
        let row = &evaluation.confusion[truth];
        let support: u64 = row.iter().sum();
        for prediction in 0..layout.classes {
            let share = row[prediction] as f64 / support.max(1) as f64;
            draw_cell(&mut canvas, &layout, [truth, prediction], row[prediction], share);
        }
        draw_names(&mut canvas, &layout, truth, &evaluation.classes[truth].name);
    }
    canvas.into_png()
}

/// Where everything goes, in pixels.
struct Layout {
    classes: usize,
    /// Side of a cell, and of the part of it that is filled.
    cell: usize,
    filled: usize,
    /// Scale of names and counts; 0 if there are none.
    scale: usize,
    /// Left of and above the matrix.
    left: usize,
    top: usize,
}

const MARGIN: usize = 16;
/// From one line of the heading to the next.
const LINE: usize = 24;

impl Layout {
    fn new(evaluation: &Evaluation) -> Self {
        let classes = evaluation.classes.len();
        let largest = evaluation.confusion.iter().flatten().max().copied().unwrap_or(0);
        let digits = largest.to_string().len();
        let scale = match classes {
            0..=14 => 2,
            15..=24 => 1,
            _ => 0,
        };
        let cell = match scale {
            0 => (960 / classes.max(1)).clamp(1, 24),
            _ => (digits * ADVANCE + 4).max(17) * scale,
        };
        let longest = evaluation.classes.iter().map(|class| class.name.chars().count()).max();
        let names = longest.unwrap_or(0).min(NAME) * ADVANCE * scale;
        let left = MARGIN + 2 * HEIGHT + MARGIN / 2 + names + MARGIN / 2;
        Self {
            classes,
            cell,
            filled: cell.saturating_sub(usize::from(cell > 4)).max(1),
            scale,
            left,
            top: MARGIN + 3 * LINE + names + MARGIN / 2,
        }
    }

    fn width(&self) -> usize {
        (self.left + self.classes * self.cell + MARGIN).max(22 * ADVANCE * 2 + 2 * MARGIN)
    }

    fn height(&self) -> usize {
        self.top + self.classes * self.cell + MARGIN
    }

    /// Distance that centres a text's height in a cell.
    fn centred(&self) -> usize {
        (self.filled - HEIGHT * self.scale) / 2
    }
}

fn draw_heading(canvas: &mut Canvas, layout: &Layout, evaluation: &Evaluation) {
    let heading = format!("accuracy {:.4}", evaluation.accuracy);
    canvas.text(MARGIN, MARGIN, 2, INK, &heading);
    let images = format!("{} images", evaluation.images);
    canvas.text(MARGIN, MARGIN + LINE, 2, MUTED, &images);
    canvas.text(layout.left, MARGIN + 2 * LINE, 2, INK, "prediction");
    let matrix = layout.classes * layout.cell;
    let end = layout.top + matrix / 2 + text_width("truth", 2) / 2;
    canvas.text_up(MARGIN, end, 2, INK, "truth");
}

fn draw_cell(canvas: &mut Canvas, layout: &Layout, at: [usize; 2], count: u64, share: f64) {
    let [truth, prediction] = at;
    let (x, y) = (layout.left + prediction * layout.cell, layout.top + truth * layout.cell);
    // Mistakes are few: the square root makes one in a hundred visible.
    let (strongest, strength) =
        if truth == prediction { (RIGHT, share) } else { (WRONG, share.sqrt()) };
    canvas.fill(x, y, [layout.filled; 2], mix(strongest, strength));
    if layout.scale > 0 {
        let text = count.to_string();
        let x = x + (layout.filled - text_width(&text, layout.scale).min(layout.filled)) / 2;
        let colour = match count {
            0 => PALE,
            _ if strength > 0.5 => PAPER,
            _ => INK,
        };
        canvas.text(x, y + layout.centred(), layout.scale, colour, &text);
    }
}

/// The name of `class` before its row and above its column.
fn draw_names(canvas: &mut Canvas, layout: &Layout, class: usize, name: &str) {
    if layout.scale == 0 {
        return;
    }
    let name = shorten(name);
    let offset = class * layout.cell + layout.centred();
    let x = layout.left - MARGIN / 2 - text_width(&name, layout.scale);
    canvas.text(x, layout.top + offset, layout.scale, INK, &name);
    canvas.text_up(layout.left + offset, layout.top - MARGIN / 2, layout.scale, INK, &name);
}

/// `name` with at most `NAME` characters.
fn shorten(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_string();
    }
    name.chars().take(NAME - 2).chain("..".chars()).collect()
}

/// `colour` thinned with paper; `strength` in 0 ..= 1.
fn mix(colour: Colour, strength: f64) -> Colour {
    let tint = |i: usize| {
        let [paper, ink] = [PAPER[i], colour[i]].map(f64::from);
        (paper + (ink - paper) * (0.04 + 0.96 * strength)).round() as u8
    };
    [tint(0), tint(1), tint(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(png: &[u8], x: usize, y: usize) -> Colour {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let width = reader.next_frame(&mut pixels).unwrap().width as usize;
        pixels[(y * width + x) * 3..][..3].try_into().unwrap()
    }

    fn evaluation(labels: &[u16], predictions: &[usize], classes: usize) -> Evaluation {
        let names: Vec<String> = (0..classes).map(|class| format!("a long name {class}")).collect();
        let mut logits = vec![0.0; labels.len() * classes];
        for (i, &prediction) in predictions.iter().enumerate() {
            logits[i * classes + prediction] = 1.0;
        }
        modiste_metrics::evaluate(&logits, labels, &names, 1).unwrap()
    }

    #[test]
    fn cells_are_shaded_by_their_part_of_the_truth() {
        let evaluation = evaluation(&[0, 0, 0, 0, 1], &[0, 0, 0, 1, 1], 2);
        let png = confusion_png(&evaluation).unwrap();
        let layout = Layout::new(&evaluation);
        let at = |truth, prediction| {
            pixel(&png, layout.left + prediction * layout.cell, layout.top + truth * layout.cell)
        };
        assert_eq!(at(1, 1), RIGHT);
        assert_eq!(at(0, 0), mix(RIGHT, 0.75));
        assert_eq!(at(0, 1), mix(WRONG, 0.5));
        assert_eq!(at(1, 0), mix(WRONG, 0.0));
    }

    #[test]
    fn any_number_of_classes_fits() {
        for classes in [1, 2, 14, 15, 24, 25, 300, 1500] {
            let png = confusion_png(&evaluation(&[0, 0], &[0, classes - 1], classes)).unwrap();
            assert!(png.len() < 100_000, "{classes} classes make {} bytes", png.len());
        }
    }
}
