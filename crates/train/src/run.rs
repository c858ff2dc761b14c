//! The run folder: its files, its lock, and which file is authoritative.
//!
//! `last.ckpt` is authoritative. It holds everything, including the best parameters and the rows of
//! `metrics.csv`, and is written last at the end of an epoch; resuming brings the other files into
//! agreement with it. So a process may be killed between any two writes without harm.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use modiste_data::Dataset;
use modiste_files::{FileError, MAX_TEXT, append, atomic_write, read_text, remove_leftovers};
use modiste_model::{
    DataIdentity, Digest, Environment, EpochRow, Model, RunFolder, read_digests, read_environment,
    read_metrics, utc, write_digests, write_metrics,
};

use crate::holder::lock;
use crate::{Checkpoint, Config, Summary, TrainError, parse_checkpoint};

/// A run folder, locked for this process.
#[derive(Debug)]
pub struct Run {
    files: RunFolder,
    config: Config,
    owner: FolderOwner,
}

/// Who owns the folder of a run.
#[derive(Debug)]
enum FolderOwner {
    /// This process. It holds the lock as long as the `Run` exists; the system releases the lock
    /// when the process ends, for whatever reason.
    This { _lock: File },
    /// Another rank, which has sent its checkpoint, if it has one.
    AnotherRank(Option<Box<Checkpoint>>),
}

impl Run {
    /// A folder below `runs` for a new run called `name`, as in `runs/2026-11-23-170509-swift`, in
    /// UTC; with a number if that exists.
    pub fn new_folder(runs: &Path, name: &str) -> PathBuf {
        let time = utc(SystemTime::now()).replace('T', "-").replace([':', 'Z'], "");
        let numbered = (2..).map(|i| runs.join(format!("{time}-{name}-{i}")));
        let mut folders = std::iter::once(runs.join(format!("{time}-{name}"))).chain(numbered);
        folders.find(|folder| !folder.exists()).expect("the numbers do not end")
    }

    /// Creates a run in `folder`, and the folder if necessary; writes `config.toml`.
    ///
    /// # Errors
    /// If the configuration is not valid, the folder cannot be written, already holds a run or is
    /// in use.
    pub fn create(folder: &Path, config: &Config) -> Result<Self, TrainError> {
        config.check()?;
        std::fs::create_dir_all(folder).map_err(|e| FileError::io(folder, "create", e))?;
        let lock = lock(folder)?;
        let owner = FolderOwner::This { _lock: lock };
        let run = Self { files: RunFolder::new(folder), config: config.clone(), owner };
        let files =
            [run.files.config(), run.files.checkpoint(), run.files.model(), run.files.metrics()];
        if let Some(file) = files.iter().find(|file| file.exists()) {
            let name = file.file_name().unwrap_or_default().display();
            let problem =
                format!("already holds a run ({name}); resume it or choose another folder");
            return Err(TrainError::run(folder, problem));
        }
        atomic_write(&run.files.config(), config.to_toml().as_bytes())?;
        Ok(run)
    }

    /// Opens the run in `folder` to resume it.
    ///
    /// # Errors
    /// If there is none, its `config.toml` is broken, or another process uses it.
    pub fn resume(folder: &Path) -> Result<Self, TrainError> {
        let path = RunFolder::new(folder).config();
        if !path.exists() {
            return Err(TrainError::run(folder, "has no run to resume: config.toml is missing"));
        }
        let lock = lock(folder)?;
        let config = run_config(folder)?;
        let files = RunFolder::new(folder);
        for file in [
            files.checkpoint(),
            files.model(),
            files.metrics(),
            files.digests(),
            files.environment(),
        ] {
            remove_leftovers(&file);
        }
        Ok(Self { files, config, owner: FolderOwner::This { _lock: lock } })
    }

