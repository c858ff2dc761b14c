//! The start of a run: checks that everything fits, and the initial state.

use modiste_data::Dataset;
use modiste_model::{DataIdentity, EpochMetrics, EpochRow};
use modiste_spec::Network;
use modiste_spec::engine::{Loss, State, Tensor};

use super::from;
use crate::{Checkpoint, Progress, Run, TrainError};

/// Everything derived from data, configuration and checkpoint before the first step.
pub(super) struct StartingPoint<'a> {
    /// Labels of the training and of the validation images.
    pub labels: [&'a [u16]; 2],
    pub identity: DataIdentity,
    pub loss: Loss,
    /// A factor of the learning rate for each parameter; empty for 1 each.
    pub rates: Vec<f32>,
    pub state: State,
    pub progress: Progress,
    pub best: Option<Vec<Tensor>>,
    pub rows: Vec<EpochRow>,
    /// Epoch and step of the checkpoint.
    pub saved: Option<(usize, usize)>,
}

impl<'a> StartingPoint<'a> {
    /// State of the checkpoint, or of a new run.
    pub fn find(network: &Network, data: &'a Dataset, run: &Run) -> Result<Self, TrainError> {
        let config = run.config();
        let loss = config.loss_on(data)?;
        let labels =
            [&data.train, &data.validation].map(|part| part.labels.as_deref().unwrap_or_default());
        let identity = DataIdentity::of(data);
        check_engine(network, data)?;
        let checkpoint = run.load_checkpoint()?;
        let saved = checkpoint.as_ref().map(|c| (c.progress.epoch(), c.progress.steps_done));
        let (state, progress, best) = match checkpoint {
            Some(checkpoint) => {
                check(&checkpoint, network, &identity, run)?;
                (checkpoint.state, checkpoint.progress, checkpoint.best)
            }
            None => {
                let state = from::state(network, &config.training, &data.classes)?;
                (state, Progress::default(), None)
            }
        };
        let known = run.known_rows();
        // Rows of metrics.csv count from 1, one per epoch.
        let known =
            |epoch: usize| known.get(epoch.checked_sub(1)?).filter(|r| r.metrics.epoch == epoch);
        let row = |&metrics: &EpochMetrics| {
            let timing = known(metrics.epoch).and_then(|row| row.timing);
            EpochRow { metrics, timing }
        };
        let rows = progress.history.iter().map(row).collect();
        let rates = from::rates(network, config.training.freeze)?;
        Ok(Self { rates, labels, identity, loss, state, progress, best, rows, saved })
    }
}

/// Checks that the engine's network takes these images and has these classes.
fn check_engine(network: &Network, data: &Dataset) -> Result<(), TrainError> {
    let (images, input) = (data.shape(), network.input_shape());
    let (named, known) = (data.classes.len(), network.classes());
    if images != input {
        let problem = format!("takes images of {input}, but those of {} are {images}", data.name);
        return Err(TrainError::config("network", problem));
    }
    if named != known {
        let problem = format!("has {known} classes, {} has {named}", data.name);
        return Err(TrainError::config("network", problem));
    }
    Ok(())
}

fn check(
    checkpoint: &Checkpoint,
    network: &Network,
    identity: &DataIdentity,
    run: &Run,
) -> Result<(), TrainError> {
    let fail = |problem: String| {
        Err(TrainError::file(run.files().checkpoint().display().to_string(), problem))
    };
    let known = checkpoint.network.clone().image_first(network.input_shape());
    if let Some(difference) = difference(&known, network) {
        return fail(format!("is the checkpoint of another network: {difference}"));
    }
    if checkpoint.data != *identity {
        let (old, new) = (&checkpoint.data, identity);
        return fail(format!(
            "was trained on other images: {} of {} (checksum {:08x}), not {} of {} ({:08x})",
            old.images, old.name, old.checksum, new.images, new.name, new.checksum
        ));
    }
    Ok(())
}

/// The first node in which `a` differs from `b`.
fn difference(a: &Network, b: &Network) -> Option<String> {
    let (a, b) = (a.nodes(), b.nodes());
    if a == b {
        return None;
    }
    let at = (0..a.len().min(b.len())).find(|&i| a[i] != b[i]);
    Some(match at {
        Some(i) => format!(
            "node {i} is \"{}\" {:?} {}, not \"{}\" {:?} {}",
            a[i].name, a[i].op, a[i].shape, b[i].name, b[i].op, b[i].shape
        ),
        None => format!("it has {} nodes, not {}", a.len(), b.len()),
    })
}
