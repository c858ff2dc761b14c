//! The training curves: loss, accuracy, learning rate.

use super::STYLE;
use super::chart::{Chart, HEIGHT, Series, WIDTH};
use crate::format::{decimal, significant};
use crate::run::EpochRow;

/// The charts of loss, accuracy and learning rate, as far as there are numbers for them.
pub(crate) fn curves(epochs: &[EpochRow], best: Option<usize>) -> Vec<String> {
    let series = |name, class, value: fn(&EpochRow) -> f64| Series {
        name,
        class,
        points: epochs.iter().map(|row| (row.epoch as f64, value(row))).collect(),
    };
    let both = |train, validation| {
        vec![series("training", "train", train), series("validation", "validation", validation)]
    };
    let charts = [
        Chart {
            title: "Loss",
            series: both(|row| row.train_loss, |row| row.validation_loss),
            from_zero: true,
            best,
            format: |value| decimal(value, 4),
        },
        Chart {
            title: "Accuracy",
            series: both(|row| row.train_accuracy, |row| row.validation_accuracy),
            from_zero: false,
            best,
            format: |value| decimal(value, 4),
        },
        Chart {
            title: "Learning rate",
            series: vec![series("learning rate", "rate", |row| row.learning_rate)],
            from_zero: true,
            best,
            format: significant,
        },
    ];
    charts.into_iter().filter_map(Chart::draw).collect()
}

/// The training curves side by side as one SVG file, for a light or a dark background.
pub fn curves_svg(epochs: &[EpochRow], best_epoch: Option<usize>) -> String {
    let charts = curves(epochs, best_epoch);
    let width = (WIDTH + 20.0) * charts.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" \
         width=\"{width}\" height=\"{HEIGHT}\"><style>{STYLE}</style>\
         <rect width=\"100%\" height=\"100%\" style=\"fill: var(--paper)\"/>"
    );
    for (i, chart) in charts.iter().enumerate() {
        let x = (WIDTH + 20.0) * i as f64;
        let place = format!("<svg x=\"{x}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" ");
        out.push_str(&chart.replacen("<svg ", &place, 1));
    }
    out.push_str("</svg>\n");
    out
}
