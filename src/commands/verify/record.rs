//! The recorded results of a run folder, and the differences between two records.

use std::path::Path;

use modiste_cpu::{CpuOptions, Isa};
use modiste_model::{
    Digest, Environment, EpochMetrics, EpochRow, Model, RunFolder, read_digests, read_environment,
    read_metrics,
};
use modiste_train::{Checkpoint, Config, run_config};
use serde::Serialize;

/// Largest number of differences listed; more would not help.
const NAMED: usize = 5;

/// The recorded results of a run folder.
pub(super) struct Record {
    pub config: Config,
    pub rows: Vec<EpochRow>,
    digests: Vec<Digest>,
    model: Option<Model>,
    /// CRC-32 of the images and labels, if recorded.
    data: Option<u32>,
    /// The environment of the first start.
    pub start: Option<Environment>,
}

/// The compared items and their differences.
#[derive(Default)]
pub(super) struct Compared {
    pub numbers: usize,
    pub states: usize,
    pub parameters: bool,
    pub model_bytes: bool,
    pub differences: Vec<String>,
}

/// Conditions that have changed since the run was recorded.
#[derive(Serialize)]
pub(super) struct Conditions {
    /// Other images or labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Another instruction set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<String>,
    /// Another version of modiste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the run records which data it was trained on.
    pub data_known: bool,
}

impl Record {
    /// Reads the folder; a model, a checkpoint, digests and environment may be missing.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let files = RunFolder::new(folder);
        let config = run_config(folder)?;
        let rows = read_metrics(&files.metrics())?;
        let there = |path: std::path::PathBuf| path.exists().then_some(path);
        let digests = there(files.digests()).map(|path| read_digests(&path)).transpose()?;
        let model = there(files.model()).map(|path| Model::load(&path)).transpose()?;
        let checkpoint = there(files.checkpoint()).map(|path| Checkpoint::load(&path));
        let data = match (&model, checkpoint.transpose()?) {
            (Some(model), _) => Some(model.provenance.data_checksum),
            (None, Some(checkpoint)) => Some(checkpoint.data.checksum),
            (None, None) => None,
        };
        let starts = there(files.environment()).map(|path| read_environment(&path));
        let start = starts.transpose()?.into_iter().flatten().next();
        Ok(Self { config, rows, digests: digests.unwrap_or_default(), model, data, start })
    }

    /// Whether data with this checksum is that of the run.
    pub fn conditions(&self, checksum: u32) -> Conditions {
        let other = self.data.filter(|&recorded| recorded != checksum);
        let line = |recorded| {
            format!("the data has changed: checksum {checksum:08x}, recorded {recorded:08x}")
        };
        Conditions {
            data: other.map(line),
            instruction_set: None,
            version: None,
            data_known: self.data.is_some(),
        }
    }

    /// Sets the options that affect bits as recorded, as far as this processor can.
    pub fn choose(&self, options: &mut CpuOptions) {
        let Some(start) = &self.start else { return };
        options.direct = start.engine.ends_with("direct convolutions");
        if let Some(isa) = instruction_set(start).and_then(Isa::named) {
            options.isa = isa;
        }
    }

    /// Compares the first `epochs` of both.
    pub fn compare(&self, found: &Self, epochs: usize) -> Compared {
        let mut compared = Compared::default();
        for (recorded, again) in self.rows.iter().zip(&found.rows).take(epochs) {
            compared.row(&recorded.metrics, &again.metrics);
        }
        if found.rows.len() < epochs {
            compared.differ(format!("it ended after {} epochs", found.rows.len()));
        }
        for recorded in self.digests.iter().filter(|digest| digest.epoch <= epochs) {
            let same_epoch = |digest: &&Digest| digest.epoch == recorded.epoch;
            let Some(again) = found.digests.iter().find(same_epoch) else { continue };
            compared.states += 1;
            if again.state != recorded.state {
                let (epoch, was, is) = (recorded.epoch, &recorded.state, &again.state);
                compared.differ(format!("epoch {epoch}: the state is {is}, recorded {was}"));
            }
        }
        if let (Some(recorded), Some(again)) = (&self.model, &found.model) {
            compared.models(recorded, again);
        }
        compared
    }
}

