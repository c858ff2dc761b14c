//! One block with its contents: the paper's figure 4.

use modiste_draw::{Anchor, Colour, Drawing, Style, TextStyle, text_width};
use modiste_spec::Network;

use super::layout::{Edge, Layout, layout};
use super::segments::{Segment, segments};
use super::style;
use super::units::{Unit, UnitKind, shape};
use crate::grouped;

/// Sizes of boxes and gaps.
pub(super) struct Sizes {
    /// Width of a column, and of a box in it.
    pub column: f64,
    pub width: f64,
    /// Height of a box, a bar and a circle, and the gap between rows.
    pub height: f64,
    pub bar: f64,
    pub circle: f64,
    pub gap: f64,
    /// Whether there is room for words.
    pub words: bool,
}

const FULL: Sizes = Sizes {
    column: 136.0,
    width: 124.0,
    height: 42.0,
    bar: 28.0,
    circle: 28.0,
    gap: 26.0,
    words: true,
};

/// Space above the block, below it, and at its sides.
const TOP: f64 = 60.0;
const BOTTOM: f64 = 44.0;
const SIDE: f64 = 14.0;

/// The names that [`block`] knows, in order.
pub fn block_names(network: &Network) -> Vec<String> {
    let (_, segments) = segments(network);
    segments.into_iter().filter(|s| s.units.len() > 1).map(|segment| segment.name).collect()
}

/// The block `name`, or without a name the first one with branches; `None` if there is none. The
/// name of any block in a row of equal blocks, such as `blocks.2`, gives the first of them.
pub fn block(network: &Network, name: Option<&str>) -> Option<Drawing> {
    let (units, segments) = segments(network);
    let fits = |segment: &&Segment| match name {
        Some(name) => segment.units.len() > 1 && segment.has_name(name),
        None => segment.has_branches(&units),
    };
    let segment = segments.iter().find(fits)?;
    Some(draw(&units, segment))
}

impl Segment {
    /// Whether this block, or an equal one in its row, is called `name`.
    fn has_name(&self, name: &str) -> bool {
        let number = |name: &str| {
            let (stem, number) = name.rsplit_once('.')?;
            Some((stem.to_owned(), number.parse::<usize>().ok()?))
        };
        let within = || {
            let ((stem, i), (first, low), (_, high)) =
                (number(name)?, number(&self.name)?, number(&self.last)?);
            Some(stem == first && (low..=high).contains(&i))
        };
        self.name == name || within() == Some(true)
    }
}

fn draw(units: &[Unit], segment: &Segment) -> Drawing {
    let plan = layout(units, segment);
    let title = segment.title(units);
    let last = &units[segment.units.end - 1];
    let parameters: usize = segment.units.clone().map(|i| units[i].parameters).sum();
    let names = match segment.repeats {
        1 => segment.name.clone(),
        _ => format!("{} to {}, all equal", segment.name, segment.last),
    };
    let subtitle = format!("{names}; {} parameters", grouped(parameters as u64));
    let inner = body(units, &plan, &FULL);
    let words = text_width(&title, 13.0).max(text_width(&subtitle, 11.0));
    let width = inner.width.max(words) + 2.0 * SIDE;
    let what: Vec<String> = segment.units.clone().map(|i| units[i].lines.join(", ")).collect();
    let description = format!("{subtitle}; {}", what.join("; "));
    let mut drawing = Drawing::new(&title, description, width, TOP + inner.height + BOTTOM);
    drawing.text([SIDE, 22.0], TextStyle::new(13.0, Colour::Ink).bold(), title);
    drawing.text([SIDE, 39.0], TextStyle::new(11.0, Colour::Muted), subtitle);
    let left = (width - inner.width) / 2.0;
    let bottom = TOP + inner.height;
    let exit = left + centre(&plan, plan.places.len() - 1, &FULL);
    drawing.put(inner, [left, TOP]);
    drawing.arrow(&[[exit, bottom], [exit, bottom + 24.0]], Colour::Ink, 1.2);
    let text = TextStyle::new(10.0, Colour::Muted);
    drawing.text([exit + 8.0, bottom + 18.0], text, shape(last.shape));
    drawing
}

/// Places and connections, without anything around them.
pub(super) fn body(units: &[Unit], plan: &Layout, sizes: &Sizes) -> Drawing {
    let rows = rows(units, plan, sizes);
    let height = rows.last().map_or(0.0, |[top, height]| top + height);
    let mut drawing = Drawing::new("", "", plan.columns as f64 * sizes.column, height);
    for edge in &plan.edges {
        draw_way(&mut drawing, units, plan, edge, &rows, sizes);
    }
    for place in 0..plan.places.len() {
        draw_place(&mut drawing, units, plan, place, &rows, sizes);
    }
    drawing
}

/// Top and height of each row.
fn rows(units: &[Unit], plan: &Layout, sizes: &Sizes) -> Vec<[f64; 2]> {
    let mut top = 0.0;
    let mut rows = Vec::with_capacity(plan.rows);
    for row in 0..plan.rows {
        let inside = (0..plan.places.len()).filter(|&place| plan.places[place].row == row);
        let height = inside.map(|place| height(units, plan, place, sizes)).fold(0.0, f64::max);
        rows.push([top, height]);
        top += height + sizes.gap;
    }
    rows
}

