//! How far the trials of a results folder are, and who is at them.
//!
//! Everything is read from the folder: what is done from the run folders, who is at work from their
//! locks. No clock is compared with another, so it does not matter whether those of the machines agree.

use std::path::{Path, PathBuf};

use modiste_files::{MAX_TEXT, read_text};
use modiste_model::{RunFolder, read_metrics};
use modiste_train::{Config, Holder};
use serde::Serialize;

use crate::{Element, Elements, SearchError, State};

/// How a trial stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// It is done.
    Done {
        /// Validation accuracy of the best epoch, if there is a validation set.
        accuracy: Option<f64>,
    },
    /// It has been trained as far as it is to be for now.
    Paused {
        /// Epochs done.
        epochs: usize,
        /// Validation accuracy of the best epoch so far, if there is a validation set.
        accuracy: Option<f64>,
    },
    /// A process is at it.
    Running {
        /// Epochs done.
        epochs: usize,
        /// Which process; `None` where its lock does not say.
        #[serde(flatten)]
        holder: Option<Holder>,
    },
    /// No process is at it.
    Waiting {
        /// Epochs done.
        epochs: usize,
    },
    /// It cannot be trained as it is.
    Failed {
        /// Epochs done.
        epochs: usize,
        /// Why, in one line.
        why: String,
    },
}

/// A trial and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialStatus {
    /// Its number.
    pub trial: usize,
    /// Its name.
    pub name: String,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
}

/// A results folder and how its trials stand.
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
    /// That of the results folder `out`.
    ///
    /// # Errors
    /// If nothing was planned there, or a file of the plan is broken. What is wrong with a single trial is
    /// told with it.
    pub fn read(out: &Path) -> Result<Self, SearchError> {
        let Some(elements) = Elements::load(out)? else {
            let problem = "has no trials: elements.json is missing; plan some with modiste grid, \
                           ablate or search";
            return Err(SearchError::place(out.display().to_string(), problem));
        };
        let base = elements.base()?;
        let of = |(trial, element): (usize, &Element)| TrialStatus {
            trial,
            name: element.name.clone(),
            standing: standing(out, &elements, &base, element),
        };
        let trials = elements.all().iter().enumerate().map(of).collect();
        Ok(Self { out: out.to_owned(), command: elements.command.clone(), trials })
    }

    /// The numbers of the trials that stand so.
    pub fn numbers(&self, wanted: impl Fn(&Standing) -> bool) -> Vec<usize> {
        let wanted = |trial: &&TrialStatus| wanted(&trial.standing);
        self.trials.iter().filter(wanted).map(|trial| trial.trial).collect()
    }
}

fn standing(out: &Path, elements: &Elements, base: &Config, element: &Element) -> Standing {
    let folder = Elements::folder(out, element);
    let files = RunFolder::new(&folder);
    if !files.config().exists() {
        return Standing::Waiting { epochs: 0 };
    }
    let failed = |epochs: usize, why: String| Standing::Failed { epochs, why };
    let config = match elements.config(base, element) {
        Ok(config) => config,
        Err(error) => return failed(0, error.to_string()),
    };
    let epochs = match State::read(&folder, &config) {
        Ok(State::Done(numbers)) => {
            return Standing::Done { accuracy: numbers.best.validation_accuracy };
        }
        Ok(State::Begun { epochs }) => epochs,
        Ok(State::New) => 0,
        Err(error) => return failed(0, error.to_string()),
    };
    match Holder::of(&folder) {
        Ok(Some(holder)) => return Standing::Running { epochs, holder: holder.known() },
        Ok(None) => {}
        Err(error) => return failed(epochs, error.to_string()),
    }
    if element.until.is_some_and(|until| epochs >= until) {
        let rows = read_metrics(&files.metrics()).unwrap_or_default();
        let accuracies = rows.iter().filter_map(|row| row.metrics.validation_accuracy);
        return Standing::Paused { epochs, accuracy: accuracies.reduce(f64::max) };
    }
    match failure(&files) {
        Some(why) => failed(epochs, why),
        None => Standing::Waiting { epochs },
    }
}

/// Why the last process that was at the run gave up, as its log says.
fn failure(files: &RunFolder) -> Option<String> {
    let log = read_text(&files.log(), MAX_TEXT).ok()?;
    let (_, line) = log.lines().next_back()?.split_once(' ')?;
    line.strip_prefix("failed: ").map(str::to_owned)
}