impl Conditions {
    /// Compares the engine and the version with those of the record.
    pub fn look(&mut self, recorded: Option<&Environment>, here: &Environment) {
        let Some(recorded) = recorded else { return };
        let [was, is] = [recorded, here].map(|start| instruction_set(start).unwrap_or_default());
        if was != is {
            self.instruction_set = Some(format!("instruction set {is}, recorded {was}"));
        }
        let version = |start: &Environment| match &start.commit {
            Some(commit) => format!("{} ({commit})", start.modiste),
            None => start.modiste.clone(),
        };
        let [was, is] = [recorded, here].map(version);
        if was != is {
            self.version = Some(format!("modiste {is}, recorded {was}"));
        }
    }
}

/// `avx512` of `cpu avx512 2 threads`.
fn instruction_set(start: &Environment) -> Option<&str> {
    start.engine.split(' ').nth(1)
}

impl Compared {
    fn differ(&mut self, difference: String) {
        if self.differences.len() < NAMED {
            self.differences.push(difference);
        }
    }

    fn row(&mut self, recorded: &EpochMetrics, again: &EpochMetrics) {
        for ((name, was), (_, is)) in numbers(recorded).into_iter().zip(numbers(again)) {
            self.numbers += 1;
            if was.map(f64::to_bits) != is.map(f64::to_bits) {
                let [is, was] =
                    [is, was].map(|v| v.map_or("none".to_owned(), |value| value.to_string()));
                self.differ(format!("epoch {}: {name} is {is}, recorded {was}", recorded.epoch));
            }
        }
    }

    /// The model of the best epoch, if both chose the same one; all bytes if both runs ended.
    fn models(&mut self, recorded: &Model, again: &Model) {
        if recorded.provenance.chosen.epoch != again.provenance.chosen.epoch {
            return; // the best epoch is later than those that were repeated
        }
        self.parameters = true;
        if recorded.parameters != again.parameters {
            let differs = recorded.parameters.iter().zip(&again.parameters).find(|(a, b)| a != b);
            let name = differs.map_or("another tensor", |(tensor, _)| tensor.name.as_str());
            self.differ(format!("the values of the model's \"{name}\" differ"));
        } else if recorded.confidence.is_some() && again.confidence.is_some() {
            self.model_bytes = true;
            self.whole(recorded, again);
        }
    }

    /// Compares everything else in a model file, except for the version of modiste that wrote it.
    fn whole(&mut self, recorded: &Model, again: &Model) {
        let mut same = again.clone();
        same.provenance.modiste.clone_from(&recorded.provenance.modiste);
        let parts = [
            ("network", recorded.network == same.network),
            ("classes", recorded.classes == same.classes),
            ("configuration", recorded.config == same.config),
            ("provenance", recorded.provenance == same.provenance),
            ("temperature or thresholds", recorded.confidence == same.confidence),
            ("bytes", recorded.to_bytes() == same.to_bytes()),
        ];
        if let Some((part, _)) = parts.into_iter().find(|(_, same)| !same) {
            self.differ(format!("the model file's {part} differs"));
        }
    }
}

/// The numbers of an epoch by their names.
fn numbers(m: &EpochMetrics) -> Vec<(&'static str, Option<f64>)> {
    let mut all = vec![
        ("learning_rate", Some(m.learning_rate)),
        ("train_loss", Some(m.train_loss)),
        ("train_accuracy", Some(m.train_accuracy)),
        ("validation_loss", m.validation_loss),
        ("validation_accuracy", m.validation_accuracy),
        ("validation_auroc", m.validation_auroc),
    ];
    if let Some(current) = m.current {
        all.push(("current_loss", Some(current.loss)));
        all.push(("current_accuracy", Some(current.accuracy)));
        all.push(("current_auroc", current.auroc));
    }
    all
}