    /// The run that another rank owns in its `folder`; this rank reads and writes nothing there.
    /// `checkpoint` is that rank's result of [`Self::checkpoint_bytes`].
    ///
    /// # Errors
    /// If the configuration is not valid or the checkpoint broken.
    pub fn of_another_rank(
        folder: &Path,
        config: &Config,
        checkpoint: Option<&[u8]>,
    ) -> Result<Self, TrainError> {
        config.check()?;
        let files = RunFolder::new(folder);
        let name = files.checkpoint().display().to_string();
        let checkpoint = checkpoint.map(|bytes| parse_checkpoint(bytes, &name)).transpose()?;
        let owner = FolderOwner::AnotherRank(checkpoint.map(Box::new));
        Ok(Self { files, config: config.clone(), owner })
    }

    /// Whether this process owns the folder, rather than another rank.
    pub fn is_kept_here(&self) -> bool {
        matches!(self.owner, FolderOwner::This { .. })
    }

    /// The bytes of the checkpoint, for the other ranks; `None` before the first one is written.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn checkpoint_bytes(&self) -> Result<Option<Vec<u8>>, TrainError> {
        let path = self.files.checkpoint();
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(modiste_files::read(&path, crate::checkpoint::MAX_BYTES)?))
    }

    /// Changes the configuration to `config`, which may have other epochs and another path of the
    /// data; `data` is the data at that path. The checkpoint is written first: until then, nothing
    /// has changed.
    ///
    /// # Errors
    /// If `config` or `data` differ otherwise, or more epochs are done than it has.
    pub fn extend(&mut self, config: &Config, data: &Dataset) -> Result<(), TrainError> {
        config.check()?;
        let mut same = config.clone();
        same.training.epochs = self.config.training.epochs;
        same.data.source.clone_from(&self.config.data.source);
        if let Some([field, ..]) = self.config.first_difference(&same) {
            return Err(TrainError::config(field, "cannot be changed in a run; start a new one"));
        }
        if !self.is_kept_here() {
            self.config = config.clone();
            return Ok(());
        }
        let path = self.files.checkpoint();
        if path.exists() {
            let mut checkpoint = Checkpoint::load(&path)?;
            let (known, found) = (&checkpoint.data, DataIdentity::of(data));
            if (&known.classes, known.images, known.checksum)
                != (&found.classes, found.images, found.checksum)
            {
                let problem = format!(
                    "{} does not hold the images of the run: {} images (checksum {:08x}), not {} ({:08x})",
                    config.data.source, found.images, found.checksum, known.images, known.checksum
                );
                return Err(TrainError::config("data.source", problem));
            }
            let (done, epochs) = (checkpoint.progress.history.len(), config.training.epochs);
            if epochs < done {
                let problem = format!("{epochs} is below {done}, the number of epochs done");
                return Err(TrainError::config("training.epochs", problem));
            }
            if epochs > checkpoint.config.training.epochs {
                checkpoint.progress.stopping.go_on();
            }
            (checkpoint.config, checkpoint.data) = (config.clone(), found);
            self.save_checkpoint(&checkpoint)?;
        }
        atomic_write(&self.files.config(), config.to_toml().as_bytes())?;
        self.config = config.clone();
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.files.path()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its files, by name.
    pub fn files(&self) -> &RunFolder {
        &self.files
    }

    /// The checkpoint; `None` before the first one is written.
    ///
    /// # Errors
    /// If it is broken, or of another configuration than `config.toml`.
    pub(crate) fn load_checkpoint(&self) -> Result<Option<Checkpoint>, TrainError> {
        let path = self.files.checkpoint();
        let checkpoint = match &self.owner {
            FolderOwner::AnotherRank(None) => return Ok(None),
            FolderOwner::AnotherRank(Some(checkpoint)) => (**checkpoint).clone(),
            FolderOwner::This { .. } if !path.exists() => return Ok(None),
            FolderOwner::This { .. } => Checkpoint::load(&path)?,
        };
        if let Some([field, here, there]) = self.config.first_difference(&checkpoint.config) {
            let problem = format!(
                "{field} is {here}, but {there} in last.ckpt; do not change config.toml of a run"
            );
            return Err(TrainError::file(self.files.config().display().to_string(), problem));
        }
        Ok(Some(checkpoint))
    }

    pub(crate) fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<PathBuf, TrainError> {
        let path = self.files.checkpoint();
        if self.is_kept_here() {
            atomic_write(&path, &checkpoint.to_bytes())?;
        }
        Ok(path)
    }

    pub(crate) fn save_model(&self, model: &Model) -> Result<PathBuf, TrainError> {
        let path = self.files.model();
        if self.is_kept_here() {
            model.save(&path)?;
        }
        Ok(path)
    }

    pub(crate) fn save_metrics(&self, rows: &[EpochRow]) -> Result<PathBuf, TrainError> {
        let path = self.files.metrics();
        if self.is_kept_here() {
            atomic_write(&path, write_metrics(rows).as_bytes())?;
        }
        Ok(path)
    }

    /// Stores the state's digest after an epoch, replacing any of this and later epochs.
    pub(crate) fn save_digest(&self, digest: Digest) -> Result<(), TrainError> {
        let path = self.files.digests();
        // A damaged list is dropped: it is only for comparisons, and no result depends on it.
        let mut digests = read_digests(&path).unwrap_or_default();
        digests.retain(|known| known.epoch < digest.epoch);
        digests.push(digest);
        Ok(atomic_write(&path, write_digests(&digests).as_bytes())?)
    }

    /// The rows of `metrics.csv`; none if it is missing or broken, because the checkpoint has all
    /// of them except their times.
    pub(crate) fn known_rows(&self) -> Vec<EpochRow> {
        if !self.is_kept_here() {
            return Vec::new();
        }
        read_metrics(&self.files.metrics()).unwrap_or_default()
    }

    /// Adds this start to `environment.json`; a damaged list is replaced, because no result depends
    /// on it.
    pub(crate) fn note_environment(&self, here: Environment) -> Result<(), TrainError> {
        if !self.is_kept_here() {
            return Ok(());
        }
        let path = self.files.environment();
        let mut starts = read_environment(&path).unwrap_or_default();
        starts.push(here);
        let text = serde_json::to_string_pretty(&starts).expect("plain data is JSON");
        Ok(atomic_write(&path, format!("{text}\n").as_bytes())?)
    }

    /// Writes `summary.json`, the mark of a finished run; without paths, because folders are moved.
    pub(crate) fn save_summary(&self, summary: &Summary) -> Result<(), TrainError> {
        if !self.is_kept_here() {
            return Ok(());
        }
        let Summary { epochs, stopped_early, best, seconds, images_per_second, .. } = summary;
        let numbers = serde_json::json!({
            "epochs": epochs, "stopped_early": stopped_early, "best": best,
            "seconds": seconds, "images_per_second": images_per_second,
        });
        let text = serde_json::to_string_pretty(&numbers).expect("plain data is JSON");
        Ok(atomic_write(&self.files.summary(), format!("{text}\n").as_bytes())?)
    }

    /// Adds a line with the time to `log.txt`, the only file that grows in place.
    pub(crate) fn log(&self, line: impl Display) -> Result<(), TrainError> {
        if !self.is_kept_here() {
            return Ok(());
        }
        let path = self.files.log();
        let line = format!("{} {line}\n", utc(SystemTime::now()));
        let written = append(&path)?.write_all(line.as_bytes());
        written.map_err(|e| FileError::io(&path, "write", e).into())
    }
}

/// Reads the configuration of the run in `folder`.
///
/// # Errors
/// If its `config.toml` cannot be read or is broken; the error names the version of modiste that
/// wrote the run if it is another one.
pub fn run_config(folder: &Path) -> Result<Config, TrainError> {
    let files = RunFolder::new(folder);
    let path = files.config();
    let text = read_text(&path, MAX_TEXT)?;
    let starts = || read_environment(&files.environment()).unwrap_or_default();
    Config::parse(&text, &path.display().to_string()).map_err(|error| {
        let last = starts().pop().filter(|start| start.modiste != env!("CARGO_PKG_VERSION"));
        match (error, last) {
            (TrainError::File(FileError::Refused { file, problem }), Some(start)) => {
                let problem = format!("{problem}; modiste {} wrote the run", start.modiste);
                FileError::refused(file, problem).into()
            }
            (error, _) => error,
        }
    })
}