fn height(units: &[Unit], plan: &Layout, place: usize, sizes: &Sizes) -> f64 {
    if plan.is_bar(units, place) {
        return sizes.bar;
    }
    match units[plan.places[place].unit].kind {
        UnitKind::Add => sizes.circle,
        UnitKind::Activation | UnitKind::Dropout => sizes.bar,
        _ => sizes.height,
    }
}

/// The middle of a place from the left.
fn centre(plan: &Layout, place: usize, sizes: &Sizes) -> f64 {
    let [first, last] = plan.places[place].columns;
    ((first + last) as f64 / 2.0 + 0.5) * sizes.column
}

/// Left and right end of a place.
fn ends(units: &[Unit], plan: &Layout, place: usize, sizes: &Sizes) -> [f64; 2] {
    let middle = centre(plan, place, sizes);
    let [first, last] = plan.places[place].columns;
    let half = match plan.is_bar(units, place) {
        true => (last - first) as f64 / 2.0 * sizes.column + sizes.width / 2.0,
        false if units[plan.places[place].unit].kind == UnitKind::Add => sizes.circle / 2.0,
        false => sizes.width / 2.0,
    };
    [middle - half, middle + half]
}

fn draw_place(
    drawing: &mut Drawing,
    units: &[Unit],
    plan: &Layout,
    place: usize,
    rows: &[[f64; 2]],
    sizes: &Sizes,
) {
    let unit = &units[plan.places[place].unit];
    let entry = plan.places[place].entry;
    let [top, _] = rows[plan.places[place].row];
    let [left, right] = ends(units, plan, place, sizes);
    let (middle, height) = ((left + right) / 2.0, height(units, plan, place, sizes));
    let look = if entry { style(UnitKind::Map) } else { style(unit.kind) };
    if unit.kind == UnitKind::Add && !entry {
        let centre = [middle, top + height / 2.0];
        drawing.circle(centre, height / 2.0, Style::fill(Colour::Paper));
        drawing.circle(centre, height / 2.0, look);
        let arm = height * 0.25;
        for [dx, dy] in [[arm, 0.0], [0.0, arm]] {
            let line = [[centre[0] - dx, centre[1] - dy], [centre[0] + dx, centre[1] + dy]];
            drawing.line(line, Style::line(Colour::Ink, 1.6));
        }
        return;
    }
    let corners = if sizes.words { 5.0 } else { 1.5 };
    let place = [left, top, right - left, height];
    drawing.rounded(place, corners, Style::fill(Colour::Paper));
    drawing.rounded(place, corners, look);
    if !sizes.words {
        return;
    }
    let mut lines =
        if entry { vec![format!("input {}", shape(unit.shape))] } else { unit.lines.clone() };
    if unit.kind == UnitKind::Join && !entry {
        lines[0] = format!("{}, {}", lines[0], shape(unit.shape));
    }
    let first = top + height / 2.0 + 4.0 - 7.5 * (lines.len() - 1) as f64;
    for (i, line) in lines.iter().enumerate() {
        let colour = if i == 0 { Colour::Ink } else { Colour::Muted };
        let size = if i == 0 { 11.0 } else { 10.0 };
        // Text that is too wide for its box gets smaller.
        let size = (size * (right - left - 6.0) / text_width(line, size).max(1.0)).min(size);
        let text = TextStyle { anchor: Anchor::Middle, ..TextStyle::new(size, colour) };
        drawing.text([middle, first + 15.0 * i as f64], text, line.clone());
    }
}

fn draw_way(
    drawing: &mut Drawing,
    units: &[Unit],
    plan: &Layout,
    edge: &Edge,
    rows: &[[f64; 2]],
    sizes: &Sizes,
) {
    let (from, to) = (edge.from, edge.to);
    let bottom = rows[plan.places[from].row][0] + height(units, plan, from, sizes);
    let top = rows[plan.places[to].row][0];
    let own = edge.column.map(|column| (column as f64 + 0.5) * sizes.column);
    let [mut start, mut end] = [from, to].map(|place| centre(plan, place, sizes));
    // A connection begins and ends at a bar where it does not have to bend.
    if plan.is_bar(units, from) {
        start = own.unwrap_or(end);
    }
    if plan.is_bar(units, to) {
        end = own.unwrap_or(start);
    }
    let turn = own.unwrap_or(start);
    let mut points = vec![[start, bottom]];
    let half = sizes.gap / 2.0;
    if turn != start {
        points.extend([[start, bottom + half], [turn, bottom + half]]);
    }
    let sum = units[plan.places[to].unit].kind == UnitKind::Add;
    if sum && turn != end {
        // From the side.
        let middle = top + sizes.circle / 2.0;
        let side = if turn > end { sizes.circle / 2.0 } else { -sizes.circle / 2.0 };
        points.extend([[turn, middle], [end + side, middle]]);
    } else {
        if turn != end {
            points.extend([[turn, top - half], [end, top - half]]);
        }
        points.push([end, top]);
    }
    if !sizes.words {
        return drawing.line(points, Style::line(Colour::Muted, 1.0));
    }
    drawing.arrow(&points, Colour::Ink, 1.2);
    if let Some(scale) = units[plan.places[to].unit].scale.filter(|&s| edge.input == 1 && s != 1.0)
    {
        let text = TextStyle::new(11.0, Colour::Ink).bold();
        drawing.text([end + 8.0, top - 8.0], text, format!("× {scale}"));
    }
}
