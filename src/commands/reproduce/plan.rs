//! The settings of a reproduction (grid, epochs, seeds), and what follows from the results of its grid.

use std::path::Path;

use modiste_paper::Study;
use modiste_search::{Grid, Plan, Results, ResultsFolder, difference, is_of};
use modiste_train::Config;

use clap::ValueEnum;

use crate::cli::{BaselineArg, ReproduceArgs};
use crate::commands::{grid, settings};
use crate::engine;
use crate::failure::Failure;

/// The file in a results folder that holds the settings of the reproduction.
const FILE: &str = "reproduction.toml";
const EPOCHS: &str = "training.epochs";
/// The folder of the final run.
pub const FINAL: &str = "final";

/// The settings of a reproduction.
pub struct Settings {
    /// The grid; except for the epochs, its base is also the base of the final training.
    pub grid: Grid,
    /// Epochs of the final training.
    pub final_epochs: usize,
    /// Seeds of the ablation.
    pub ablation_seeds: usize,
    /// Settings in which the ablation differs from the selected configuration.
    pub ablation_set: Vec<(String, String)>,
    /// The baselines that the final model is compared with.
    pub baselines: Vec<BaselineArg>,
}

/// Values used unless the user gives others.
struct Defaults {
    over: Vec<(String, Vec<String>)>,
    fields: &'static [(&'static str, &'static str)],
    grid_epochs: usize,
    final_epochs: usize,
    ablation_seeds: usize,
}

impl Defaults {
    /// The paper's values.
    fn paper() -> Self {
        Self {
            over: modiste_paper::grid_axes(),
            fields: &[],
            grid_epochs: 12,
            final_epochs: 40,
            ablation_seeds: 3,
        }
    }

    /// Values small enough to show every stage at work; the results mean nothing.
    fn quick() -> Self {
        let values = |values: [&str; 2]| values.map(str::to_owned).to_vec();
        Self {
            over: vec![
                ("network.length".into(), values(["1", "2"])),
                ("network.width".into(), values(["2", "3"])),
                ("network.dropout".into(), values(["0.5", "0.3"])),
            ],
            fields: &[("data.split", "1000/400/400"), ("network.stem_stride", "4")],
            grid_epochs: 3,
            final_epochs: 8,
            ablation_seeds: 3,
        }
    }
}

impl Settings {
    /// The settings from the command line, with defaults for the rest.
    ///
    /// # Errors
    /// If a setting is invalid or has no effect.
    pub fn new(args: &ReproduceArgs) -> Result<Self, Failure> {
        let defaults = if args.quick { Defaults::quick() } else { Defaults::paper() };
        let typed = args.trial.settings.typed();
        let (mut config, _) = settings::begin(&args.trial.base())?;
        for (field, value) in defaults.fields {
            if config.value(field).is_some() {
                config.set(field, value)?;
            }
        }
        let epochs = args.grid_epochs.unwrap_or(defaults.grid_epochs);
        config.training.epochs = epochs;
        settings::apply(&mut config, &typed)?;
        for (field, value) in typed.iter().copied().flatten() {
            if Config::path_of(field).is_ok_and(|path| path == EPOCHS) {
                return Err(Failure::Usage(format!(
                    "{EPOCHS}: {value} has no effect; use --grid-epochs and --final-epochs"
                )));
            }
        }
        let over = if args.over.is_empty() { defaults.over } else { args.over.clone() };
        let grid = Grid::new(config, &over, args.seeds.unwrap_or(1), None).map_err(grid::usage)?;
        if grid.over().iter().any(|axis| axis.field == EPOCHS) {
            return Err(Failure::Usage(format!("{EPOCHS}: cannot be an axis of this grid")));
        }
        if let Some(axis) = grid.over().iter().find(|axis| axis.field.starts_with("data.")) {
            return Err(Failure::Usage(format!(
                "{}: all trials of a reproduction have the same images; use modiste grid instead",
                axis.field
            )));
        }
        grid::check_effect(&grid, &typed)?;
        Ok(Self {
            grid,
            final_epochs: args.final_epochs.unwrap_or(defaults.final_epochs),
            ablation_seeds: args.ablation_seeds.unwrap_or(defaults.ablation_seeds),
            ablation_set: args.ablation_set.clone(),
            baselines: match args.no_baselines {
                true => Vec::new(),
                false if args.baselines.is_empty() => BaselineArg::value_variants().to_vec(),
                false => args.baselines.clone(),
            },
        })
    }

