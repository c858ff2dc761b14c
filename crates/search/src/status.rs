//! The state of the trials of a results folder, and which processes train them.
//!
//! Everything is read from the folder: progress from the run folders, active processes from their locks. No
//! times are compared, so the clocks of the machines need not agree.

use std::path::{Path, PathBuf};

use modiste_files::{MAX_TEXT, read_text};
use modiste_model::{RunFolder, read_metrics};
use modiste_train::{Config, Holder};
use serde::Serialize;

use crate::{Element, Elements, SearchError, TrialProgress};

/// The phase of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TrialPhase {
    /// It is done.
    Done {
        /// Validation accuracy of the best epoch, if there is a validation set.
        accuracy: Option<f64>,
    },
    /// It has reached its planned epoch.
    Paused {
        /// Epochs done.
        epochs: usize,
        /// Validation accuracy of the best epoch so far, if there is a validation set.
        accuracy: Option<f64>,
    },
    /// A process trains it.
    Running {
        /// Epochs done.
        epochs: usize,
        /// The process; `None` if its lock does not say.
        #[serde(flatten)]
        holder: Option<Holder>,
    },
    /// No process trains it.
    Waiting {
        /// Epochs done.
        epochs: usize,
    },
    /// It cannot be trained.
    Failed {
        /// Epochs done.
        epochs: usize,
        /// The reason, in one line.
        why: String,
    },
}

/// A trial and its phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialStatus {
    /// Its number.
    pub trial: usize,
    /// Its name.
    pub name: String,
    /// Its phase.
    #[serde(flatten)]
    pub phase: TrialPhase,
}

/// A results folder and the phases of its trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The folder.
    #[serde(serialize_with = "shown")]
    pub out: PathBuf,
    /// The command that planned it.
    pub command: String,
    /// All trials, by number.
    pub trials: Vec<TrialStatus>,
}

fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

impl Status {
    /// Reads the status of the results folder `out`.
    ///
    /// # Errors
    /// If nothing was planned there, or a file of the plan is broken. Errors of single trials are part of
    /// their phase.
    pub fn read(out: &Path) -> Result<Self, SearchError> {
        let Some(elements) = Elements::load(out)? else {
            let problem = "has no trials: elements.json is missing; plan some with modiste grid, \
                           ablate or search";
            return Err(SearchError::conflict(out.display().to_string(), problem));
        };
        let base = elements.base()?;
        let of = |(trial, element): (usize, &Element)| TrialStatus {
            trial,
            name: element.name.clone(),
            phase: phase(out, &elements, &base, element),
        };
        let trials = elements.all().iter().enumerate().map(of).collect();
        Ok(Self { out: out.to_owned(), command: elements.command.clone(), trials })
    }

    /// The numbers of the trials in a wanted phase.
    pub fn numbers(&self, wanted: impl Fn(&TrialPhase) -> bool) -> Vec<usize> {
        let wanted = |trial: &&TrialStatus| wanted(&trial.phase);
        self.trials.iter().filter(wanted).map(|trial| trial.trial).collect()
    }
}

fn phase(out: &Path, elements: &Elements, base: &Config, element: &Element) -> TrialPhase {
    let folder = Elements::folder(out, element);
    let files = RunFolder::new(&folder);
    if !files.config().exists() {
        return TrialPhase::Waiting { epochs: 0 };
    }
    let failed = |epochs: usize, why: String| TrialPhase::Failed { epochs, why };
    let config = match elements.config(base, element) {
        Ok(config) => config,
        Err(error) => return failed(0, error.to_string()),
    };
    let epochs = match TrialProgress::read(&folder, &config) {
        Ok(TrialProgress::Done(numbers)) => {
            return TrialPhase::Done { accuracy: numbers.best.validation_accuracy };
        }
        Ok(TrialProgress::Begun { epochs }) => epochs,
        Ok(TrialProgress::New) => 0,
        Err(error) => return failed(0, error.to_string()),
    };
    match Holder::of(&folder) {
        Ok(Some(holder)) => return TrialPhase::Running { epochs, holder: holder.known() },
        Ok(None) => {}
        Err(error) => return failed(epochs, error.to_string()),
    }
    if element.until.is_some_and(|until| epochs >= until) {
        let rows = read_metrics(&files.metrics()).unwrap_or_default();
        let accuracies = rows.iter().filter_map(|row| row.metrics.validation_accuracy);
        return TrialPhase::Paused { epochs, accuracy: accuracies.reduce(f64::max) };
    }
    match failure(&files) {
        Some(why) => failed(epochs, why),
        None => TrialPhase::Waiting { epochs },
    }
}

/// The error that ended the last process of a run, according to its log.
fn failure(files: &RunFolder) -> Option<String> {
    let log = read_text(&files.log(), MAX_TEXT).ok()?;
    let (_, line) = log.lines().next_back()?.split_once(' ')?;
    line.strip_prefix("failed: ").map(str::to_owned)
}
