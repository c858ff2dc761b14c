//! The names of all files in a run folder.

use std::path::{Path, PathBuf};

/// The paths of a run folder's files, whether or not they exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The run folder at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `config.toml`: the complete configuration, from which the run can be repeated.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// `last.ckpt`: everything needed to resume.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("last.ckpt")
    }

    /// `best.safetensors`: the [`Model`](crate::Model) of the best epoch.
    pub fn model(&self) -> PathBuf {
        self.0.join("best.safetensors")
    }

    /// `metrics.csv`: see [`write_metrics`](crate::write_metrics).
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.csv")
    }

    /// `digests.csv`: a checksum of the state after each epoch, see
    /// [`write_digests`](crate::write_digests).
    pub fn digests(&self) -> PathBuf {
        self.0.join("digests.csv")
    }

    /// `environment.json`: a list of [`Environment`](crate::Environment), one for each start.
    pub fn environment(&self) -> PathBuf {
        self.0.join("environment.json")
    }

    /// `log.txt`: a log with times, for people.
    pub fn log(&self) -> PathBuf {
        self.0.join("log.txt")
    }

    /// `evaluation.json`: how the best model classified each part of the data.
    pub fn evaluation(&self) -> PathBuf {
        self.0.join("evaluation.json")
    }

    /// `worst_mistakes.csv`: the validation images that were most wrong.
    pub fn mistakes(&self) -> PathBuf {
        self.0.join("worst_mistakes.csv")
    }

    /// `summary.json`: the result of the training loop, written when the run is finished.
    pub fn summary(&self) -> PathBuf {
        self.0.join("summary.json")
    }

    /// `report.html`: the report.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// Whether training is finished. Earlier versions wrote no `summary.json`; their last file was the
    /// report.
    pub fn is_finished(&self) -> bool {
        self.summary().exists() || self.report().exists()
    }

    /// `.lock`: held by the process that trains here.
    pub fn lock(&self) -> PathBuf {
        self.0.join(".lock")
    }
}
