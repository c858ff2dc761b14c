//! The structure of a network as a chain of blocks: the paper's figure 3.

use modiste_draw::{Colour, Drawing, Style, TextStyle, text_width};
use modiste_spec::Network;

use super::block::{Sizes, body};
use super::layout::layout;
use super::segments::{Segment, segments};
use super::style;
use super::units::{Unit, UnitKind, shape};
use crate::grouped;

/// A block in miniature.
const MINI: Sizes =
    Sizes { column: 17.0, width: 13.0, height: 7.0, bar: 4.0, circle: 7.0, gap: 4.0, words: false };

/// Widths: left of the boxes, for connections that pass blocks; a box; right of it, for the number
/// of repeats.
const LEFT: f64 = 30.0;
const BOX: f64 = 430.0;
const RIGHT: f64 = 64.0;
const TOP: f64 = 58.0;
const GAP: f64 = 26.0;
const PADDING: f64 = 12.0;
/// Line height of text.
const LINE: f64 = 16.0;

/// The structure of `network`: one box per block with its contents, in miniature if it has branches, and
/// the shapes between blocks. Equal blocks in a row are one box with their number.
pub fn structure(network: &Network) -> Drawing {
    let (units, segments) = segments(network);
    let total = format!(
        "{} parameters, {} multiply-adds per image",
        grouped(network.trainable() as u64),
        grouped(network.multiply_adds())
    );
    let cards: Vec<Card> = segments.iter().map(|segment| Card::new(&units, segment)).collect();
    let height = cards.iter().map(|card| card.height + card.behind() + GAP).sum::<f64>() - GAP;
    let words: Vec<String> = cards.iter().map(Card::words).collect();
    let description = format!("{total}. {}", words.join("; "));
    let size = [LEFT + BOX + RIGHT, TOP + height + 14.0];
    let mut drawing = Drawing::new("Structure of the network", description, size[0], size[1]);
    let heading = TextStyle::new(13.0, Colour::Ink).bold();
    drawing.text([LEFT, 22.0], heading, "Structure of the network");
    drawing.text([LEFT, 39.0], TextStyle::new(11.0, Colour::Muted), total);
    let mut top = TOP;
    let mut tops = Vec::new();
    for (i, (card, segment)) in cards.iter().zip(&segments).enumerate() {
        if i > 0 {
            draw_way_down(&mut drawing, top, &units, segment);
        }
        card.draw(&mut drawing, top);
        tops.push(top);
        top += card.height + card.behind() + GAP;
    }
    draw_passing(&mut drawing, &units, &segments, &cards, &tops);
    drawing
}

/// The arrow into a block, with the shape of its input.
fn draw_way_down(drawing: &mut Drawing, top: f64, units: &[Unit], segment: &Segment) {
    let middle = LEFT + BOX / 2.0;
    drawing.arrow(&[[middle, top - GAP], [middle, top]], Colour::Ink, 1.2);
    let given = segment.units.start - 1;
    let text = TextStyle::new(10.0, Colour::Muted);
    drawing.text([middle + 9.0, top - GAP / 2.0 + 4.0], text, shape(units[given].shape));
}

/// Draws connections that pass one block or several, to the left of them.
fn draw_passing(
    drawing: &mut Drawing,
    units: &[Unit],
    segments: &[Segment],
    cards: &[Card],
    tops: &[f64],
) {
    let mut lane = 0;
    for (i, segment) in segments.iter().enumerate() {
        for source in segment.sources(units) {
            // Units of repeated blocks follow those of their segment.
            let from = segments.iter().rposition(|s| s.units.start <= source).unwrap_or(0);
            if from + 1 >= i {
                continue;
            }
            let x = LEFT - 8.0 - 5.0 * f64::from(lane % 4);
            lane += 1;
            let [start, end] = [tops[from] + cards[from].height - 8.0, tops[i] + 10.0];
            let points = [[LEFT, start], [x, start], [x, end], [LEFT, end]];
            drawing.arrow(&points, Colour::Ink, 1.2);
        }
    }
}

/// A box of the chain.
struct Card {
    title: String,
    lines: Vec<String>,
    kind: UnitKind,
    /// Whether it has only a title.
    small: bool,
    repeats: usize,
    mini: Option<Drawing>,
    height: f64,
}

