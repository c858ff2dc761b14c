//! A chart of lines over the epochs.

use std::fmt::Write;

use super::escape;
use super::ticks::Axis;

/// Size of a chart, and what lies around the plot.
pub(super) const WIDTH: f64 = 420.0;
pub(super) const HEIGHT: f64 = 250.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 36.0;

/// From how many points on they are not marked one by one.
const CROWD: usize = 25;

/// One line.
pub(super) struct Series {
    /// As the legend has it.
    pub name: &'static str,
    /// The style's class.
    pub class: &'static str,
    /// (epoch, value); what is not finite is left out.
    pub points: Vec<(f64, f64)>,
}

/// Lines over the epochs.
pub(super) struct Chart {
    /// What the lines show.
    pub title: &'static str,
    /// The lines.
    pub series: Vec<Series>,
    /// Whether the value axis starts at 0.
    pub from_zero: bool,
    /// The epoch to mark.
    pub best: Option<usize>,
    /// How a value is written when pointed at.
    pub format: fn(f64) -> String,
}

impl Chart {
    /// The chart as an `svg` element; `None` if it has no point.
    pub(super) fn draw(mut self) -> Option<String> {
        for series in &mut self.series {
            series.points.retain(|(_, y)| y.is_finite());
        }
        self.series.retain(|series| !series.points.is_empty());
        let [x, y] = self.axes()?;
        let mut out = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{title} by epoch\">\
             <text class=\"title\" x=\"2\" y=\"14\">{title}</text>",
            title = escape(self.title)
        );
        self.draw_legend(&mut out);
        draw_axes(&mut out, &x, &y);
        let place = |&(epoch, value): &(f64, f64)| (across(&x, epoch), down(&y, value));
        self.draw_best(&mut out, &x);
        for series in &self.series {
            self.draw_series(&mut out, series, place);
        }
        out.push_str("</svg>");
        Some(out)
    }

    /// Axes over all points.
    fn axes(&self) -> Option<[Axis; 2]> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        points().next()?;
        let range = |pick: fn(&(f64, f64)) -> f64| {
            let low = points().map(pick).fold(f64::INFINITY, f64::min);
            (low, points().map(pick).fold(f64::NEG_INFINITY, f64::max))
        };
        let (first, last) = range(|point| point.0);
        let (low, high) = range(|point| point.1);
        let low = if self.from_zero { low.min(0.0) } else { low };
        Some([Axis::new(first, last, 7.0, false, 1.0), Axis::new(low, high, 5.0, true, 0.0)])
    }

    fn draw_legend(&self, out: &mut String) {
        let mut x = 2.0;
        for series in self.series.iter().filter(|_| self.series.len() > 1) {
            let Series { name, class, .. } = series;
            let _ = write!(
                out,
                "<path class=\"series {class}\" d=\"M{x:.0} 28h22\"/>\
                 <text x=\"{:.0}\" y=\"32\">{}</text>",
                x + 28.0,
                escape(name)
            );
            x += 50.0 + 6.0 * name.len() as f64;
        }
    }

    fn draw_best(&self, out: &mut String, x: &Axis) {
        let Some(best) = self.best else { return };
        let at = across(x, best as f64);
        if !(LEFT - 0.5..=WIDTH - RIGHT + 0.5).contains(&at) {
            return;
        }
        // Named in the line of the legend, where no curve can run through the words.
        let _ = write!(
            out,
            "<path class=\"best\" d=\"M{at:.1} {TOP}V{}\"/>\
             <text class=\"end\" x=\"{}\" y=\"32\">best epoch: {best}</text>",
            HEIGHT - BOTTOM,
            WIDTH - RIGHT
        );
    }

    fn draw_series(
        &self,
        out: &mut String,
        series: &Series,
        place: impl Fn(&(f64, f64)) -> (f64, f64),
    ) {
        let class = series.class;
        let _ = write!(out, "<path class=\"series {class}\" d=\"");
        for (i, point) in series.points.iter().enumerate() {
            let (x, y) = place(point);
            let _ = write!(out, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
        }
        out.push_str("\"/>");
        for point in &series.points {
            let (x, y) = place(point);
            let best = self.best.is_some_and(|best| best as f64 == point.0);
            if best || series.points.len() < CROWD {
                let radius = if best { 4.0 } else { 2.0 };
                let _ = write!(
                    out,
                    "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
                );
            }
            let value = (self.format)(point.1);
            let _ = write!(
                out,
                "<circle class=\"hover\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\">\
                 <title>epoch {}, {}: {value}</title></circle>",
                point.0, series.name
            );
        }
    }
}

/// Grid, ticks and their numbers.
fn draw_axes(out: &mut String, x: &Axis, y: &Axis) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for &tick in &y.ticks {
        let (at, digits) = (down(y, tick), y.digits);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
             <text class=\"end\" x=\"{}\" y=\"{:.1}\">{tick:.digits$}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for &tick in &x.ticks {
        let (at, label) = (across(x, tick), bottom + 15.0);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{at:.1} {bottom}v4\"/>\
             <text class=\"middle\" x=\"{at:.1}\" y=\"{label}\">{tick}</text>"
        );
    }
    let _ = write!(
        out,
        "<text class=\"middle\" x=\"{}\" y=\"{}\">epoch</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 5.0
    );
}

fn across(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.position(value) * (WIDTH - LEFT - RIGHT)
}

fn down(axis: &Axis, value: f64) -> f64 {
    HEIGHT - BOTTOM - axis.position(value) * (HEIGHT - TOP - BOTTOM)
}
