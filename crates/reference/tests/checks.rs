//! The checks pass a correct engine and catch each of many faults.

use modiste_reference::ReferenceEngine;
use modiste_reference::check::{
    Tolerance, check_engine, check_methods, networks, unusual_networks,
};
use modiste_spec::engine::{
    Batch, EngineError, Loss, Muon, Optimiser, Sgd, State, Step, Targets, Totals, Weights,
};
use modiste_spec::{Engine, Network, Parameter};

/// An engine with one fault.
struct Faulty {
    engine: ReferenceEngine,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    OtherMask,
    LearningRateOff,
    DecayForgotten,
    SmoothingForgotten,
    WeightsForgotten,
    LossOff,
    CorrectOff,
    LogitOff,
    GradientOff,
    NotANumber,
    RunningMeanOff,
    StateNotKept,
    MomentsNotKept,
    NesterovForgotten,
    DecayDecoupled,
    MatrixRateForgotten,
    SharesRounded,
    FrozenMoved,
    StatisticsThawed,
    RatesForgotten,
    AverageOff,
    AverageNotPredicted,
}

/// Faults that [`check_engine`] finds.
const FAULTS: [Fault; 13] = [
    Fault::OtherMask,
    Fault::LearningRateOff,
    Fault::DecayForgotten,
    Fault::SmoothingForgotten,
    Fault::WeightsForgotten,
    Fault::LossOff,
    Fault::CorrectOff,
    Fault::LogitOff,
    Fault::GradientOff,
    Fault::NotANumber,
    Fault::RunningMeanOff,
    Fault::StateNotKept,
    Fault::MomentsNotKept,
];

/// Faults that only [`check_methods`] finds.
const FAULTS_OF_METHODS: [Fault; 9] = [
    Fault::NesterovForgotten,
    Fault::DecayDecoupled,
    Fault::MatrixRateForgotten,
    Fault::SharesRounded,
    Fault::FrozenMoved,
    Fault::StatisticsThawed,
    Fault::RatesForgotten,
    Fault::AverageOff,
    Fault::AverageNotPredicted,
];

impl Faulty {
    /// The optimiser with the fault.
    fn optimiser(&self, optimiser: Optimiser) -> Optimiser {
        match (optimiser, self.fault) {
            (Optimiser::Adam(mut adam), Fault::DecayForgotten) => {
                adam.weight_decay = 0.0;
                Optimiser::Adam(adam)
            }
            (Optimiser::Sgd(sgd), Fault::NesterovForgotten) => {
                Optimiser::Sgd(Sgd { nesterov: false, ..sgd })
            }
            (Optimiser::Sgd(sgd), Fault::DecayDecoupled) => {
                Optimiser::Sgd(Sgd { decoupled: true, ..sgd })
            }
            (Optimiser::Muon(muon), Fault::MatrixRateForgotten) => {
                Optimiser::Muon(Muon { matrix_rate: 1.0, ..muon })
            }
            (other, _) => other,
        }
    }

    /// The rates with the fault.
    fn rates(&self, rates: &[f32]) -> Vec<f32> {
        let all = self.network().parameters();
        let thawed = |(rate, p): (&f32, &Parameter)| match self.fault {
            Fault::StatisticsThawed if !p.kind.trainable() => 1.0,
            Fault::FrozenMoved if p.kind.trainable() && *rate == 0.0 => 1e-3,
            Fault::RatesForgotten if p.kind.trainable() && *rate != 0.0 => 1.0,
            _ => *rate,
        };
        rates.iter().zip(&all).map(thawed).collect()
    }
}

/// One-hot targets at the largest share of each image.
fn rounded(shares: &[f32], classes: usize) -> Vec<f32> {
    let row = |row: &[f32]| {
        let largest = row.iter().fold(0f32, |a, &b| a.max(b));
        row.iter().map(|&v| f32::from(u8::from(v == largest))).collect::<Vec<_>>()
    };
    shares.chunks(classes).flat_map(row).collect()
}

impl Engine for Faulty {
    fn network(&self) -> &Network {
        self.engine.network()
    }

