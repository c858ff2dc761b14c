//! The trials of a results folder as elements of a job array: any machine can train a trial at any time,
//! given only its number.
//!
//! The file `elements.json` lists them. A trial keeps its number; a plan that grows appends its new
//! trials. So an array that was submitted earlier still trains the same trials.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use modiste_files::{FileError, atomic_write, read_text};
use modiste_model::perhaps_newer;
use modiste_train::Config;
use serde::{Deserialize, Serialize};

use crate::{BaseConfig, SearchError, TRIALS, Task};

const FILE: &str = "elements.json";
/// Size limit of the list in bytes: several hundred thousand trials.
const MAX_BYTES: u64 = 1 << 28;

/// The trials of a results folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elements {
    /// The command that planned them and trains them: `grid`, `ablate` or `search`.
    pub command: String,
    /// The base configuration of all trials, as TOML.
    base: String,
    /// The trials; the position is the trial's number.
    trials: Vec<Element>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Element {
    /// The name of its folder.
    pub name: String,
    /// The fields that differ from the base, in the order in which they can be set.
    set: Vec<(String, String)>,
    /// The epoch after which the trial pauses; `None` to train it to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<usize>,
}

impl Elements {
    /// A list without trials.
    pub fn new(command: &str, base: &Config) -> Self {
        Self { command: command.to_owned(), base: base.to_toml(), trials: Vec::new() }
    }

    /// The list of the results folder `out`; `None` if nothing was planned there.
    ///
    /// # Errors
    /// If the file is broken.
    pub fn load(out: &Path) -> Result<Option<Self>, SearchError> {
        let path = out.join(FILE);
        let text = match read_text(&path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let list = serde_json::from_str(&text);
        let broken = |error| {
            SearchError::conflict(path.display().to_string(), perhaps_newer(&format!("{error}")))
        };
        list.map(Some).map_err(broken)
    }

    /// Writes the list into the results folder `out`, which is created if necessary.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, out: &Path) -> Result<(), SearchError> {
        std::fs::create_dir_all(out).map_err(|e| FileError::io(out, "create", e))?;
        let text = serde_json::to_string(self).expect("plain data is JSON");
        Ok(atomic_write(&out.join(FILE), text.as_bytes())?)
    }

    /// Adds those of `trials` (name and configuration) that are not in the list.
    ///
    /// # Errors
    /// If the list has another base.
    pub fn add<'a>(
        &mut self,
        trials: impl IntoIterator<Item = (&'a str, &'a Config)>,
    ) -> Result<(), SearchError> {
        let base = BaseConfig::new(&self.base()?);
        let known: HashSet<String> = self.trials.iter().map(|trial| trial.name.clone()).collect();
        for (name, config) in trials {
            if !known.contains(name) {
                let set = base.differences(config);
                self.trials.push(Element { name: name.to_owned(), set, until: None });
            }
        }
        Ok(())
    }

    /// All trials.
    pub fn all(&self) -> &[Element] {
        &self.trials
    }

    /// All trials, to set the epoch after which each pauses.
    pub fn all_mut(&mut self) -> &mut [Element] {
        &mut self.trials
    }

    /// The base configuration of all trials.
    ///
    /// # Errors
    /// If the file was changed by hand.
    pub fn base(&self) -> Result<Config, SearchError> {
        Ok(Config::parse(&self.base, &format!("{FILE}: base"))?)
    }

    /// The configuration of a trial, derived from `base`.
    ///
    /// # Errors
    /// If the file was changed by hand.
    pub fn config(&self, base: &Config, element: &Element) -> Result<Config, SearchError> {
        let mut config = base.clone();
        for (field, value) in &element.set {
            let place = || format!("{FILE}: trial {}", element.name);
            config.set(field, value).map_err(|e| SearchError::conflict(place(), e.to_string()))?;
        }
        Ok(config)
    }

    /// The run folder of a trial in the results folder `out`.
    pub fn folder(out: &Path, element: &Element) -> PathBuf {
        out.join(TRIALS).join(&element.name)
    }

    /// Trial `number` as a task, with its data checked.
    ///
    /// # Errors
    /// If there is no such trial, or it cannot be trained.
    pub fn task(&self, out: &Path, number: usize) -> Result<Task, SearchError> {
        let Some(element) = self.trials.get(number) else {
            let count = self.trials.len();
            let problem = match count {
                0 => format!("{}: has no trials", out.display()),
                _ => format!("{} has the trials 0 to {}", out.display(), count - 1),
            };
            return Err(SearchError::grid(format!("--trial {number}"), problem));
        };
        let config = self.config(&self.base()?, element)?;
        let (name, folder) = (element.name.clone(), Self::folder(out, element));
        Ok(Task { name, folder, config, cost: 0, until: element.until })
    }
}
