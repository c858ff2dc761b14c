//! What a reproduction is of: the grid, the epochs, the seeds; and what follows from its results.

use std::path::Path;

use modiste_paper::Study;
use modiste_search::{Grid, Place, Plan, Results, difference, is_of};
use modiste_train::Config;

use clap::ValueEnum;

use crate::cli::{BaselineArg, ReproduceArgs};
use crate::commands::{grid, settings};
use crate::engine;
use crate::failure::Failure;

/// What a reproduction is of, as a results folder keeps it.
const FILE: &str = "reproduction.toml";
const EPOCHS: &str = "training.epochs";
/// The folder of the final run.
pub const FINAL: &str = "final";

/// What a reproduction is of.
pub struct Settings {
    /// The grid; its base is what the final training begins with, but for the epochs.
    pub grid: Grid,
    /// Epochs of the final training.
    pub final_epochs: usize,
    /// Seeds of the ablation.
    pub ablation_seeds: usize,
    /// What the ablation's runs have otherwise than the selected configuration.
    pub ablation_set: Vec<(String, String)>,
    /// What the final model is compared with.
    pub baselines: Vec<BaselineArg>,
}

/// Values that hold unless others are typed.
struct Defaults {
    over: Vec<(String, Vec<String>)>,
    fields: &'static [(&'static str, &'static str)],
    grid_epochs: usize,
    final_epochs: usize,
    ablation_seeds: usize,
}

impl Defaults {
    /// The paper's.
    fn paper() -> Self {
        Self {
            over: modiste_paper::grid_axes(),
            fields: &[],
            grid_epochs: 12,
            final_epochs: 40,
            ablation_seeds: 3,
        }
    }

    /// Enough to see every stage at work, and nothing to draw conclusions from.
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
    /// What was typed, and defaults for the rest.
    ///
    /// # Errors
    /// If it makes no sense, or would have no effect.
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

    /// Notes in the results folder what it is of. More seeds may be asked for later, nothing else.
    ///
    /// # Errors
    /// If the folder is of another reproduction.
    pub fn keep(&self, place: &Place) -> Result<(), Failure> {
        match self.check_place(place.path())? {
            true => Ok(()),
            false => Ok(place.write(FILE, &self.final_base().to_toml())?),
        }
    }

    /// Whether the results folder is of this reproduction already.
    ///
    /// # Errors
    /// If it is of another.
    pub fn check_place(&self, folder: &Path) -> Result<bool, Failure> {
        Ok(is_of(folder, FILE, &self.final_base(), "reproduction")?)
    }

    /// What the final training may be, before the grid has selected: the last combination.
    pub fn likely(&self) -> Config {
        let mut config =
            self.grid.points().last().map_or(self.grid.base(), |point| &point.config).clone();
        config.training.epochs = self.final_epochs;
        config
    }

    /// What the final training begins with, but for what the grid selects.
    fn final_base(&self) -> Config {
        let mut base = self.grid.base().clone();
        base.training.epochs = self.final_epochs;
        base
    }

    /// What the grid chose, and the configuration of the final training with it.
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

    /// Whether the final run, if there is one, is of what is selected now: with more seeds the grid may
    /// choose otherwise.
    ///
    /// # Errors
    /// If it is not, with what to do.
    pub fn check_selected(&self, selected: &Config, out: &Path) -> Result<(), Failure> {
        let folder = out.join(FINAL);
        let Some([field, there, here]) = difference(&folder, "config.toml", selected)? else {
            return Ok(());
        };
        let (folder, out) = (folder.display(), out.display());
        Err(anyhow::anyhow!(
            "{folder}: is of another selection: {field} is {there} there and {here} by the grid's \
             present results; move it and {out}/ablation away, then run the same command again"
        )
        .into())
    }

    /// The ablation of what was selected; what the grid trained is not trained again.
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

    /// What the ablation's variants differ from: the selected configuration at the grid's epochs, with
    /// what was set for the ablation alone.
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
