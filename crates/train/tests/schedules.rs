//! Compares schedules with the learning rates of PyTorch's schedulers (`golden/schedules.py`).

use modiste_train::{Config, PlateauState, Schedule};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    one_cycle: Vec<OneCycle>,
    cosine: Vec<Cosine>,
    plateau: Vec<Plateau>,
}

#[derive(Deserialize)]
struct OneCycle {
    peak: f64,
    total: u64,
    fraction: f64,
    start: f64,
    end: f64,
    rates: Vec<f64>,
}

#[derive(Deserialize)]
struct Cosine {
    peak: f64,
    total: u64,
    warmup: u64,
    floor: f64,
    rates: Vec<f64>,
}

#[derive(Deserialize)]
struct Plateau {
    losses: Vec<f64>,
    learning_rate: f64,
    factor: f64,
    patience: usize,
    threshold: f64,
    cooldown: usize,
    floor: f64,
    rates: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/schedules.json")).unwrap()
}

/// The learning rate of each step, with 4 steps per epoch.
fn rates(schedule: &Schedule, total: u64) -> Vec<f64> {
    let rate = |step| schedule.learning_rate(step, total, 4, &PlateauState::default());
    (0..total).map(rate).collect()
}

/// PyTorch computes some rates recursively, so the last digits differ.
fn check(got: &[f64], expected: &[f64], scale: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= 1e-12 * scale, "step {i}: {got} is not {expected}");
    }
}

#[test]
fn one_cycle_agrees_with_pytorch() {
    for OneCycle { peak, total, fraction, start, end, rates: expected } in golden().one_cycle {
        let schedule = Schedule::OneCycle {
            learning_rate: peak,
            warmup_fraction: fraction,
            start_divisor: start,
            end_divisor: end,
        };
        check(&rates(&schedule, total), &expected, peak);
    }
}

#[test]
fn cosine_agrees_with_pytorch() {
    for Cosine { peak, total, warmup, floor, rates: expected } in golden().cosine {
        let warmup_epochs = warmup as f64 / 4.0;
        let schedule = Schedule::Cosine { learning_rate: peak, warmup_epochs, floor };
        check(&rates(&schedule, total), &expected, peak);
    }
}

#[test]
fn plateau_agrees_with_pytorch() {
    for case in golden().plateau {
        let Plateau { learning_rate, factor, patience, threshold, cooldown, floor, .. } = case;
        let schedule =
            Schedule::Plateau { learning_rate, factor, patience, threshold, cooldown, floor };
        let mut state = PlateauState::default();
        let mut got = Vec::new();
        for loss in &case.losses {
            state.epoch_ended(&schedule, *loss);
            got.push(schedule.learning_rate(0, 1, 1, &state));
        }
        check(&got, &case.rates, 1e-3);
        // In the last case every epoch is a small improvement, because the threshold is 0.
        assert_eq!(got.last() < got.first(), threshold > 0.0);
    }
}

#[test]
fn schedules_of_one_step_are_defined() {
    for kind in Schedule::KINDS {
        let mut config = Config::default();
        config.set("training.schedule.kind", kind).unwrap();
        let schedule = config.training.schedule;
        assert_eq!(schedule.kind(), kind);
        for total in 1..4 {
            for rate in rates(&schedule, total) {
                assert!(rate > 0.0 && rate <= schedule.base_learning_rate(), "{kind}: {rate}");
            }
        }
    }
}
