//! Golden files with PyTorch's results in f64, and the comparison of engines with them.
//!
//! `peers/make_golden.py` writes the files; their metadata names the versions.

use super::batches::perturbed_state;
use super::compare::{Mismatch, check_differences, compare_loss, widened};
use super::digest::Digest;
use super::settings::{Settings, Tolerance};
use crate::Values;
use modiste_spec::engine::{AVERAGE, Batch, Loss, Optimiser, State, Targets, Weights};
use modiste_spec::{Architecture, Engine, InceptionResNet, Network, Shape};
use safetensors::SafeTensors;
use serde::Deserialize;

/// Number of steps in a golden file.
const STEPS: u64 = 10;

const FILES: [(&str, &[u8]); 8] = [
    ("grey", include_bytes!("../../golden/grey.safetensors")),
    ("colour", include_bytes!("../../golden/colour.safetensors")),
    ("dropout", include_bytes!("../../golden/dropout.safetensors")),
    ("nesterov", include_bytes!("../../golden/nesterov.safetensors")),
    ("frozen", include_bytes!("../../golden/frozen.safetensors")),
    ("muon", include_bytes!("../../golden/muon.safetensors")),
    ("residual", include_bytes!("../../golden/residual.safetensors")),
    ("wide", include_bytes!("../../golden/wide.safetensors")),
];

/// One network, one batch, and PyTorch's results.
#[derive(Clone, Debug)]
pub struct Golden {
    /// The name of the case: what is special about it.
    pub name: &'static str,
    /// The network.
    pub network: Network,
    /// Parameters and running statistics before the first step.
    pub state: State,
    /// Digests of the same, from PyTorch.
    pub initial: Vec<Digest>,
    /// Pixels (n, h, w, c).
    pub images: Vec<u8>,
    /// Classes (n).
    pub labels: Vec<u16>,
    /// Shares (n, classes), if the case trains on shares.
    pub shares: Option<Vec<f32>>,
    /// Loss, optimiser, learning rate, seed.
    pub settings: Settings,
    /// Logits (n, classes) with running statistics, before the first step.
    pub predicted: Vec<f64>,
    /// Logits (n, classes) of the first step.
    pub trained: Vec<f64>,
    /// Losses of ten steps on the batch.
    pub losses: Vec<f64>,
    /// Gradients of the first step.
    pub gradients: Vec<Digest>,
    /// Parameters and running statistics after ten steps, minus those before.
    pub changes: Vec<Digest>,
    /// The optimiser's slots after ten steps, and the averaged weights.
    pub slots: Vec<(&'static str, Vec<Digest>)>,
    /// Logits (n, classes) with running statistics, after ten steps.
    pub predicted_after: Vec<f64>,
    /// The same with the averaged weights, if the case has them.
    pub averaged_after: Option<Vec<f64>>,
}

impl Golden {
    /// The batch of each step.
    pub fn batch(&self) -> Batch<'_> {
        let targets = match &self.shares {
            Some(shares) => Targets::Shares(shares),
            None => Targets::Classes(&self.labels),
        };
        Batch { images: &self.images, targets }
    }
}

/// The script's description of a case.
#[derive(Deserialize)]
struct Case {
    network: StoredNetwork,
    input: Shape,
    classes: usize,
    optimiser: Optimiser,
    learning_rate: f64,
    label_smoothing: f64,
    class_weights: Option<Vec<f32>>,
    seed: u64,
    /// A factor of the learning rate for each parameter; empty for ones.
    rates: Vec<f32>,
    average: Option<f64>,
}

/// The paper's network is stored without its name.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredNetwork {
    Named(Architecture),
    Paper(InceptionResNet),
}

/// Every golden case.
pub fn golden() -> Vec<Golden> {
    FILES.iter().map(|(name, bytes)| read(name, bytes)).collect()
}

