//! Reads and checks a run folder, and builds its report.

use std::path::{Path, PathBuf};

use modiste_data::{FASHION_CLASSES, PartName};
use modiste_model::{EpochRow, Model, RunFolder, Stored, StoredPart, read_metrics};
use modiste_paper::PUBLISHED_BEST;
use modiste_report::{Figure, PartReport, Reference, RunReport};
use modiste_spec::Network;
use modiste_train::{Config, run_config};

use modiste_views::{block, structure};

use crate::WriteupError;
use crate::write::pictures;

/// The contents of a run folder that reports need.
pub struct ReportedRun {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The configuration of the run.
    pub config: Config,
    /// The model of the best epoch; `None` before there is one.
    pub model: Option<Model>,
    /// The stored answers of the model.
    pub stored: Option<Stored>,
    rows: Vec<EpochRow>,
}

impl ReportedRun {
    /// Whether the run has a validation set.
    pub fn validated(&self) -> bool {
        self.rows.iter().all(|row| row.metrics.validation_accuracy.is_some())
    }

    /// Reads the run in `folder`.
    ///
    /// # Errors
    /// If a file is damaged, or the folder has no configuration or metrics.
    pub fn read(folder: &Path) -> Result<Self, WriteupError> {
        if !folder.is_dir() {
            let exists = if folder.exists() { "is not a folder" } else { "no such folder" };
            let problem = format!("{exists}; a report needs a run folder");
            return Err(WriteupError::folder(folder, problem));
        }
        for (file, what) in
            [("config.toml", "is not a run folder"), ("metrics.csv", "has no complete epoch yet")]
        {
            if !folder.join(file).exists() {
                return Err(WriteupError::folder(folder, format!("{what}: {file} is missing")));
            }
        }
        let files = RunFolder::new(folder);
        let config = run_config(folder)?;
        let rows = read_metrics(&files.metrics())?;
        if rows.is_empty() {
            let problem = "has no complete epoch yet: metrics.csv has no rows";
            return Err(WriteupError::folder(folder, problem));
        }
        let model = match files.model() {
            file if file.exists() => Some(Model::load(&file)?),
            _ => None,
        };
        // A model is written before the epoch's row, so a kill between the two is not damage.
        if let Some(model) = &model
            && model.provenance.chosen.epoch > rows.len() + 1
        {
            let (best, last) = (model.provenance.chosen.epoch, rows.len());
            let problem = format!("ends after epoch {last}, but the model is from epoch {best}");
            return Err(WriteupError::folder(files.metrics(), problem));
        }
        let stored = Stored::load(&files, model.as_ref())?;
        Ok(Self { folder: folder.into(), config, model, stored, rows })
    }

    /// The name of the run: that of its folder.
    pub fn name(&self) -> String {
        let full = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
    }

    /// The report.
    ///
    /// # Errors
    /// If the size of a stored picture cannot be shown.
    pub fn report(&self) -> Result<RunReport, WriteupError> {
        let data = match &self.stored {
            Some(stored) => format!("{}, split {}", stored.data, stored.split),
            None => format!("{}, split {}", self.config.data.source, self.config.data.split),
        };
        let mut report = RunReport {
            name: self.name(),
            data,
            parameters: self.model.as_ref().map_or(0, |model| model.network.trainable() as u64),
            settings: self
                .config
                .settings()
                .into_iter()
                .map(|f| (f.path.into(), f.value))
                .collect(),
            epochs: self.rows.clone(),
            best_epoch: self.best_epoch(),
            ..RunReport::default()
        };
        if let Some(model) = &self.model {
            report.network = network_figures(&model.network);
        }
        let Some(stored) = &self.stored else { return Ok(report) };
        report.classes = stored.classes();
        if report.classes == FASHION_CLASSES {
            report.references = references();
        }
        let part = |part: &StoredPart| PartReport {
            name: part.part.to_string(),
            evaluation: part.evaluation.clone(),
            roc: part.roc.clone(),
        };
        report.parts = stored.parts.iter().map(part).collect();
        if let Some(part) = stored.part(PartName::Validation) {
            report.mistakes_part = part.part.to_string();
            report.mistakes = pictures(stored, part)?;
        }
        Ok(report)
    }

    /// The epoch of the model; without a model, the epoch that would be chosen.
    fn best_epoch(&self) -> Option<usize> {
        if let Some(model) = &self.model {
            return Some(model.provenance.chosen.epoch);
        }
        let by = self.config.training.select_by;
        let metrics = self.rows.iter().map(|row| &row.metrics);
        let best = metrics.reduce(|best, m| if m.better_than(best, by) { m } else { best });
        best.map(|best| best.epoch)
    }
}

/// The paper's figures 3 and 4: the structure, and the first block that has branches.
fn network_figures(network: &Network) -> Vec<Figure> {
    let block = block(network, None).map(|drawing| Figure::new("block", drawing));
    [Figure::new("structure", structure(network))].into_iter().chain(block).collect()
}

/// The published results of the paper's best model, shown beside results on the paper's images.
fn references() -> Vec<Reference> {
    let paper = |part: &str, accuracy, loss, auroc| Reference {
        name: "the paper, 40 epochs".into(),
        part: part.into(),
        accuracy: Some(accuracy),
        loss,
        auroc,
    };
    let best = &PUBLISHED_BEST;
    vec![
        paper("train", best.train_accuracy, Some(best.train_loss), None),
        paper("validation", best.validation_accuracy, None, Some(best.auroc)),
    ]
}
