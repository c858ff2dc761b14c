//! The checks pass an engine that is right and catch each of many that are not.

use modiste_reference::ReferenceEngine;
use modiste_reference::check::{Tolerance, check_engine, networks, unusual_networks};
use modiste_spec::engine::{Batch, EngineError, Loss, State, StepOptions, StepOutcome};
use modiste_spec::{Engine, Network};

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
}

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

impl Engine for Faulty {
    fn network(&self) -> &Network {
        self.engine.network()
    }

    fn describe(&self) -> String {
        format!("{:?}", self.fault)
    }

    fn train_step(
        &mut self,
        batch: Batch<'_>,
        options: &StepOptions<'_>,
    ) -> Result<StepOutcome, EngineError> {
        let mut o = options.clone();
        let mut loss: Loss = o.loss.clone();
        match self.fault {
            Fault::OtherMask => o.seed += 1,
            Fault::LearningRateOff => o.learning_rate *= 1.01,
            Fault::DecayForgotten => o.adam.weight_decay = 0.0,
            Fault::SmoothingForgotten => loss.label_smoothing = 0.0,
            Fault::WeightsForgotten => loss.class_weights = None,
            _ => (),
        }
        let mut outcome = self.engine.train_step(batch, &StepOptions { loss: &loss, ..o })?;
        match self.fault {
            Fault::LossOff => outcome.loss *= 1.01,
            Fault::CorrectOff => outcome.correct += 1,
            _ => (),
        }
        Ok(outcome)
    }

    fn predict(&mut self, images: &[u8]) -> Result<Vec<f32>, EngineError> {
        let mut logits = self.engine.predict(images)?;
        if self.fault == Fault::LogitOff {
            *logits.last_mut().unwrap() += 0.01;
        }
        Ok(logits)
    }

    fn state(&self) -> State {
        let mut state = self.engine.state();
        let end = |name: &str| name.ends_with("running_mean");
        match (self.fault, state.first_moments.last_mut()) {
            (Fault::GradientOff, Some(t)) if t.values[0] != 0.0 => t.values[0] *= 1.01,
            (Fault::NotANumber, Some(t)) if t.values[0] != 0.0 => t.values[0] = f32::NAN,
            (Fault::RunningMeanOff, Some(t)) if t.values[0] != 0.0 => {
                let mean = state.parameters.iter_mut().find(|t| end(&t.name)).unwrap();
                mean.values.iter_mut().for_each(|v| *v *= 1.01);
            }
            (Fault::StateNotKept, _) => state.parameters[0].values[0] += 1.0,
            (Fault::MomentsNotKept, _) => state.second_moments.clear(),
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
            Fault::StateNotKept | Fault::MomentsNotKept => "state: ",
        };
        assert!(text.starts_with(expected), "{fault:?}: {text}");
    }
}