    /// Stores the settings in the results folder. Later only the number of seeds may grow.
    ///
    /// # Errors
    /// If the folder is of another reproduction.
    pub fn keep(&self, folder: &ResultsFolder) -> Result<(), Failure> {
        match self.check_folder(folder.path())? {
            true => Ok(()),
            false => Ok(folder.write(FILE, &self.final_base().to_toml())?),
        }
    }

    /// Whether the results folder already belongs to this reproduction.
    ///
    /// # Errors
    /// If it belongs to another.
    pub fn check_folder(&self, folder: &Path) -> Result<bool, Failure> {
        Ok(is_of(folder, FILE, &self.final_base(), "reproduction")?)
    }

    /// A stand-in for the selection before the grid is done: the last combination.
    pub fn provisional_selection(&self) -> Config {
        let mut config =
            self.grid.points().last().map_or(self.grid.base(), |point| &point.config).clone();
        config.training.epochs = self.final_epochs;
        config
    }

    /// The base of the final training, without the settings that the grid selects.
    fn final_base(&self) -> Config {
        let mut base = self.grid.base().clone();
        base.training.epochs = self.final_epochs;
        base
    }

    /// The settings that the grid selects, and the configuration of the final training.
    ///
    /// # Errors
    /// If no row of the grid is complete.
    pub fn select(&self, results: &Results) -> Result<(Vec<(String, String)>, Config), Failure> {
        let Some(selection) = &results.selection else {
            return Err(anyhow::anyhow!(
                "grid: no combination is complete, so none can be selected"
            )
            .into());
        };
        let values = results.rows[selection.row].values.clone();
        let selected: Vec<(String, String)> = results.fields.iter().cloned().zip(values).collect();
        let mut config = self.grid.points()[selection.row].config.clone();
        config.training.epochs = self.final_epochs;
        config.check()?;
        Ok((selected, config))
    }

    /// Checks that an existing final run has the settings now selected: with more seeds the grid may
    /// select others.
    ///
    /// # Errors
    /// If it does not; the error says what to do.
    pub fn check_selected(&self, selected: &Config, out: &Path) -> Result<(), Failure> {
        let folder = out.join(FINAL);
        let Some([field, there, here]) = difference(&folder, "config.toml", selected)? else {
            return Ok(());
        };
        let (folder, out) = (folder.display(), out.display());
        Err(anyhow::anyhow!(
            "{folder}: was trained with another selection: {field} is {there} there, but {here} by the grid's \
             current results; move it and {out}/ablation away, then run the same command again"
        )
        .into())
    }

    /// The ablation of the selected configuration, which reuses the runs of the grid.
    ///
    /// # Errors
    /// As [`Settings::ablation_base`] and [`Study::new`].
    pub fn study(&self, selected: &Config, grid: &Plan, out: &Path) -> Result<Study, Failure> {
        let base = self.ablation_base(selected)?;
        let known = grid.trials.iter().map(|trial| (trial.config.clone(), grid.folder(trial)));
        let (out, known) = (out.join("ablation"), known.collect());
        Study::new(&base, self.ablation_seeds, &out, known, engine::check_batch)
            .map_err(grid::usage)
    }

    /// The base of the ablation: the selected configuration with the grid's epochs and the settings
    /// given for the ablation.
    ///
    /// # Errors
    /// If those settings do not fit the selected configuration.
    pub fn ablation_base(&self, selected: &Config) -> Result<Config, Failure> {
        let mut config = selected.clone();
        config.training.epochs = self.grid.base().training.epochs;
        settings::apply(&mut config, &[&self.ablation_set])?;
        Ok(config)
    }
}