fn read(name: &'static str, bytes: &[u8]) -> Golden {
    let (_, header) = SafeTensors::read_metadata(bytes).expect("a golden file's header");
    let metadata = header.metadata().as_ref().expect("a golden file's metadata");
    let case: Case = serde_json::from_str(&metadata["case"]).expect("a golden file's case");
    let architecture = match &case.network {
        StoredNetwork::Named(architecture) => architecture.clone(),
        StoredNetwork::Paper(settings) => settings.clone().into(),
    };
    let network = architecture.network(case.input, case.classes).expect("a golden network");
    let file = SafeTensors::deserialize(bytes).expect("a golden file");
    let raw = |key: &str| file.tensor(key).expect("a tensor of a golden file").data().to_vec();
    let floats = |key: &str| -> Vec<f64> {
        raw(key).chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let digests = |group: &str, trained: bool| -> Vec<Digest> {
        let parameters = network.parameters().into_iter();
        let wanted = parameters.filter(|p| p.kind.trainable() || !trained);
        wanted.map(|p| Digest::stored(&p.name, &floats(&format!("{group}/{}", p.name)))).collect()
    };
    let labels = raw("labels");
    let has = |key: &str| file.tensor(key).is_ok();
    let optional = |key: &str| has(key).then(|| floats(key));
    let mut slots: Vec<(&str, Vec<Digest>)> = Vec::new();
    for &slot in case.optimiser.slots() {
        slots.push((slot, digests(slot, true)));
    }
    if case.average.is_some() {
        slots.push((AVERAGE, digests(AVERAGE, false)));
    }
    Golden {
        name,
        state: perturbed_state(&network, case.seed),
        initial: digests("initial", false),
        images: raw("images"),
        labels: labels.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect(),
        predicted: floats("logits/predict"),
        trained: floats("logits/train"),
        losses: floats("losses"),
        gradients: digests("gradient", true),
        changes: digests("change", false),
        slots,
        shares: optional("shares").map(|shares| shares.iter().map(|&v| v as f32).collect()),
        predicted_after: floats("logits/after"),
        averaged_after: optional("logits/average"),
        settings: case.settings(),
        network,
    }
}

impl Case {
    fn settings(self) -> Settings {
        Settings {
            loss: Loss { label_smoothing: self.label_smoothing, class_weights: self.class_weights },
            optimiser: self.optimiser,
            learning_rate: self.learning_rate,
            seed: self.seed,
            rates: self.rates,
            average: self.average,
        }
    }
}

/// Compares `engine`, which runs `golden.network`, with PyTorch: logits, loss and (where Adam's
/// moments reveal it) every gradient of the first step, ten steps, and the logits after them.
///
/// # Errors
/// The first number that differs.
pub fn check_golden(
    engine: &mut dyn Engine,
    golden: &Golden,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    engine.load_state(&golden.state)?;
    let now = Weights::Current;
    check_logits("logits", engine, golden, now, &golden.predicted, tolerance.output)?;
    for number in 0..STEPS {
        let totals = engine.train_step(golden.batch(), &golden.settings.step(number))?;
        let allowed = if number == 0 { tolerance.output } else { tolerance.steps };
        let expected = golden.losses[number as usize];
        compare_loss(&format!("loss of step {number}"), totals.mean_loss(), expected, allowed)?;
        if let (0, Optimiser::Adam(adam)) = (number, golden.settings.optimiser)
            && golden.settings.rates.is_empty()
        {
            let state = engine.state();
            let gradients =
                widened(&state.slots["first_moments"], |_, _, v| v / (1.0 - adam.beta1));
            let allowed = tolerance.gradient;
            check_digests("gradient", &golden.gradients, &gradients, allowed, tolerance.floor)?;
        }
    }
    let Tolerance { steps, floor, .. } = tolerance;
    let state = engine.state();
    let start = |t: usize, i: usize| f64::from(golden.state.parameters[t].values[i]);
    let changes = widened(&state.parameters, |t, i, v| v - start(t, i));
    check_after("change in ten steps", &golden.changes, &changes, steps, floor)?;
    for (name, digests) in &golden.slots {
        let values = match *name {
            AVERAGE => widened(&state.slots[*name], |t, i, v| v - start(t, i)),
            _ => widened(&state.slots[*name], |_, _, v| v),
        };
        let (allowed, floor) = match *name {
            "second_moments" => (2.0 * steps, floor * floor),
            _ => (steps, floor),
        };
        check_after(name, digests, &values, allowed, floor)?;
    }
    let what = "logits after ten steps";
    check_logits(what, engine, golden, now, &golden.predicted_after, 2.0 * steps)?;
    match &golden.averaged_after {
        Some(logits) => {
            let what = "logits of averaged weights";
            check_logits(what, engine, golden, Weights::Average, logits, 2.0 * steps)
        }
        None => Ok(()),
    }
}

/// Compares the results of ten steps by norms of the samples.
fn check_after(
    what: &str,
    digests: &[Digest],
    values: &[Values],
    allowed: f64,
    floor: f64,
) -> Result<(), Mismatch> {
    let pairs = digests.iter().zip(values);
    let differences: Vec<_> = pairs.map(|(d, v)| d.difference(&v.values)).collect();
    check_differences(what, &differences, allowed, floor)
}

/// Compares tensors, in order, with their digests; the smallest scale of errors is `floor` times
/// the largest value of all.
///
/// # Errors
/// The first number that differs by more than `allowed`.
pub fn check_digests(
    what: &str,
    digests: &[Digest],
    values: &[Values],
    allowed: f64,
    floor: f64,
) -> Result<(), Mismatch> {
    if digests.len() != values.len() {
        let (found, expected) = (values.len(), digests.len());
        return Err(Mismatch(format!("{what}: {found} tensors, PyTorch has {expected}")));
    }
    let largest = digests.iter().fold(0f64, |a, d| a.max(d.largest));
    let mut pairs = digests.iter().zip(values);
    pairs.try_for_each(|(digest, values)| {
        digest.check(what, &values.values, allowed, floor * largest)
    })
}

fn check_logits(
    what: &str,
    engine: &mut dyn Engine,
    golden: &Golden,
    weights: Weights,
    expected: &[f64],
    allowed: f64,
) -> Result<(), Mismatch> {
    let found = engine.predict(&golden.images, weights)?;
    let found: Vec<f64> = found.iter().map(|&v| f64::from(v)).collect();
    Digest::of(what, expected).check("output", &found, allowed, 0.0)
}
