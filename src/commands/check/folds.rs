//! Probabilities from networks that were not trained on the pictures they predict: one run per fold.

use std::path::Path;

use modiste_data::{Dataset, Images, Part, fold_of};
use modiste_spec::engine::Weights;
use modiste_train::{Config, Outcome, Run};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::watch::Progress;
use crate::{engine, output, signals};

/// A small residual network and six epochs, to find wrong labels in minutes. Lists every setting that
/// affects the result, so that changes of presets do not.
const USUAL: [(&str, &str); 17] = [
    ("network.architecture", "residual"),
    ("network.widths", "16,32,64"),
    ("network.dropout", "0"),
    ("training.epochs", "6"),
    ("training.batch", "64"),
    ("training.label_smoothing", "0"),
    ("training.schedule.kind", "one_cycle"),
    ("training.schedule.learning_rate", "0.1"),
    ("training.schedule.warmup_fraction", "0.3"),
    ("training.optimiser.kind", "sgd"),
    ("training.optimiser.momentum", "0.9"),
    ("training.optimiser.weight_decay", "0.0005"),
    ("training.augmentation.alternating_flip", "false"),
    ("training.augmentation.flip", "true"),
    ("training.augmentation.shift", "1"),
    ("training.augmentation.cutout", "0"),
    ("training.average", "0"),
];

/// The configuration of [`USUAL`].
pub fn usual() -> Config {
    let mut config = Config::preset("cnn").expect("the preset is there");
    for (field, value) in USUAL {
        config.set(field, value).expect("the fields of a residual network");
    }
    config
}

/// Probabilities (n, classes) of the training and validation pictures, in that order.
///
/// Each network has the weights of its last epoch: choosing the best epoch would use the same pictures
/// that it predicts.
pub fn probabilities(
    args: &CheckArgs,
    config: &Config,
    data: &Dataset,
    threads: usize,
) -> Result<Vec<f64>, Failure> {
    let pool = joined(&data.train, &data.validation);
    let labels = pool.labels.as_deref().unwrap_or_default();
    let classes = data.classes.len();
    let folds = args.folds.into();
    let fold_of = fold_of(labels, classes, folds, config.data.split_seed);
    let temporary = tempfile::tempdir()?;
    let work = args.work.as_deref().unwrap_or(temporary.path());
    let mut probabilities = vec![0.0; labels.len() * classes];
    for fold in 0..folds {
        if !args.quiet {
            output::note(&format!("fold {} of {folds}", fold + 1));
        }
        let is_in = |i: &u32| fold_of[*i as usize] == fold;
        let all = 0..u32::try_from(labels.len()).expect("readers take under 2^32 images");
        let (inside, outside): (Vec<u32>, Vec<u32>) = all.partition(is_in);
        let mut config = config.clone();
        config.data.split = format!("{}:fold={}/{folds}", data.split, fold + 1);
        let parts = [pool.select(&outside), pool.select(&inside), pool.select(&[])];
        let part = Dataset::new(&data.name, data.classes.clone(), &config.data.split, parts);
        let logits =
            answers(&config, &part, &work.join(format!("fold-{}", fold + 1)), threads, args)?;
        for (&i, row) in inside.iter().zip(logits.chunks_exact(classes)) {
            let out = &mut probabilities[i as usize * classes..][..classes];
            out.copy_from_slice(&modiste_metrics::softmax(row));
        }
    }
    Ok(probabilities)
}

/// Trains on one fold's training part, or resumes, and returns the logits of its validation part.
fn answers(
    config: &Config,
    data: &Dataset,
    folder: &Path,
    threads: usize,
    args: &CheckArgs,
) -> Result<Vec<f32>, Failure> {
    config.check_data(data)?;
    let network = config.network(data)?;
    let mut engine = engine::new(&network, config.training.batch, threads)?;
    let run = match folder.join("config.toml").exists() {
        true => Run::resume(folder)?,
        false => Run::create(folder, config)?,
    };
    if let Some([field, here, now]) = run.config().first_difference(config) {
        let folder = folder.display();
        let text = format!(
            "{folder}: holds a run with {field} = {here}, not {now}; give another --work folder"
        );
        return Err(Failure::Usage(text));
    }
    signals::listen()?;
    let mut progress = Progress::new(args.quiet);
    match modiste_train::fit(engine.as_mut(), data, &run, &mut progress, signals::stop())? {
        Outcome::Finished(_) => {
            Ok(engine.predict(&data.validation.images.pixels, Weights::Current)?)
        }
        Outcome::Interrupted { .. } => Err(Failure::Interrupted(match &args.work {
            Some(_) => "interrupted; run the same command to continue".into(),
            None => "interrupted; use --work FOLDER to be able to continue".into(),
        })),
    }
}

/// Joins both parts.
fn joined(a: &Part, b: &Part) -> Part {
    let pixels = [a.images.pixels.as_slice(), &b.images.pixels].concat();
    let labels = [&a.labels, &b.labels].into_iter().flatten().flatten().copied().collect();
    Part::new(Images { shape: a.images.shape, pixels }, Some(labels))
}
