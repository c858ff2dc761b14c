//! A search: rounds of configurations drawn from a space, rungs of successive halving, and results.
//!
//! The search keeps no state in memory. `search.toml` has the request, the list of elements the drawn trials,
//! and the run folders their progress. These files determine what to train next, so a search continues
//! where it stopped, on one machine or many.

use std::path::{Path, PathBuf};

use modiste_data::Dataset;
use modiste_files::atomic_write;
use modiste_model::{EpochMetrics, RunFolder, perhaps_newer, read_metrics};
use modiste_train::Config;
use serde::Serialize;

use crate::{
    Budget, Coordinates, Draws, Elements, Halving, Measure, Observation, Search, SearchError,
    Spread, Status, TrialPhase, file_name, label, read_if_there,
};

const FILE: &str = "search.toml";
const COMMAND: &str = "search";
/// Number of attempts at drawing a configuration that is new and within the budget.
const ATTEMPTS: u64 = 200;

/// A drawn configuration and its results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its number.
    pub number: usize,
    /// The value of each field; empty if the configuration does not have the field.
    pub values: Vec<String>,
    /// Its coordinates.
    #[serde(skip)]
    pub coordinates: Coordinates,
    /// Folder of its first run.
    pub run: String,
    /// Number of epochs planned so far.
    pub epochs: usize,
    /// Whether it was trained to its end.
    pub finished: bool,
    /// Mean objective over its seeds after the planned epochs; `None` while they are not done.
    pub score: Option<Spread>,
    /// Whether a run of it failed.
    pub failed: bool,
    /// Its objective after the epochs of the first rung, for which all candidates have a value.
    pub first: Option<f64>,
}

/// A search and its results folder.
pub struct SearchFolder {
    /// The request.
    pub search: Search,
    out: PathBuf,
    elements: Elements,
}

impl SearchFolder {
    /// Opens the search in the results folder `out`, or starts a new one.
    ///
    /// # Errors
    /// If the folder belongs to another search, or the budget admits nothing; then nothing is written.
    pub fn open(search: Search, out: &Path, measure: Measure<'_>) -> Result<Self, SearchError> {
        search.check()?;
        let text = toml::to_string(&search).expect("a search holds nothing that TOML cannot hold");
        if let Some(old) = Self::stored(out)? {
            // The same search may ask for more trials.
            if (Search { trials: search.trials, ..old }) != search {
                let problem = "belongs to another search; choose another folder with --out";
                return Err(SearchError::conflict(out.display().to_string(), problem));
            }
        }
        let elements = match Elements::load(out)? {
            Some(elements) => elements,
            None => Elements::new(COMMAND, &search.base),
        };
        let folder = Self { search, out: out.to_owned(), elements };
        if folder.elements.all().is_empty() && folder.search.budget != Budget::default() {
            folder.draw(0, &[], &folder.search.base.load_data()?, measure)?;
        }
        folder.elements.save(out)?;
        atomic_write(&out.join(FILE), text.as_bytes())?;
        Ok(folder)
    }

    /// Opens the existing search in the results folder `out`.
    ///
    /// # Errors
    /// If there is no search.
    pub fn of_folder(out: &Path) -> Result<Self, SearchError> {
        let missing = || {
            let problem = format!("has no search: {FILE} or elements.json is missing");
            SearchError::conflict(out.display().to_string(), problem)
        };
        let search = Self::stored(out)?.ok_or_else(missing)?;
        let elements = Elements::load(out)?.ok_or_else(missing)?;
        Ok(Self { search, out: out.to_owned(), elements })
    }