impl Card {
    fn new(units: &[Unit], segment: &Segment) -> Self {
        let inside = &units[segment.units.clone()];
        let mut title = segment.title(units);
        let branches = segment.has_branches(units);
        let mini = branches.then(|| body(units, &layout(units, segment), &MINI));
        let small = inside.len() == 1 && inside[0].kind != UnitKind::Conv;
        let mut lines = Vec::new();
        if small {
            if inside[0].kind == UnitKind::Map {
                title = format!("{title} {}", shape(inside[0].shape));
            }
        } else {
            let room = BOX - 3.0 * PADDING - mini.as_ref().map_or(0.0, |mini| mini.width);
            let words = if branches { branch_words(inside, segment) } else { path_words(inside) };
            words.iter().for_each(|line| wrap(&mut lines, line, room));
            let parameters: usize = inside.iter().map(|unit| unit.parameters).sum();
            let each = if segment.repeats > 1 { " each" } else { "" };
            lines.push(format!("{} parameters{each}", grouped(parameters as u64)));
        }
        let words = PADDING + LINE * (lines.len() + 1) as f64 + PADDING / 2.0;
        let pictured = mini.as_ref().map_or(0.0, |mini| mini.height + 2.0 * PADDING);
        let height = if small { 28.0 } else { words.max(pictured) };
        let kind = if small { inside[0].kind } else { UnitKind::Map };
        Self { title, lines, kind, small, repeats: segment.repeats, mini, height }
    }

    /// How far the boxes behind it extend below it.
    fn behind(&self) -> f64 {
        if self.repeats > 1 { 8.0 } else { 0.0 }
    }

    fn words(&self) -> String {
        let often = if self.repeats > 1 { format!(" × {}", self.repeats) } else { String::new() };
        let lines = self.lines.join(", ");
        let gap = if lines.is_empty() { "" } else { ": " };
        format!("{}{often}{gap}{lines}", self.title)
    }

    fn draw(&self, drawing: &mut Drawing, top: f64) {
        let place = [LEFT, top, BOX, self.height];
        if self.repeats > 1 {
            for behind in [8.0, 4.0] {
                let shifted = [LEFT + behind, top + behind, BOX, self.height];
                drawing.rounded(
                    shifted,
                    6.0,
                    Style::fill(Colour::Paper).stroke(Colour::Muted, 1.0),
                );
            }
            let often = TextStyle::new(16.0, Colour::Ink).bold();
            let at = [LEFT + BOX + 18.0, top + self.height / 2.0 + 6.0];
            drawing.text(at, often, format!("× {}", self.repeats));
        }
        drawing.rounded(place, 6.0, Style::fill(Colour::Paper));
        drawing.rounded(place, 6.0, style(self.kind));
        let title = TextStyle::new(12.0, Colour::Ink);
        if self.small {
            let middle = [LEFT + BOX / 2.0, top + 18.0];
            return drawing.text(middle, title.middle(), self.title.clone());
        }
        drawing.text([LEFT + PADDING, top + PADDING + 8.0], title.bold(), self.title.clone());
        for (i, line) in self.lines.iter().enumerate() {
            let y = top + PADDING + 8.0 + LINE * (i + 1) as f64;
            let last = i + 1 == self.lines.len();
            let colour = if last { Colour::Muted } else { Colour::Ink };
            drawing.text([LEFT + PADDING, y], TextStyle::new(11.0, colour), line.clone());
        }
        if let Some(mini) = &self.mini {
            let x = LEFT + BOX - PADDING - mini.width;
            drawing.put(mini.clone(), [x, top + (self.height - mini.height) / 2.0]);
        }
    }
}

/// A block without branches: its units in order.
fn path_words(units: &[Unit]) -> Vec<String> {
    let steps: Vec<String> = units.iter().map(|unit| unit.lines.join(", ")).collect();
    vec![steps.join(" → ")]
}

/// A block with branches: their number, where they join, and what follows.
fn branch_words(units: &[Unit], segment: &Segment) -> Vec<String> {
    let mut words = Vec::new();
    for (i, unit) in units.iter().enumerate() {
        let ways = unit.inputs.len();
        match unit.kind {
            UnitKind::Join => {
                words.push(format!("{ways} branches, joined to {}", shape(unit.shape)))
            }
            UnitKind::Add => {
                let scale = unit.scale.filter(|&scale| scale != 1.0);
                let factor = scale.map_or(String::new(), |scale| format!("{scale} × "));
                words.push(format!("residual: input + {factor}projection"));
            }
            _ => {
                // All paths pass through this unit: it follows a join.
                let alone = ways == 1 && unit.inputs[0] + 1 == segment.units.start + i;
                let after = i > 0 && matches!(units[i - 1].kind, UnitKind::Join | UnitKind::Add);
                if alone && after {
                    words.push(format!("then {}", unit.lines.join(", ")));
                }
            }
        }
    }
    words
}

/// Breaks `text` into lines that fit `room`.
fn wrap(lines: &mut Vec<String>, text: &str, room: f64) {
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if text_width(&longer, 11.0) > room && !line.is_empty() {
            lines.push(std::mem::replace(&mut line, word.to_owned()));
        } else {
            line = longer;
        }
    }
    lines.push(line);
}
