//! A small classifier, a small data set and helpers to train with them.

// Each test file uses only a part of this module.
#![allow(dead_code)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use modiste_data::{Augmentation, Dataset, Images, Part};
use modiste_spec::engine::{
    Adam, Batch, Engine, EngineError, Optimiser, State, Step, Targets, Tensor, Totals, Weights,
};
use modiste_spec::random::{Purpose, Stream};
use modiste_spec::{Network, NetworkBuilder, Op, Shape};
use modiste_train::{Config, Event, Outcome, Run, Schedule, TrainError, fit};

/// Rows and columns of an image.
const SIDE: usize = 2;
/// Number of channels and of classes: class c is bright in channel c.
pub const CLASSES: usize = 3;

/// Multinomial logistic regression on the mean of each channel, trained with Adam in f32.
pub struct LogisticRegression {
    network: Network,
    state: State,
    /// The global step whose loss is reported as NaN.
    pub fails_at: Option<u64>,
    /// Number, loss, correct images and images of each step since the last call of `totals`.
    outcomes: Vec<(u64, f64, usize, usize)>,
}

impl LogisticRegression {
    /// A classifier for the images and classes of [`images_of`].
    pub fn new() -> Self {
        Self::with_classes(CLASSES)
    }

    /// A classifier for another number of classes.
    pub fn with_classes(classes: usize) -> Self {
        let mut b = NetworkBuilder::default();
        let input = Op::Input { shape: Shape::new(SIDE, SIDE, CLASSES) };
        let x = b.add("image", input, &[]).unwrap();
        let x = b.add("mean", Op::GlobalAvgPool, &[x]).unwrap();
        let x = b.add("dense", Op::Dense { units: classes }, &[x]).unwrap();
        b.add("probabilities", Op::Softmax, &[x]).unwrap();
        let network = b.finish().unwrap();
        let state = State::initial(&network, 0);
        let mut engine =
            Self { network, state: State::default(), fails_at: None, outcomes: Vec::new() };
        engine.load_state(&state).unwrap();
        engine
    }

    /// Mean of each channel of each image, (n, channels).
    fn features(images: &[u8]) -> Vec<[f32; CLASSES]> {
        let mean = |image: &[u8], c: usize| {
            let sum: f32 = image.iter().skip(c).step_by(CLASSES).map(|&p| f32::from(p)).sum();
            sum / (255 * SIDE * SIDE) as f32
        };
        let images = images.chunks_exact(SIDE * SIDE * CLASSES);
        images.map(|image| std::array::from_fn(|c| mean(image, c))).collect()
    }

    fn logits(&self, x: &[f32; CLASSES]) -> Vec<f32> {
        let [weight, bias] = [0, 1].map(|i| &self.state.parameters[i].values);
        let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        weight.chunks_exact(CLASSES).zip(bias).map(|(row, b)| dot(row) + b).collect()
    }

    fn adam(&mut self, gradients: [Vec<f32>; 2], adam: Adam, step: &Step<'_>) {
        let t = step.number as i32 + 1;
        let correction = [1.0 - adam.beta1.powi(t), 1.0 - adam.beta2.powi(t)];
        for (i, gradient) in gradients.iter().enumerate() {
            for (j, &g) in gradient.iter().enumerate() {
                let slots = &mut self.state.slots;
                let m = &mut slots.get_mut("first_moments").unwrap()[i].values[j];
                *m = (adam.beta1 as f32) * *m + (1.0 - adam.beta1 as f32) * g;
                let m = f64::from(*m);
                let v = &mut slots.get_mut("second_moments").unwrap()[i].values[j];
                *v = (adam.beta2 as f32) * *v + (1.0 - adam.beta2 as f32) * g * g;
                let root = (f64::from(*v) / correction[1]).sqrt() + adam.epsilon;
                let update = step.learning_rate * m / correction[0] / root;
                self.state.parameters[i].values[j] -= update as f32;
            }
        }
    }
}

impl Engine for LogisticRegression {
    fn network(&self) -> &Network {
        &self.network
    }

    fn describe(&self) -> String {
        "logistic regression of the tests".into()
    }