    fn describe(&self) -> String {
        format!("{:?}", self.fault)
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        let (mut step, rates) = (*step, self.rates(step.rates));
        let mut loss: Loss = step.loss.clone();
        match self.fault {
            Fault::OtherMask => step.seed += 1,
            Fault::LearningRateOff => step.learning_rate *= 1.01,
            Fault::SmoothingForgotten => loss.label_smoothing = 0.0,
            Fault::WeightsForgotten => loss.class_weights = None,
            Fault::AverageOff => step.average = step.average.map(|decay| 0.9 * decay),
            _ => (),
        }
        step.optimiser = self.optimiser(step.optimiser);
        let rounded = match batch.targets {
            Targets::Shares(shares) => rounded(shares, self.network().classes()),
            Targets::Classes(_) => Vec::new(),
        };
        let batch = match (batch.targets, self.fault) {
            (Targets::Shares(_), Fault::SharesRounded) => Batch::of_shares(batch.images, &rounded),
            _ => batch,
        };
        self.engine.submit(batch, &Step { loss: &loss, rates: &rates, ..step })
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        self.engine.totals(sums)?;
        match self.fault {
            Fault::LossOff => sums.loss *= 1.01,
            Fault::CorrectOff => sums.correct += 1,
            _ => (),
        }
        Ok(())
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        let weights = match self.fault {
            Fault::AverageNotPredicted => Weights::Current,
            _ => weights,
        };
        let mut logits = self.engine.predict(images, weights)?;
        if self.fault == Fault::LogitOff {
            *logits.last_mut().unwrap() += 0.01;
        }
        Ok(logits)
    }

    fn state(&mut self) -> State {
        let mut state = self.engine.state();
        let end = |name: &str| name.ends_with("running_mean");
        let first = state.slots.get_mut("first_moments").and_then(|slot| slot.last_mut());
        match (self.fault, first) {
            (Fault::GradientOff, Some(t)) if t.values[0] != 0.0 => t.values[0] *= 1.01,
            (Fault::NotANumber, Some(t)) if t.values[0] != 0.0 => t.values[0] = f32::NAN,
            (Fault::RunningMeanOff, Some(t)) if t.values[0] != 0.0 => {
                let mean = state.parameters.iter_mut().find(|t| end(&t.name)).unwrap();
                mean.values.iter_mut().for_each(|v| *v *= 1.01);
            }
            (Fault::StateNotKept, _) => state.parameters[0].values[0] += 1.0,
            (Fault::MomentsNotKept, _) => drop(state.slots.remove("second_moments")),
            _ => (),
        }
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.engine.load_state(state)
    }
}

#[test]
fn the_reference_passes_its_own_checks() {
    let exact = Tolerance { output: 0.0, gradient: 0.0, steps: 0.0, floor: 0.0 };
    // The small ones are enough to see that nothing raises a false alarm.
    let small = |(name, _): &(&str, Network)| !name.starts_with("inception");
    for (name, network) in networks().into_iter().chain(unusual_networks()).filter(small) {
        let mut engine = ReferenceEngine::new(network, 3);
        check_engine(&mut engine, exact).unwrap_or_else(|e| panic!("{name}: {e}"));
        check_methods(&mut engine, exact).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn every_fault_is_caught_and_named() {
    let (_, network) = networks().into_iter().find(|(name, _)| *name == "dropout").unwrap();
    for fault in FAULTS {
        let mut engine = Faulty { engine: ReferenceEngine::new(network.clone(), 3), fault };
        let error = check_engine(&mut engine, Tolerance::F32).expect_err(&format!("{fault:?}"));
        let text = error.to_string();
        let expected = match fault {
            Fault::OtherMask | Fault::SmoothingForgotten | Fault::LossOff => "loss: ",
            Fault::WeightsForgotten => "loss: ",
            Fault::LearningRateOff | Fault::DecayForgotten => "change",
            Fault::CorrectOff => "correct: ",
            Fault::LogitOff => "output of logits[",
            Fault::GradientOff | Fault::NotANumber => "gradient of dense11.bias[0]: ",
            Fault::RunningMeanOff => "value of batch_norm2.running_mean[",
            Fault::StateNotKept => "state: ",
            Fault::MomentsNotKept => "squared gradient: 0 tensors",
            other => panic!("{other:?} belongs to another check"),
        };
        assert!(text.starts_with(expected), "{fault:?}: {text}");
    }
}

#[test]
fn every_fault_of_a_method_is_caught_and_named() {
    let (_, network) = networks().into_iter().find(|(name, _)| *name == "dropout").unwrap();
    for fault in FAULTS_OF_METHODS {
        let mut engine = Faulty { engine: ReferenceEngine::new(network.clone(), 3), fault };
        check_engine(&mut engine, Tolerance::F32).unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        let error = check_methods(&mut engine, Tolerance::F32).expect_err(&format!("{fault:?}"));
        let text = error.to_string();
        let expected = match fault {
            Fault::SharesRounded | Fault::StatisticsThawed => "loss: ",
            Fault::FrozenMoved => "gradient of ",
            Fault::RatesForgotten => "change of ",
            Fault::NesterovForgotten | Fault::DecayDecoupled | Fault::MatrixRateForgotten => {
                "change in ten steps of "
            }
            Fault::AverageOff => "average after ten steps of ",
            Fault::AverageNotPredicted => "output of logits[",
            other => panic!("{other:?} belongs to another check"),
        };
        assert!(text.starts_with(expected), "{fault:?}: {text}");
    }
}