    fn stored(out: &Path) -> Result<Option<Search>, SearchError> {
        let path = out.join(FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        let name = path.display().to_string();
        let search: Search = toml::from_str(&text)
            .map_err(|e| perhaps_newer(&e.message().trim().replace('\n', ", ")))
            .map_err(|problem| SearchError::conflict(&name, problem))?;
        search.check().map_err(|e| SearchError::conflict(name, e.to_string()))?;
        Ok(Some(search))
    }

    /// The list of trials.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// Returns the numbers of the elements to train. If everything planned is trained, plans the next
    /// configurations or the next rung first; the list is empty when the search has ended.
    ///
    /// # Errors
    /// If a file is broken or cannot be written, or the budget admits nothing.
    pub fn advance(&mut self, measure: Measure<'_>) -> Result<Vec<usize>, SearchError> {
        let open = self.open_elements()?;
        if !open.is_empty() {
            return Ok(open);
        }
        let candidates = self.candidates()?;
        let drawn = match candidates.len() < self.search.trials {
            true => self.draw_round(&candidates, measure)?,
            false => false,
        };
        if !drawn && !self.promote(&candidates) {
            return Ok(Vec::new());
        }
        self.elements.save(&self.out)?;
        self.open_elements()
    }

    /// The planned elements that are neither done nor failed.
    fn open_elements(&self) -> Result<Vec<usize>, SearchError> {
        let open =
            |s: &TrialPhase| matches!(s, TrialPhase::Waiting { .. } | TrialPhase::Running { .. });
        Ok(Status::read(&self.out)?.numbers(open))
    }

    /// Draws the next round of configurations; `false` if there are no new ones.
    fn draw_round(
        &mut self,
        known: &[Candidate],
        measure: Measure<'_>,
    ) -> Result<bool, SearchError> {
        let until = Some(self.search.rungs()[0]).filter(|&e| e < self.search.base.training.epochs);
        let end = self.search.trials.min(known.len() + self.search.round);
        let before = self.elements.all().len();
        let data = self.search.base.load_data()?;
        for number in known.len()..end {
            let Some(config) = self.draw(number, known, &data, measure)? else { break };
            for (name, config) in self.runs_of(&config) {
                self.elements.add([(name.as_str(), &config)])?;
            }
        }
        for element in &mut self.elements.all_mut()[before..] {
            element.until = until;
        }
        Ok(self.elements.all().len() > before)
    }

    /// Draws configuration `number`, which is new and within the budget; `None` if no attempt finds one.
    fn draw(
        &self,
        number: usize,
        known: &[Candidate],
        data: &Dataset,
        measure: Measure<'_>,
    ) -> Result<Option<Config>, SearchError> {
        let Search { space, base, sampler, seed, .. } = &self.search;
        let dimensions = space.dimensions();
        // Configurations that failed are worse than all others.
        let loss = |c: &Candidate| c.first.map_or(f64::INFINITY, |v| self.search.objective.loss(v));
        let tried: Vec<(Coordinates, f64)> =
            known.iter().map(|c| (c.coordinates.clone(), loss(c))).collect();
        let alone = |at: usize| -> Vec<Observation> {
            tried.iter().filter_map(|(coordinates, loss)| Some((coordinates[at]?, *loss))).collect()
        };
        let mut refused: Option<String> = None;
        for attempt in 0..ATTEMPTS {
            let mut draws = Draws::new(*seed, number, attempt);
            let together = sampler.draw_together(dimensions, &tried, &mut draws);
            let config = space.configuration(base, |at, dimension| {
                together[at].unwrap_or_else(|| sampler.draw(dimension, &alone(at), &mut draws))
            })?;
            if config.check().is_err() {
                continue;
            }
            let (name, _) = self.runs_of(&config).swap_remove(0);
            if self.elements.all().iter().any(|element| element.name == name) {
                continue;
            }
            match self.search.budget.exceeded_by(&config.network(data)?, measure)? {
                None => return Ok(Some(config)),
                Some(why) => refused = Some(why),
            }
        }
        match refused {
            Some(why) if known.is_empty() && number == 0 => Err(SearchError::grid(
                "the budget",
                format!(
                    "admits none of {ATTEMPTS} networks that were drawn; the last one has {why}"
                ),
            )),
            _ => Ok(None),
        }
    }

    /// The runs of a configuration, one per seed, by name.
    fn runs_of(&self, config: &Config) -> Vec<(String, Config)> {
        let Search { space, base, seeds, .. } = &self.search;
        let values: Vec<(&str, String)> = space
            .dimensions()
            .iter()
            .filter_map(|d| Some((label(&d.field), config.value(&d.field)?)))
            .collect();
        let run = |seed: u64| {
            let mut config = config.clone();
            config.training.seed = seed;
            let seed = seed.to_string();
            let settings = values.iter().map(|(label, value)| (*label, value.as_str()));
            (file_name(settings.chain([("seed", seed.as_str())])), config)
        };
        (base.training.seed..).take(*seeds).map(run).collect()
    }

    /// Plans the next rung for the best of the highest rung so far; `false` if there is none.
    fn promote(&mut self, candidates: &[Candidate]) -> bool {
        let Some(Halving { factor, .. }) = self.search.halving else { return false };
        let (rungs, seeds) = (self.search.rungs(), self.search.seeds);
        let Some(highest) = candidates.iter().map(|c| c.epochs).max() else { return false };
        let Some(rung) = rungs.iter().position(|&epochs| epochs == highest) else { return false };
        let Some(&next) = rungs.get(rung + 1) else { return false };
        let here: Vec<(f64, usize)> = candidates
            .iter()
            .filter(|c| c.epochs == highest && !c.failed)
            .filter_map(|c| Some((self.search.objective.loss(c.score?.mean), c.number)))
            .collect();
        let here = survivors(here, factor);
        let until = Some(next).filter(|&epochs| epochs < self.search.base.training.epochs);
        for &number in &here {
            for element in &mut self.elements.all_mut()[number * seeds..(number + 1) * seeds] {
                element.until = until;
            }
        }
        !here.is_empty()
    }

    /// All drawn configurations.
    ///
    /// # Errors
    /// If a file is broken.
    pub fn candidates(&self) -> Result<Vec<Candidate>, SearchError> {
        let status = Status::read(&self.out)?;
        let base = self.elements.base()?;
        let all = self.search.base.training.epochs;
        let first_rung = self.search.rungs()[0];
        let of = |(number, statuses): (usize, &[crate::TrialStatus])| {
            let element = &self.elements.all()[number * self.search.seeds];
            let config = self.elements.config(&base, element)?;
            let epochs = element.until.unwrap_or(all);
            let trained = |trial: &crate::TrialStatus| {
                matches!(trial.phase, TrialPhase::Done { .. } | TrialPhase::Paused { .. })
            };
            let failed =
                statuses.iter().any(|trial| matches!(trial.phase, TrialPhase::Failed { .. }));
            let values = |epochs: usize| -> Option<Vec<f64>> {
                let mut values = Vec::new();
                for trial in statuses {
                    let folder = Elements::folder(&self.out, &self.elements.all()[trial.trial]);
                    let rows = read_metrics(&RunFolder::new(folder).metrics()).ok()?;
                    let rows: Vec<EpochMetrics> =
                        rows.iter().map(|row| row.metrics).take(epochs).collect();
                    values.push(self.search.objective.of(&rows)?);
                }
                Some(values)
            };
            let ready = statuses.iter().all(trained);
            let spread = |epochs| ready.then(|| Spread::of(&values(epochs)?)).flatten();
            let value = |d: &crate::Dimension| config.value(&d.field).unwrap_or_default();
            Ok(Candidate {
                number,
                values: self.search.space.dimensions().iter().map(value).collect(),
                coordinates: self.search.space.coordinates(&config),
                run: element.name.clone(),
                epochs,
                finished: statuses.iter().all(|t| matches!(t.phase, TrialPhase::Done { .. })),
                score: spread(epochs),
                failed,
                first: spread(first_rung).map(|spread| spread.mean),
            })
        };
        status.trials.chunks(self.search.seeds).enumerate().map(of).collect()
    }

    /// The best configuration, among those trained to their end if there are any.
    pub fn best<'a>(&self, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
        let loss = |c: &Candidate| c.score.map(|score| self.search.objective.loss(score.mean));
        let known = candidates.iter().filter(|c| !c.failed && loss(c).is_some());
        known.min_by(|a, b| {
            let key = |c: &Candidate| (c.finished, c.epochs);
            key(b).cmp(&key(a)).then(loss(a).unwrap_or(0.0).total_cmp(&loss(b).unwrap_or(0.0)))
        })
    }

