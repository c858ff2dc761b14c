//! The training curves: loss, accuracy, learning rate; of one run, or of several together.

use modiste_draw::{Colour, Drawing, Style, fitting, text_width};
use modiste_model::{EpochMetrics, EpochRow};

use super::frame::Frame;
use super::ticks::Axis;
use super::{faint, label, series_line, title};
use crate::format::{decimal, significant};

/// Size of a chart, and margins of the plot.
const WIDTH: f64 = 420.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 44.0;
const PLOT: f64 = 170.0;
const BOTTOM: f64 = 40.0;

/// With at least this many points, they are not marked one by one.
const CROWD: usize = 25;
/// Largest number of points of a line; of more epochs, evenly spaced ones are drawn, because a
/// chart has no room for more and pages would grow without limit.
const MOST: usize = 1_000;

/// The value of an epoch that a chart shows, if it has one.
type Value = fn(&EpochMetrics) -> Option<f64>;

/// One line over the epochs.
struct Series<'a> {
    name: &'a str,
    style: Style,
    /// (epoch, value); values that are not finite are left out.
    points: Vec<[f64; 2]>,
    /// The best epoch, if this line marks it.
    best: Option<usize>,
}

impl<'a> Series<'a> {
    fn new(name: &'a str, style: Style, epochs: &[EpochRow], value: Value) -> Self {
        let point = |row: &EpochRow| Some([row.metrics.epoch as f64, value(&row.metrics)?]);
        let points = epochs.iter().filter_map(point);
        let points: Vec<[f64; 2]> = points.filter(|point| point[1].is_finite()).collect();
        let (step, last) = (points.len().div_ceil(MOST).max(1), points.len().saturating_sub(1));
        let kept = points.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
        let points = kept.map(|(_, point)| point).collect();
        Self { name, style, points, best: None }
    }
}

/// Lines over the epochs.
struct Chart<'a> {
    title: &'static str,
    series: Vec<Series<'a>>,
    /// Whether the value axis starts at 0.
    from_zero: bool,
    /// Formats a value.
    format: fn(f64) -> String,
}

fn four(value: f64) -> String {
    decimal(value, 4)
}

/// The charts of loss, accuracy and learning rate with the best epoch marked, as far as there are
/// numbers for them (the paper's figure 1).
pub fn curves(epochs: &[EpochRow], best_epoch: Option<usize>) -> Vec<Drawing> {
    let best = best_epoch.filter(|best| epochs.iter().any(|row| row.metrics.epoch == *best));
    let series =
        |name, style, value: Value| Series { best, ..Series::new(name, style, epochs, value) };
    let both = |train: Value, validation: Value| {
        vec![
            series("training", Style::line(Colour::Series(1), 2.0).dashed(&[5.0, 3.0]), train),
            series("validation", Style::line(Colour::Series(0), 2.0), validation),
        ]
    };
    let rate =
        series("learning rate", Style::line(Colour::Series(4), 2.0), |r| Some(r.learning_rate));
    let charts = [
        Chart {
            title: "Loss",
            series: both(|row| Some(row.train_loss), |row| row.validation_loss),
            from_zero: true,
            format: four,
        },
        Chart {
            title: "Accuracy",
            series: both(|row| Some(row.train_accuracy), |row| row.validation_accuracy),
            from_zero: false,
            format: four,
        },
        Chart { title: "Learning rate", series: vec![rate], from_zero: true, format: significant },
    ];
    charts.into_iter().filter_map(|chart| chart.draw(best, true)).collect()
}

/// The epochs of one of several runs.
#[derive(Clone, Copy, Debug)]
pub struct RunCurves<'a> {
    /// The run's name.
    pub name: &'a str,
    /// Its epochs.
    pub epochs: &'a [EpochRow],
    /// The best epoch.
    pub best_epoch: Option<usize>,
}

