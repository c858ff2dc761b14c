//! The learning rate of every step.
//!
//! Constant, cosine and one-cycle are pure functions of (step, total steps); plateau watches the
//! validation loss and keeps a small [`PlateauState`]. They follow PyTorch's
//! schedulers; recorded values check them (`golden/schedules.py`).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A schedule of the learning rate: `training.schedule` in the configuration, with the kind in `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant.
    Constant {
        /// The learning rate.
        learning_rate: f64,
    },
    /// Reduced when the validation loss is stuck (PyTorch's `ReduceLROnPlateau`, mode min).
    Plateau {
        /// The initial learning rate.
        learning_rate: f64,
        /// Factor by which a reduction multiplies it.
        factor: f64,
        /// Epochs without improvement before a reduction: the next one reduces.
        patience: usize,
        /// A loss improves if it is under (1 - threshold) x the best so far.
        threshold: f64,
        /// Epochs after a reduction during which epochs without improvement are not counted.
        cooldown: usize,
        /// The learning rate is never reduced below this.
        floor: f64,
    },
    /// Linear warm-up, then half a cosine down (PyTorch's `CosineAnnealingLR`; Loshchilov and Hutter
    /// 2017 without restarts).
    Cosine {
        /// The learning rate at the end of the warm-up.
        learning_rate: f64,
        /// Length of the warm-up in epochs.
        warmup_epochs: f64,
        /// The learning rate at the end of the cosine.
        floor: f64,
    },
    /// Up and down in one half cosine each (PyTorch's `OneCycleLR`, `anneal_strategy="cos"`; Smith
    /// and Topin 2018).
    OneCycle {
        /// The largest learning rate.
        learning_rate: f64,
        /// Share of all steps during which the rate rises (`pct_start`).
        warmup_fraction: f64,
        /// The first learning rate is the largest divided by this (`div_factor`).
        start_divisor: f64,
        /// The last learning rate is the first divided by this (`final_div_factor`).
        end_divisor: f64,
    },
}

impl Schedule {
    /// The kinds, as written in a configuration.
    pub const KINDS: [&'static str; 4] = ["constant", "plateau", "cosine", "one_cycle"];

    /// The kind, as written in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Plateau { .. } => "plateau",
            Self::Cosine { .. } => "cosine",
            Self::OneCycle { .. } => "one_cycle",
        }
    }

    /// The setting `learning_rate`: the initial, constant or largest one, depending on the kind.
    pub fn base_learning_rate(&self) -> f64 {
        match *self {
            Self::Constant { learning_rate }
            | Self::Plateau { learning_rate, .. }
            | Self::Cosine { learning_rate, .. }
            | Self::OneCycle { learning_rate, .. } => learning_rate,
        }
    }

    /// The learning rate of `step` (from 0) of `total`; `plateau` is the state after the last epoch.
    pub fn learning_rate(
        &self,
        step: u64,
        total: u64,
        steps_per_epoch: u64,
        plateau: &PlateauState,
    ) -> f64 {
        match *self {
            Self::Constant { learning_rate } => learning_rate,
            Self::Plateau { learning_rate, .. } => plateau.learning_rate.unwrap_or(learning_rate),
            Self::Cosine { learning_rate, warmup_epochs, floor } => {
                let warmup = (warmup_epochs * steps_per_epoch as f64).round() as u64;
                cosine(step, total, warmup, learning_rate, floor)
            }
            Self::OneCycle { learning_rate, warmup_fraction, start_divisor, end_divisor } => {
                let start = learning_rate / start_divisor;
                one_cycle(step, total, warmup_fraction, start, learning_rate, start / end_divisor)
            }
        }
    }
}

/// Half a cosine from `start` (part 0) to `end` (part 1).
fn half_cosine(start: f64, end: f64, part: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * part).cos())
}

/// Warm-up: peak x (step + 1) / (warmup + 1) while step < warmup. Then, with T = total - warmup steps,
/// floor + (peak - floor) (1 + cos(pi (step - warmup) / T)) / 2.
fn cosine(step: u64, total: u64, warmup: u64, peak: f64, floor: f64) -> f64 {
    if step < warmup {
        return peak * (step + 1) as f64 / (warmup + 1) as f64;
    }
    let length = total.saturating_sub(warmup).max(1);
    half_cosine(peak, floor, (step - warmup).min(length) as f64 / length as f64)
}

/// With the peak at step s = fraction x total - 1 and the end at e = total - 1: half a cosine from
/// `start` to `peak` over 0 ..= s, half a cosine from `peak` to `end` over s ..= e. With a peak at or
/// before step 0, the rate only falls.
fn one_cycle(step: u64, total: u64, fraction: f64, start: f64, peak: f64, end: f64) -> f64 {
    let (step, last) = (step as f64, total.saturating_sub(1) as f64);
    let summit = (fraction * total as f64 - 1.0).max(0.0);
    if step < summit {
        return half_cosine(start, peak, step / summit);
    }
    let length = last - summit;
    let part = if length > 0.0 { ((step - summit) / length).min(1.0) } else { 1.0 };
    half_cosine(peak, end, part)
}

/// State of a plateau schedule; part of every checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The current learning rate; `None` until it is first reduced.
    pub learning_rate: Option<f64>,
    /// The lowest loss so far; `None` before the first epoch.
    pub best: Option<f64>,
    /// Epochs since then, counted outside of cool-downs.
    pub bad_epochs: usize,
    /// Epochs of cool-down left.
    pub cooldown_left: usize,
}

impl PlateauState {
    /// Records an epoch's validation loss; kinds other than plateau ignore it.
    ///
    /// PyTorch's rule, with its `eps`: a reduction by 1e-8 or less is skipped.
    pub fn epoch_ended(&mut self, schedule: &Schedule, loss: f64) {
        let Schedule::Plateau { learning_rate, factor, patience, threshold, cooldown, floor } =
            *schedule
        else {
            return;
        };
        if self.best.is_none_or(|best| loss < best * (1.0 - threshold)) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > patience {
            let old = self.learning_rate.unwrap_or(learning_rate);
            let new = (old * factor).max(floor);
            if old - new > 1e-8 {
                self.learning_rate = Some(new);
            }
            self.cooldown_left = cooldown;
            self.bad_epochs = 0;
        }
    }
}