    /// Total number of trained epochs of all runs.
    ///
    /// # Errors
    /// If a file is broken.
    pub fn epochs_trained(&self) -> Result<usize, SearchError> {
        let status = Status::read(&self.out)?;
        let of = |trial: &crate::TrialStatus| {
            let folder = Elements::folder(&self.out, &self.elements.all()[trial.trial]);
            read_metrics(&RunFolder::new(folder).metrics()).map_or(0, |rows| rows.len())
        };
        Ok(status.trials.iter().map(of).sum())
    }

    /// Writes `results.csv`, `results.json` and `search.html`.
    ///
    /// # Errors
    /// If a file is broken or cannot be written.
    pub fn write(&self) -> Result<Vec<Candidate>, SearchError> {
        let candidates = self.candidates()?;
        let write = |name: &str, text: &str| atomic_write(&self.out.join(name), text.as_bytes());
        write("results.csv", &self.csv(&candidates))?;
        write("results.json", &format!("{:#}\n", self.json(&candidates)))?;
        write("search.html", &crate::search_page::page(self, &candidates, &self.out))?;
        Ok(candidates)
    }

    /// The results as one JSON object.
    pub fn json(&self, candidates: &[Candidate]) -> serde_json::Value {
        let dimensions = self.search.space.dimensions();
        let fields: Vec<&str> = dimensions.iter().map(|d| d.field.as_str()).collect();
        let best = self.best(candidates);
        serde_json::json!({
            "out": self.out.display().to_string(),
            "objective": self.search.objective,
            "fields": fields,
            "importance": crate::importance(self, candidates),
            "best": best.map(|best| best.number),
            "command": best.map(|best| self.command(best)),
            "trials": candidates,
        })
    }