/// The curves of several runs in shared charts, one colour per run, with each run's best epoch marked;
/// the last drawing names the runs.
pub fn comparison_curves(runs: &[RunCurves<'_>]) -> Vec<Drawing> {
    let lines = |value: Value| {
        let line = |(i, run): (usize, &RunCurves<'_>)| Series {
            best: run.best_epoch,
            ..Series::new("", series_line(i, 1.8), run.epochs, value)
        };
        runs.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let chart = |title, from_zero, format, value: Value| {
        let mut series = lines(value);
        for (series, run) in series.iter_mut().zip(runs) {
            series.name = run.name;
        }
        Chart { title, series, from_zero, format }.draw(None, false)
    };
    let charts = [
        chart("Validation accuracy", false, four, |row| row.validation_accuracy),
        chart("Validation loss", true, four, |row| row.validation_loss),
        chart("Training accuracy", false, four, |row| Some(row.train_accuracy)),
        chart("Training loss", true, four, |row| Some(row.train_loss)),
        chart("Learning rate", true, significant, |row| Some(row.learning_rate)),
    ];
    let mut drawings: Vec<Drawing> = charts.into_iter().flatten().collect();
    if !drawings.is_empty() {
        drawings.push(names(runs));
    }
    drawings
}

/// The legend of runs.
fn names(runs: &[RunCurves<'_>]) -> Drawing {
    let listed: Vec<&str> = runs.iter().map(|run| run.name).collect();
    let height = TOP + 20.0 * runs.len() as f64;
    let mut drawing = Drawing::new("Runs", listed.join(", "), WIDTH, height);
    drawing.text([2.0, 14.0], title(), "Runs");
    for (i, run) in runs.iter().enumerate() {
        let y = 36.0 + 20.0 * i as f64;
        drawing.line([[2.0, y - 4.0], [34.0, y - 4.0]], series_line(i, 2.5));
        drawing.text([42.0, y], label(), fitting(run.name, 11.0, WIDTH - 44.0));
    }
    drawing
}

impl Chart<'_> {
    /// The chart; `None` if it has no points. `best` is marked over the whole height if it is the
    /// same for all lines.
    fn draw(mut self, best: Option<usize>, legend: bool) -> Option<Drawing> {
        self.series.retain(|series| !series.points.is_empty());
        let [x, y] = self.axes()?;
        let place = [LEFT, TOP, WIDTH - LEFT - RIGHT, PLOT];
        let frame = Frame { place, x, y };
        let mut drawing = Drawing::new(self.title, self.describe(best), WIDTH, TOP + PLOT + BOTTOM);
        drawing.text([2.0, 14.0], title(), self.title);
        frame.draw(&mut drawing, "epoch", "");
        if legend && self.series.len() > 1 {
            self.draw_legend(&mut drawing);
        }
        if let Some(best) = best {
            draw_best(&mut drawing, &frame, best);
        }
        for series in &self.series {
            self.draw_series(&mut drawing, series, &frame);
        }
        Some(drawing)
    }

    /// Axes over all points.
    fn axes(&self) -> Option<[Axis; 2]> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        points().next()?;
        let range = |i: usize| {
            let values = || points().map(|point| point[i]);
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let (first, last) = range(0);
        let (low, high) = range(1);
        let low = if self.from_zero { low.min(0.0) } else { low };
        Some([Axis::new(first, last, 7.0, false, 1.0), Axis::new(low, high, 5.0, true, 0.0)])
    }

    /// A description of the chart.
    fn describe(&self, best: Option<usize>) -> String {
        let line = |series: &Series<'_>| {
            let (first, last) = (series.points[0], series.points[series.points.len() - 1]);
            let [from, to] = [first[1], last[1]].map(self.format);
            format!(
                "{} from {from} in epoch {} to {to} in epoch {}",
                series.name, first[0], last[0]
            )
        };
        let mut parts: Vec<String> = self.series.iter().map(line).collect();
        parts.extend(best.map(|best| format!("best epoch {best}")));
        parts.join("; ")
    }

    fn draw_legend(&self, drawing: &mut Drawing) {
        let mut x = 2.0;
        for series in &self.series {
            drawing.line([[x, 28.0], [x + 22.0, 28.0]], series.style.clone());
            drawing.text([x + 28.0, 32.0], label(), series.name);
            x += 46.0 + text_width(series.name, 11.0);
        }
    }

    fn draw_series(&self, drawing: &mut Drawing, series: &Series<'_>, frame: &Frame) {
        let places: Vec<[f64; 2]> = series.points.iter().map(|&point| frame.at(point)).collect();
        drawing.line(places.iter().copied(), series.style.clone());
        for (&[epoch, value], &[x, y]) in series.points.iter().zip(&places) {
            let best = series.best.is_some_and(|best| best as f64 == epoch);
            if best || (series.points.len() < CROWD && self.series.len() < 3) {
                let style = Style::fill(Colour::Paper);
                let style = series.style.on(style);
                drawing.circle([x, y], if best { 4.0 } else { 2.0 }, style);
            }
            let text = format!("epoch {epoch}, {}: {}", series.name, (self.format)(value));
            drawing.hint([x - 6.0, y - 6.0, 12.0, 12.0], text);
        }
    }
}

/// Marks the best epoch; it is named in the line of the legend, where no curve can run through it.
fn draw_best(drawing: &mut Drawing, frame: &Frame, best: usize) {
    let [x, bottom] = frame.at([best as f64, frame.y.ends[0]]);
    let line = Style::line(Colour::Muted, 1.0).dashed(&[3.0, 3.0]);
    drawing.line([[x, TOP], [x, bottom]], line);
    drawing.text([WIDTH - RIGHT, 32.0], faint().end(), format!("best epoch: {best}"));
}
