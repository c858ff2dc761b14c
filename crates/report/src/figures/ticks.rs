//! Round numbers for an axis.

/// An axis: its ends and the numbers marked on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Lower and upper end.
    pub ends: [f64; 2],
    /// The ticks, from the lowest up.
    pub ticks: Vec<f64>,
    /// Number of decimals needed to distinguish the ticks.
    pub digits: usize,
}

impl Axis {
    /// An axis over `low` .. `high` (finite) with about `count` ticks 1, 2 or 5 times a power of
    /// ten apart, ending at ticks if `whole`; no step is below `finest`.
    pub(super) fn new(low: f64, high: f64, count: f64, whole: bool, finest: f64) -> Self {
        let span = if high > low { high - low } else { high.abs().max(finest).max(1e-9) };
        let raw = (span / count).max(finest);
        let power = 10f64.powf(raw.log10().floor());
        let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= raw * 0.999);
        let step = factor.unwrap_or(10.0) * power;
        // A little slack, so that 0.3 / 0.1 counts as 3.
        let (mut first, mut last) =
            ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        if whole {
            first = (low / step + 1e-9).floor() as i64;
            last = (high / step - 1e-9).ceil() as i64;
            if first == last {
                last += 1;
            }
        }
        let ticks: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        let ends = match whole {
            true => [first as f64 * step, last as f64 * step],
            false if high > low => [low, high],
            false => [low - span / 2.0, high + span / 2.0],
        };
        Self { ends, ticks, digits: (-step.log10().floor()).max(0.0) as usize }
    }

    /// Formats a tick.
    pub(super) fn label(&self, tick: f64) -> String {
        format!("{tick:.*}", self.digits)
    }

    /// Position of `value` between the ends, 0 ..= 1.
    pub(super) fn position(&self, value: f64) -> f64 {
        (value - self.ends[0]) / (self.ends[1] - self.ends[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::new(0.27, 1.13, 5.0, true, 0.0);
        assert_eq!((axis.ends, axis.digits), ([0.2, 1.2000000000000002], 1));
        assert_eq!(axis.ticks.len(), 6);
        let axis = Axis::new(1.0, 40.0, 6.0, false, 1.0);
        assert_eq!((axis.ends, &axis.ticks[..]), ([1.0, 40.0], &[10.0, 20.0, 30.0, 40.0][..]));
        let axis = Axis::new(0.0, 8.3e-3, 5.0, true, 0.0);
        assert_eq!((axis.ticks.len(), axis.digits), (6, 3));
    }

    #[test]
    fn a_single_value_has_an_axis() {
        for value in [0.0, 1.0, -3.5, 1e-12, 1e12] {
            for whole in [true, false] {
                let axis = Axis::new(value, value, 5.0, whole, 0.0);
                let at = axis.position(value);
                assert!((0.0..=1.0).contains(&at), "{value}: {axis:?}");
                assert!(axis.ticks.len() < 20);
            }
        }
    }
}