    /// The command that trains a configuration again.
    pub fn command(&self, candidate: &Candidate) -> String {
        let config = self.out.join(crate::TRIALS).join(&candidate.run).join("config.toml");
        format!("modiste train --config {}", crate::shell(&config.display().to_string()))
    }

    fn csv(&self, candidates: &[Candidate]) -> String {
        let dimensions = self.search.space.dimensions();
        let mut header = vec!["trial".to_owned()];
        header.extend(dimensions.iter().map(|d| label(&d.field).to_owned()));
        header.extend(["epochs", "objective", "objective_deviation", "state"].map(str::to_owned));
        let mut rows = vec![header];
        for candidate in candidates {
            let mut row = vec![candidate.number.to_string()];
            row.extend(candidate.values.iter().map(|v| modiste_model::guarded(v).into_owned()));
            let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            row.push(candidate.epochs.to_string());
            row.push(number(candidate.score.map(|score| score.mean)));
            row.push(number(candidate.score.and_then(|score| score.deviation)));
            row.push(candidate.state().to_owned());
            rows.push(row);
        }
        modiste_model::csv_text(rows)
    }
}

impl Candidate {
    /// The state of a candidate in one word.
    pub fn state(&self) -> &'static str {
        match (self.failed, self.finished, self.score.is_some()) {
            (true, ..) => "failed",
            (false, true, _) => "done",
            (false, false, true) => "paused",
            (false, false, false) => "open",
        }
    }
}

/// The best `1 / factor` of some trials, and at least one, by loss and number. Among equal losses, lower
/// numbers come first.
pub fn survivors(mut trials: Vec<(f64, usize)>, factor: usize) -> Vec<usize> {
    trials.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    trials.truncate(trials.len().div_ceil(factor));
    trials.into_iter().map(|(_, number)| number).collect()
}
