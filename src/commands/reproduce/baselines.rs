//! The baselines of a reproduction: each is measured once and stored in `baselines/NAME/baseline.json`.

use std::path::Path;

use anyhow::Context;
use modiste_baselines::{
    BaselineResult, ForestSettings, KnnSettings, LogisticSettings, Settings, SvmSettings,
};
use modiste_data::{Dataset, PartName};
use modiste_files::atomic_write;
use modiste_search::{Shard, Task, read_if_there};
use modiste_train::Config;

use crate::cli::{BaselineArg, WorkerArgs};
use crate::commands::{baseline, model, trials};
use crate::failure::Failure;
use crate::{engine, machine, output, signals};

const FILE: &str = "baseline.json";

/// What baselines are measured with.
pub struct Bench<'a> {
    /// The folder of the reproduction's baselines.
    pub folder: &'a Path,
    /// The configuration that names the data.
    pub config: &'a Config,
    /// The data.
    pub data: &'a Dataset,
    /// Largest number of epochs for networks.
    pub epochs: usize,
    pub workers: &'a WorkerArgs,
}

impl Bench<'_> {
    /// Measures the baselines that have not been measured.
    ///
    /// # Errors
    /// If one cannot be fitted or trained, or a file is broken or cannot be written.
    pub fn run(&self, wanted: &[BaselineArg]) -> Result<Vec<BaselineResult>, Failure> {
        wanted.iter().map(|&which| self.one(which)).collect()
    }

    fn one(&self, which: BaselineArg) -> Result<BaselineResult, Failure> {
        let folder = self.folder.join(which.name());
        let path = folder.join(FILE);
        if let Some(text) = read_if_there(&path)? {
            let problem = || format!("{}: is not the result of a baseline", path.display());
            return Ok(serde_json::from_str(&text).with_context(problem)?);
        }
        if !self.workers.quiet {
            output::note(which.name());
        }
        let result = match which {
            BaselineArg::Svm => self.classic(&Settings::Svm(SvmSettings::default()))?,
            BaselineArg::Logistic => {
                self.classic(&Settings::Logistic(LogisticSettings::default()))?
            }
            BaselineArg::Knn => self.classic(&Settings::Knn(KnnSettings::default()))?,
            BaselineArg::Forest => self.classic(&Settings::Forest(ForestSettings::default()))?,
            BaselineArg::Mlp | BaselineArg::Cnn => self.network(which.name(), &folder)?,
        };
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{}: failed to create", folder.display()))?;
        let text = serde_json::to_string_pretty(&result)? + "\n";
        atomic_write(&path, text.as_bytes())?;
        Ok(result)
    }

    fn threads(&self) -> usize {
        self.workers.threads.unwrap_or_else(machine::available_threads)
    }

    /// Validation, and test if its labels are known.
    fn parts(&self) -> Vec<PartName> {
        let test = &self.data.test;
        let labelled = test.labels.is_some() && !test.is_empty();
        [Some(PartName::Validation), labelled.then_some(PartName::Test)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn classic(&self, settings: &Settings) -> Result<BaselineResult, Failure> {
        let (parts, quiet) = (self.parts(), self.workers.quiet);
        // A fit saves no progress; after an interruption it starts over.
        baseline::measure(settings, self.data, &parts, self.threads(), quiet, signals::stop())
    }

    /// Trains a network as an ordinary run, which can be resumed.
    fn network(&self, preset: &str, folder: &Path) -> Result<BaselineResult, Failure> {
        let mut config = Config::preset(preset)?;
        config.data = self.config.data.clone();
        config.training.seed = self.config.training.seed;
        config.training.epochs = config.training.epochs.min(self.epochs);
        // Not `self.data`, which is flat if the selected network takes flat images.
        let data = config.load_data()?;
        let network = config.network(&data)?;
        let task = Task {
            name: preset.to_owned(),
            folder: folder.to_owned(),
            config: config.clone(),
            cost: network.multiply_adds(),
            until: None,
        };
        let tasks = [task];
        let failed = trials::run_left(&tasks, Shard::WHOLE, self.workers, &mut |_| Ok(()))?;
        trials::check(&failed, 1)?;
        let state = tasks[0].state()?;
        let trained =
            state.numbers().with_context(|| format!("{}: is not done", folder.display()))?;
        let mut engine = engine::new(&network, config.training.batch, self.threads())?;
        engine.load_state(&model::load(folder)?.state())?;
        let outcome = (trained.best.epoch, trained.seconds);
        baseline::of_network(engine.as_mut(), &config, &data, &self.parts(), outcome)
    }
}