    fn submit(&mut self, batch: Batch<'_>, step: &Step<'_>) -> Result<(), EngineError> {
        let classes = self.network.classes();
        let Targets::Classes(labels) = batch.targets else { unreachable!("no test mixes labels") };
        let weights = step.loss.class_weights.clone().unwrap_or(vec![1.0; classes]);
        let smoothing = step.loss.label_smoothing as f32;
        let total: f32 = labels.iter().map(|&y| weights[usize::from(y)]).sum();
        let mut gradients = [vec![0.0; classes * CLASSES], vec![0.0; classes]];
        let (mut loss, mut correct) = (0.0, 0);
        for (x, &y) in Self::features(batch.images).iter().zip(labels) {
            let y = usize::from(y);
            let logits = self.logits(x);
            let log_p = modiste_metrics::log_softmax(&logits);
            correct += usize::from(modiste_metrics::argmax(&logits) == y);
            let target = |c: usize| {
                let own = if c == y { (1.0 - smoothing) * weights[y] } else { 0.0 };
                (own + smoothing / classes as f32 * weights[c]) / total
            };
            let mass: f32 = (0..classes).map(target).sum();
            for c in 0..classes {
                loss -= f64::from(target(c)) * log_p[c];
                let dz = mass * log_p[c].exp() as f32 - target(c);
                gradients[1][c] += dz;
                (0..CLASSES).for_each(|j| gradients[0][c * CLASSES + j] += dz * x[j]);
            }
        }
        let Optimiser::Adam(adam) = step.optimiser else { unreachable!("no test descends") };
        self.adam(gradients, adam, step);
        if self.fails_at == Some(step.number) {
            loss = f64::NAN;
        }
        self.outcomes.push((step.number, loss, correct, labels.len()));
        Ok(())
    }

    fn totals(&mut self, sums: &mut Totals) -> Result<(), EngineError> {
        for (number, loss, correct, images) in self.outcomes.drain(..) {
            sums.add(number, loss, correct, images);
        }
        Ok(())
    }

    fn predict(&mut self, images: &[u8], weights: Weights) -> Result<Vec<f32>, EngineError> {
        assert_eq!(weights, Weights::Current);
        Ok(Self::features(images).iter().flat_map(|x| self.logits(x)).collect())
    }

    fn state(&mut self) -> State {
        self.state.clone()
    }

    fn load_state(&mut self, state: &State) -> Result<(), EngineError> {
        state.check(&self.network)?;
        let zeros = |t: &Tensor| Tensor { values: vec![0.0; t.values.len()], ..t.clone() };
        self.state = state.clone();
        for name in ["first_moments", "second_moments"] {
            let slot = self.state.slots.entry(name.into());
            slot.or_insert_with(|| state.parameters.iter().map(zeros).collect());
        }
        Ok(())
    }
}

/// `n` noisy images; class c is brighter in channel c, and is every third image.
pub fn images_of(n: usize, seed: u64) -> Part {
    let noise = Stream::new(seed, Purpose::Augment, 99, 0);
    let labels: Vec<u16> = (0..n).map(|i| (i % CLASSES) as u16).collect();
    let pixel = |i: usize| {
        let bright = labels[i / (SIDE * SIDE * CLASSES)] as usize == i % CLASSES;
        (noise.below(i as u64, 180) + if bright { 60 } else { 0 }) as u8
    };
    let shape = Shape { height: SIDE, width: SIDE, channels: CLASSES };
    let pixels = (0..n * shape.len()).map(pixel).collect();
    Part::new(Images { shape, pixels }, Some(labels))
}

/// 13 training and 30 validation images: 4 steps of batch 4 per epoch, the last with one image.
pub fn dataset() -> Dataset {
    let classes = ["red", "green", "blue"].map(String::from).to_vec();
    let parts = [images_of(13, 1), images_of(30, 2), images_of(0, 3)];
    Dataset::new("channels", classes, "13/30/0", parts)
}

/// Three epochs of four steps.
pub fn config() -> Config {
    let mut config = Config::light();
    config.training.epochs = 3;
    config.training.batch = 4;
    config.training.schedule = Schedule::Constant { learning_rate: 0.05 };
    config.training.augmentation = Augmentation { flip: true, shift: 1, ..Default::default() };
    config
}

/// Trains to the end.
pub fn train(run: &Run) -> Result<Outcome, TrainError> {
    train_watched(run, |_, _| ())
}

/// Trains; `watch` sees every event and may set the flag that interrupts.
pub fn train_watched(
    run: &Run,
    mut watch: impl FnMut(&Event<'_>, &AtomicBool),
) -> Result<Outcome, TrainError> {
    let stop = AtomicBool::new(false);
    let mut observer = |event: &Event<'_>| watch(event, &stop);
    fit(&mut LogisticRegression::new(), &dataset(), run, &mut observer, &stop)
}

/// Trains and interrupts the run after `steps` steps.
pub fn train_steps(run: &Run, steps: usize) -> Result<Outcome, TrainError> {
    let mut made = 0;
    train_watched(run, |event, stop| {
        made += usize::from(matches!(event, Event::Step { .. }));
        stop.store(made >= steps, Ordering::Relaxed);
    })
}

/// The outputs that must not depend on interruptions: model, checkpoint, and metrics without times.
pub fn outcome_of(folder: &Path) -> [Vec<u8>; 3] {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let metrics = String::from_utf8(read("metrics.csv")).unwrap();
    let timeless = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned() + "\n";
    let metrics: String = metrics.lines().map(timeless).collect();
    [read("best.safetensors"), read("last.ckpt"), metrics.into_bytes()]
}

/// Copies the files of a run folder, as a killed process would have left them.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
