//! What PyTorch computed in f64: golden files, and any engine compared with them.
//!
//! `peers/make_golden.py` writes the files; their metadata name the versions.

use super::batches::perturbed_state;
use super::compare::{Mismatch, check_differences, compare_loss, widened};
use super::digest::Digest;
use super::settings::{Settings, Tolerance};
use crate::Values;
use modiste_spec::engine::{Adam, Batch, Loss, State};
use modiste_spec::{Engine, InceptionResNet, Network, Shape};
use safetensors::SafeTensors;
use serde::Deserialize;

/// Steps that a golden file follows.
const STEPS: u64 = 10;

const FILES: [(&str, &[u8]); 3] = [
    ("grey", include_bytes!("../../golden/grey.safetensors")),
    ("colour", include_bytes!("../../golden/colour.safetensors")),
    ("dropout", include_bytes!("../../golden/dropout.safetensors")),
];

/// One network, one batch, and what PyTorch made of them.
#[derive(Clone, Debug)]
pub struct Golden {
    /// What the case has that others have not.
    pub name: &'static str,
    /// The network.
    pub network: Network,
    /// Parameters and running statistics before the first step.
    pub state: State,
    /// Digests of the same, from PyTorch's side.
    pub initial: Vec<Digest>,
    /// Pixels (n, h, w, c).
    pub images: Vec<u8>,
    /// Classes (n).
    pub labels: Vec<u16>,
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
    /// Parameters and running statistics after ten steps, less those before.
    pub changes: Vec<Digest>,
    /// Adam's first moments after ten steps.
    pub first_moments: Vec<Digest>,
    /// Adam's second moments after ten steps.
    pub second_moments: Vec<Digest>,
    /// Logits (n, classes) with running statistics, after ten steps.
    pub predicted_after: Vec<f64>,
}

/// A case as the script describes it.
#[derive(Deserialize)]
struct Case {
    network: InceptionResNet,
    input: Shape,
    classes: usize,
    adam: StoredAdam,
    learning_rate: f64,
    label_smoothing: f64,
    class_weights: Option<Vec<f32>>,
    seed: u64,
}

#[derive(Deserialize)]
struct StoredAdam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
}

/// Every golden case.
pub fn golden() -> Vec<Golden> {
    FILES.iter().map(|(name, bytes)| read(name, bytes)).collect()
}

fn read(name: &'static str, bytes: &[u8]) -> Golden {
    let (_, header) = SafeTensors::read_metadata(bytes).expect("a golden file's header");
    let metadata = header.metadata().as_ref().expect("a golden file's metadata");
    let case: Case = serde_json::from_str(&metadata["case"]).expect("a golden file's case");
    let network = case.network.network(case.input, case.classes).expect("a golden network");
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
        first_moments: digests("first", true),
        second_moments: digests("second", true),
        predicted_after: floats("logits/after"),
        settings: case.settings(),
        network,
    }
}

impl Case {
    fn settings(self) -> Settings {
        let StoredAdam { beta1, beta2, epsilon, weight_decay } = self.adam;
        Settings {
            loss: Loss { label_smoothing: self.label_smoothing, class_weights: self.class_weights },
            adam: Adam { beta1, beta2, epsilon, weight_decay },
            learning_rate: self.learning_rate,
            seed: self.seed,
        }
    }
}

/// `engine`, which runs `golden.network`, beside PyTorch: logits, loss and every gradient of the
/// first step, ten steps, logits after them.
///
/// # Errors
/// The first number that differs.
pub fn check_golden(
    engine: &mut dyn Engine,
    golden: &Golden,
    tolerance: Tolerance,
) -> Result<(), Mismatch> {
    engine.load_state(&golden.state)?;
    check_logits("logits", engine, golden, &golden.predicted, tolerance.output)?;
    let batch = Batch { images: &golden.images, labels: &golden.labels };
    for step in 0..STEPS {
        let outcome = engine.train_step(batch, &golden.settings.options(step))?;
        let allowed = if step == 0 { tolerance.output } else { tolerance.steps };
        let expected = golden.losses[step as usize];
        compare_loss(&format!("loss of step {step}"), outcome.loss, expected, allowed)?;
        if step == 0 {
            let one = 1.0 - golden.settings.adam.beta1;
            let gradients = widened(&engine.state().first_moments, |_, _, v| v / one);
            let allowed = tolerance.gradient;
            check_digests("gradient", &golden.gradients, &gradients, allowed, tolerance.floor)?;
        }
    }
    let Tolerance { steps, floor, .. } = tolerance;
    let state = engine.state();
    let start = |t: usize, i: usize| f64::from(golden.state.parameters[t].values[i]);
    let changes = widened(&state.parameters, |t, i, v| v - start(t, i));
    let first = widened(&state.first_moments, |_, _, v| v);
    let second = widened(&state.second_moments, |_, _, v| v);
    check_after("change in ten steps", &golden.changes, &changes, steps, floor)?;
    check_after("first moment", &golden.first_moments, &first, steps, floor)?;
    check_after("second moment", &golden.second_moments, &second, 2.0 * steps, floor * floor)?;
    let what = "logits after ten steps";
    check_logits(what, engine, golden, &golden.predicted_after, 2.0 * steps)
}

/// What ten steps led to, by norms of the samples.
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

/// Compares tensors, in order, with their digests; a floor of errors is `floor` times the largest
/// value of all.
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
    expected: &[f64],
    allowed: f64,
) -> Result<(), Mismatch> {
    let found = engine.predict(&golden.images)?;
    let found: Vec<f64> = found.iter().map(|&v| f64::from(v)).collect();
    Digest::of(what, expected).check("output", &found, allowed, 0.0)
}
