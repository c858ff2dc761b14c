//! The checkpoint: everything needed to resume training with the same results.
//!
//! The file is 8 bytes of magic, a safetensors file, and the CRC-32 (little endian) of both. The
//! metadata holds `config` (TOML), `network`, `data` and `progress` (JSON); the tensors are named
//! `parameters/NAME`, `SLOT/NAME` for each slot of the engine's state (as in
//! `first_moments/dense.weight`), and `best/NAME` for the parameters of the best epoch so far. It
//! contains no times, so the same run at the same step has the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use modiste_files::read;
use modiste_model::tensors::{self, Metadata, Reader};
use modiste_model::{DataIdentity, other_format};
use modiste_spec::Network;
use modiste_spec::engine::{AVERAGE, State, Tensor};

use crate::{Config, Progress, TrainError};

/// The last byte is the version of the format.
const MAGIC: &[u8; 8] = b"mdstckp1";
/// Groups of tensors that are not slots of the state.
const PARAMETERS: &str = "parameters";
const BEST: &str = "best";
/// Largest checkpoint that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 1 << 32;

/// The state of a run at the end of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The run's configuration.
    pub config: Config,
    /// The configuration.
    pub network: Network,
    /// The training data.
    pub data: DataIdentity,
    /// Progress of the run.
    pub progress: Progress,
    /// Parameters, running statistics and slots.
    pub state: State,
    /// Parameters and running statistics of the best epoch; `None` before the first has ended.
    pub best: Option<Vec<Tensor>>,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// As [`parse_checkpoint`], or if the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        parse_checkpoint(&read(path, MAX_BYTES)?, &path.display().to_string())
    }

    /// The contents of the file `last.ckpt`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = |value: Result<String, serde_json::Error>| value.expect("plain data is JSON");
        let metadata: Metadata = [
            ("config", self.config.to_toml()),
            ("network", json(serde_json::to_string(&self.network))),
            ("data", json(serde_json::to_string(&self.data))),
            ("progress", json(serde_json::to_string(&self.progress))),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        let slots = self.state.slots.iter().map(|(name, tensors)| (name.as_str(), &tensors[..]));
        let groups = [(PARAMETERS, &self.state.parameters[..])].into_iter().chain(slots);
        let groups = groups.chain([(BEST, self.best.as_deref().unwrap_or_default())]);
        let tensors = groups.flat_map(|(group, tensors)| {
            tensors.iter().map(move |t| (format!("{group}/{}", t.name), t))
        });
        let mut bytes = MAGIC.to_vec();
        bytes.extend(tensors::write(&metadata, &tensors.collect::<Vec<_>>()));
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }
}

/// Reads the bytes of a checkpoint; errors name the file `name`.
///
/// # Errors
/// If the checksum differs, an entry or tensor is missing, unexpected or of another shape, a value is
/// not finite, or the parts contradict each other.
pub fn parse_checkpoint(bytes: &[u8], name: &str) -> Result<Checkpoint, TrainError> {
    let mut reader = Reader::new(verified(bytes, name)?, name)?;
    let config = Config::parse(reader.text("config")?, &format!("{name}: config"))?;
    let network: Network = reader.json("network")?;
    let data: DataIdentity = reader.json("data")?;
    let progress: Progress = reader.json("progress")?;
    let all = network.parameters();
    let known = |slot: &str| slot == AVERAGE || config.training.optimiser.slots().contains(&slot);
    let mut slots = BTreeMap::new();
    for slot in reader.groups().into_iter().filter(|group| ![PARAMETERS, BEST].contains(&&**group))
    {
        if !known(&slot) {
            let kind = config.training.optimiser.kind();
            return Err(reader
                .error(format!("holds {slot:?}, which the optimiser {kind} does not keep"))
                .into());
        }
        let wanted = all.iter().filter(|p| State::slot_has(&slot, p));
        let tensors = reader.take(&format!("{slot}/"), wanted)?;
        slots.insert(slot, tensors);
    }
    let parameters = reader.take(&format!("{PARAMETERS}/"), all.iter())?;
    let best = match progress.best_epoch {
        Some(_) => Some(reader.take(&format!("{BEST}/"), all.iter())?),
        None => None,
    };
    reader.finish()?;
    check_progress(&progress, &config, &data).map_err(|problem| reader.error(problem))?;
    let state = State { parameters, slots };
    Ok(Checkpoint { config, network, data, progress, state, best })
}

/// Checks magic and checksum; returns the bytes between them.
fn verified<'a>(bytes: &'a [u8], name: &str) -> Result<&'a [u8], TrainError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        if let Some(found) = bytes.get(..8).filter(|found| found[..7] == MAGIC[..7]) {
            let [found, known] = [found, MAGIC].map(String::from_utf8_lossy);
            return Err(TrainError::file(name, other_format(&found, &known, None)));
        }
        return Err(TrainError::file(name, "is not a checkpoint: its first 8 bytes are wrong"));
    };
    let whole = rest.split_last_chunk::<4>().filter(|(_, checksum)| {
        crc32fast::hash(&bytes[..bytes.len() - 4]) == u32::from_le_bytes(**checksum)
    });
    let damaged =
        || TrainError::file(name, "the checksum differs: the file was damaged or truncated");
    whole.map(|(payload, _)| payload).ok_or_else(damaged)
}

/// Rejects impossible counters, which would otherwise cause errors much later.
fn check_progress(progress: &Progress, config: &Config, data: &DataIdentity) -> Result<(), String> {
    let done = progress.history.len();
    let steps = data.images.div_ceil(config.training.batch);
    let fits = [
        ("history", done <= config.training.epochs),
        ("history", progress.history.iter().enumerate().all(|(i, m)| m.epoch == i + 1)),
        ("best_epoch", progress.best().is_some() == (done > 0)),
        ("steps_done", progress.steps_done <= steps),
        ("totals", progress.totals.images <= data.images),
        ("totals", progress.totals.correct <= progress.totals.images),
    ];
    match fits.iter().find(|(_, fits)| !fits) {
        Some((field, _)) => Err(format!("metadata entry \"progress\": {field} is impossible")),
        None => Ok(()),
    }
}
