//! Progress of a run: the state of the loop that a resumed run needs.

use modiste_model::EpochMetrics;
use modiste_spec::engine::Totals;
use serde::{Deserialize, Serialize};

use crate::{Config, PlateauState};

/// State of early stopping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppingState {
    /// The best score so far (accuracy, or minus the loss); `None` before the first epoch.
    pub best: Option<f64>,
    /// Epochs in a row that did not improve on it by more than `min_delta`.
    pub waited: usize,
    /// Whether that was enough to stop.
    pub stopped: bool,
}

impl StoppingState {
    /// Resets the waiting, because the user wants more epochs.
    pub(crate) fn go_on(&mut self) {
        (self.waited, self.stopped) = (0, false);
    }
}

/// Progress of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The completed epochs.
    pub history: Vec<EpochMetrics>,
    /// Completed steps of the current epoch.
    pub steps_done: usize,
    /// Sums over those steps.
    pub totals: Totals,
    /// The learning rate of the last step; `None` before the first.
    pub learning_rate: Option<f64>,
    /// State of a plateau schedule.
    pub plateau: PlateauState,
    /// State of early stopping.
    pub stopping: StoppingState,
    /// The best epoch, from 1; `None` before the first has ended.
    pub best_epoch: Option<usize>,
}

impl Progress {
    /// The current epoch, from 1.
    pub fn epoch(&self) -> usize {
        self.history.len() + 1
    }

    /// Whether there is nothing left to do.
    pub fn ended(&self, config: &Config) -> bool {
        self.stopping.stopped || self.history.len() >= config.training.epochs
    }

    /// The metrics of the best epoch.
    pub fn best(&self) -> Option<&EpochMetrics> {
        self.history.get(self.best_epoch?.checked_sub(1)?)
    }

    /// Completes the current epoch; returns whether it is the best so far.
    pub fn end_epoch(&mut self, metrics: EpochMetrics, config: &Config) -> bool {
        let by = config.training.select_by;
        let best = self.best().is_none_or(|best| metrics.better_than(best, by));
        if best {
            self.best_epoch = Some(metrics.epoch);
        }
        if let Some(loss) = metrics.validation_loss {
            self.plateau.epoch_ended(&config.training.schedule, loss);
        }
        if let Some(score) = metrics.score(by) {
            self.watch(score, config);
        }
        self.history.push(metrics);
        self.steps_done = 0;
        self.totals = Totals::default();
        best
    }

    /// Applies the rule of early stopping, as in Keras' `EarlyStopping`.
    fn watch(&mut self, score: f64, config: &Config) {
        let rule = &config.training.early_stopping;
        if rule.patience == 0 {
            return;
        }
        let state = &mut self.stopping;
        if state.best.is_none_or(|best| score > best + rule.min_delta) {
            state.best = Some(score);
            state.waited = 0;
        } else {
            state.waited += 1;
            state.stopped = state.waited >= rule.patience;
        }
    }
}

#[cfg(test)]
mod tests {
    use modiste_model::SelectBy;

    use super::*;

    /// The best epoch after epochs of these validation accuracies and losses.
    fn best_of(select_by: SelectBy, epochs: &[[f64; 2]]) -> usize {
        let mut config = Config::light();
        config.training.select_by = select_by;
        let mut progress = Progress::default();
        for &[validation_accuracy, validation_loss] in epochs {
            progress.end_epoch(metrics(&progress, validation_accuracy, validation_loss), &config);
        }
        progress.best_epoch.unwrap()
    }

    fn metrics(progress: &Progress, accuracy: f64, loss: f64) -> EpochMetrics {
        EpochMetrics {
            epoch: progress.epoch(),
            learning_rate: 1.0,
            train_loss: 1.0,
            train_accuracy: 0.5,
            validation_loss: Some(loss),
            validation_accuracy: Some(accuracy),
            validation_auroc: None,
            current: None,
        }
    }

    #[test]
    fn ties_are_broken_by_the_other_number_and_then_by_order() {
        let epochs = [[0.8, 0.5], [0.9, 0.6], [0.9, 0.55], [0.9, 0.55], [0.7, 0.4], [0.75, 0.4]];
        assert_eq!(best_of(SelectBy::Accuracy, &epochs), 3);
        assert_eq!(best_of(SelectBy::Loss, &epochs), 6);
        assert_eq!(best_of(SelectBy::Loss, &epochs[..5]), 5);
        assert_eq!(best_of(SelectBy::Accuracy, &epochs[..1]), 1);
    }

    #[test]
    fn patience_counts_epochs_in_a_row() {
        let mut config = Config::light();
        config.training.epochs = 100;
        config.training.early_stopping.patience = 2;
        config.training.early_stopping.min_delta = 0.01;
        let mut progress = Progress::default();
        // The third improves by too little, the fourth by enough, and then two do not.
        for (i, accuracy) in [0.5, 0.6, 0.605, 0.62, 0.63, 0.4].into_iter().enumerate() {
            assert!(!progress.ended(&config), "after {i} epochs");
            progress.end_epoch(metrics(&progress, accuracy, 1.0), &config);
        }
        assert!(progress.ended(&config));
        // The best epoch does not depend on min_delta.
        assert_eq!(progress.best_epoch, Some(5));
    }
}
