//! The frame of a chart: axes with ticks, and positions of values.

use modiste_draw::{Colour, Drawing, Style};

use super::ticks::Axis;
use super::{faint, label};

/// Position of a chart's plot within its drawing, and its axes.
pub(super) struct Frame {
    /// Left, top, width and height of the plot.
    pub place: [f64; 4],
    /// The axis to the right.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
}

impl Frame {
    /// Position of a point.
    pub fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [left, top, width, height] = self.place;
        [left + self.x.position(x) * width, top + height - self.y.position(y) * height]
    }

    /// Draws grid, ticks with numbers, and titles of the axes.
    pub fn draw(&self, drawing: &mut Drawing, x_title: &str, y_title: &str) {
        let [left, top, width, height] = self.place;
        let (right, bottom) = (left + width, top + height);
        let grid = || Style::line(Colour::Line, 1.0);
        for &tick in &self.y.ticks {
            let [_, y] = self.at([self.x.ends[0], tick]);
            drawing.line([[left, y], [right, y]], grid());
            drawing.text([left - 6.0, y + 4.0], faint().end(), self.y.label(tick));
        }
        for &tick in &self.x.ticks {
            let [x, _] = self.at([tick, self.y.ends[0]]);
            drawing.line([[x, bottom], [x, bottom + 4.0]], grid());
            drawing.text([x, bottom + 16.0], faint().middle(), self.x.label(tick));
        }
        if !x_title.is_empty() {
            drawing.text([left + width / 2.0, bottom + 32.0], label().middle(), x_title);
        }
        if !y_title.is_empty() {
            let style = label().middle().upwards();
            drawing.text([left - 36.0, top + height / 2.0], style, y_title);
        }
    }
}
