//! The results folder: which grid it is of, who works on it, and its tables.
//!
//! `grid.toml` says which grid; `trials/` has a run folder a trial; `results.csv`, `results.json` and
//! `trials.csv` are written anew after each trial. Processes that share the folder hold a lock on
//! their shard, and for the moment of writing one on the folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;
use modiste_search::{results_csv, trials_csv};
use modiste_train::atomic_write;

use super::{Failure, Grid, Plan, Results, SearchError, Shard, results};

const GRID_FILE: &str = "grid.toml";

/// A results folder that this process may work on.
pub struct Place {
    out: PathBuf,
    /// Held as long as the process works on the shard.
    _shard: File,
}

impl Place {
    /// The folder `out` for `shard` of `grid`; made if it is not there.
    ///
    /// # Errors
    /// If it cannot be written, is another grid's, or another process is at this shard.
    pub fn open(out: &Path, shard: Shard, grid: &Grid) -> Result<Self, Failure> {
        std::fs::create_dir_all(out)
            .with_context(|| format!("{}: failed to create", out.display()))?;
        let lock = open(&out.join(shard.lock_file()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let out = out.display();
                return Err(anyhow::anyhow!(
                    "{out}: is in use: another process is at shard {shard} of its grid"
                )
                .into());
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("{}: failed to lock", out.display()))
                    .into());
            }
        }
        let place = Self { out: out.to_owned(), _shard: lock };
        let _folder = place.lock()?;
        if check(out, grid)?.as_ref() != Some(grid) {
            atomic_write(&out.join(GRID_FILE), grid.to_toml().as_bytes())?;
        }
        Ok(place)
    }

    /// Writes the tables of what is done by now, and gives them.
    ///
    /// # Errors
    /// If a file cannot be written, or a trial's folder holds another run.
    pub fn write(&self, plan: &Plan) -> Result<Results, Failure> {
        let _folder = self.lock()?;
        let results = Results::new(&plan.grid, &plan.states()?, &plan.sizes, plan.fashion);
        let json = serde_json::to_string_pretty(&results::json(&self.out, &results))?;
        atomic_write(&self.out.join("results.csv"), results_csv(&results).as_bytes())?;
        atomic_write(&self.out.join("trials.csv"), trials_csv(&results).as_bytes())?;
        atomic_write(&self.out.join("results.json"), format!("{json}\n").as_bytes())?;
        Ok(results)
    }

    /// The folder's lock, held by whoever writes a file that all shards write.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.out.join(".lock");
        let file = open(&path)?;
        file.lock().with_context(|| format!("{}: failed to lock", path.display()))?;
        Ok(file)
    }
}

/// The grid that `out` is of, if it is of one; `grid` must be that, or grown from it.
///
/// # Errors
/// If it is another, or its file is broken.
pub fn check(out: &Path, grid: &Grid) -> Result<Option<Grid>, Failure> {
    let path = out.join(GRID_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| format!("{name}: failed to read"))?;
    let old = Grid::parse(&text, &name)?;
    grid.check_grown_from(&old, &out.display().to_string()).map_err(SearchError::from)?;
    Ok(Some(old))
}

fn open(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    file.with_context(|| format!("{}: failed to open", path.display()))
}
