//! Progress of many runs on stderr: a table that changes on a terminal, plain lines elsewhere,
//! nothing when quiet.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use modiste_model::EpochMetrics;
use modiste_train::{Event, Observer};
use modiste_views::Table;

use super::duration;

use crate::output;

/// Largest number of rows on a terminal; with more trials, only those in training are shown.
const MOST_ROWS: usize = 20;

/// Shows the progress of many runs; shared by the threads that train them.
pub struct Board {
    inner: Mutex<Inner>,
}

/// State of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialState {
    /// No process trains it.
    Waiting,
    /// This process trains it.
    Training,
    /// Another process trains it.
    InUse,
    /// It is complete.
    Done,
    /// It cannot be trained.
    Failed,
}

struct Inner {
    show: Show,
    began: Instant,
    lines: Vec<TrialLine>,
}

enum Show {
    Nothing,
    /// The table, on a terminal.
    Table(ProgressBar),
    Lines,
}

/// One trial.
struct TrialLine {
    name: String,
    state: TrialState,
    /// Cost of its training, in any unit.
    cost: f64,
    epochs: usize,
    /// Epochs done, with the fraction of the current one.
    position: f64,
    /// Epochs that were done before this process resumed it.
    began_at: f64,
    /// The metrics of the best epoch so far.
    best: Option<EpochMetrics>,
}

impl Board {
    /// A board of trials by name and cost (in any unit); on stderr unless `quiet`.
    pub fn new(trials: Vec<(String, u64)>, quiet: bool) -> Self {
        let show = if quiet || trials.is_empty() {
            Show::Nothing
        } else if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
            Show::Table(ProgressBar::new(0).with_style(style))
        } else {
            Show::Lines
        };
        let line = |(name, cost): (String, u64)| TrialLine {
            name,
            state: TrialState::Waiting,
            cost: cost as f64,
            epochs: 1,
            position: 0.0,
            began_at: 0.0,
            best: None,
        };
        let lines = trials.into_iter().map(line).collect();
        Self { inner: Mutex::new(Inner { show, began: Instant::now(), lines }) }
    }

    /// An observer for the run of trial `index`.
    pub fn observer(&self, index: usize) -> impl Observer + '_ {
        move |event: &Event<'_>| self.lock().event(index, event)
    }

    /// Sets the state of trial `index`.
    pub fn set(&self, index: usize, state: TrialState) {
        let mut inner = self.lock();
        if inner.lines[index].state != state {
            inner.lines[index].state = state;
            let name = inner.lines[index].name.clone();
            let (over, all) = (inner.over(), inner.lines.len());
            match state {
                TrialState::Done => inner.say(|| format!("{name}: done, {over} of {all}")),
                TrialState::InUse => {
                    inner.say(|| format!("{name}: another process is training it"))
                }
                TrialState::Failed => inner.say(|| format!("{name}: failed, {over} of {all}")),
                TrialState::Waiting | TrialState::Training => {}
            }
            inner.draw();
        }
    }

    /// Removes the table from the terminal.
    pub fn close(&self) {
        if let Show::Table(bar) = &self.lock().show {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no worker panicked")
    }
}

impl Inner {
    /// Prints a line if there is no terminal.
    fn say(&self, line: impl FnOnce() -> String) {
        if let Show::Lines = self.show {
            output::note(&line());
        }
    }

    fn draw(&self) {
        if let Show::Table(bar) = &self.show {
            bar.set_message(self.text());
        }
    }

    /// Trials that need no more work.
    fn over(&self) -> usize {
        let over = |line: &&TrialLine| matches!(line.state, TrialState::Done | TrialState::Failed);
        self.lines.iter().filter(over).count()
    }

    fn event(&mut self, index: usize, event: &Event<'_>) {
        let line = &mut self.lines[index];
        match *event {
            Event::Started { config, history, steps, steps_done, .. } => {
                line.state = TrialState::Training;
                line.epochs = config.training.epochs.max(1);
                line.position = history.len() as f64 + steps_done as f64 / steps.max(1) as f64;
                line.began_at = line.position;
                let metrics = history.iter().map(|row| row.metrics);
                let accuracy = |m: &EpochMetrics| m.validation_accuracy.unwrap_or_default();
                line.best = metrics.max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)));
                let (name, epoch) = (line.name.clone(), history.len() + 1);
                let verb = if line.position == 0.0 { "starts" } else { "continues" };
                self.say(|| format!("{name}: {verb} in epoch {epoch}"));
            }
            Event::Step { epoch, step, steps, .. } => {
                line.position = (epoch - 1) as f64 + step as f64 / steps.max(1) as f64;
            }
            Event::EpochEnded { metrics, best, .. } => {
                if best {
                    line.best = Some(*metrics);
                }
                line.position = metrics.epoch as f64;
                let (name, epochs, m) = (line.name.clone(), line.epochs, *metrics);
                let left = self.left();
                self.say(|| {
                    format!(
                        "{name}: epoch {}/{epochs}  train accuracy {:.4}  validation accuracy \
                         {:.4}{}  left {left}",
                        m.epoch,
                        m.train_accuracy,
                        m.validation_accuracy.unwrap_or_default(),
                        if best { "  best" } else { "" },
                    )
                });
            }
            Event::Validating { .. } | Event::Written { .. } | Event::Ended { .. } => return,
        }
        self.draw();
    }

    /// Estimated time of the trials left to this process, from its speed so far.
    fn left(&self) -> String {
        let cost = |epochs: f64, line: &TrialLine| line.cost * epochs / line.epochs as f64;
        let made: f64 = self.lines.iter().map(|l| cost(l.position - l.began_at, l)).sum();
        let open = |l: &&TrialLine| matches!(l.state, TrialState::Waiting | TrialState::Training);
        let to_come: f64 = self
            .lines
            .iter()
            .filter(open)
            .map(|l| cost((l.epochs as f64 - l.position).max(0.0), l))
            .sum();
        if made <= 0.0 {
            return "-".to_owned();
        }
        duration(self.began.elapsed().as_secs_f64() * to_come / made)
    }

    /// The table.
    fn text(&self) -> String {
        let mut table = Table::new(2, ["trial", "state", "epoch", "train acc", "validation acc"]);
        let few = self.lines.len() <= MOST_ROWS;
        let shown = |line: &&TrialLine| few || line.state == TrialState::Training;
        for line in self.lines.iter().filter(shown).take(MOST_ROWS) {
            let state = match line.state {
                TrialState::Waiting => "waiting",
                TrialState::Training => "training",
                TrialState::InUse => "in use elsewhere",
                TrialState::Done => "done",
                TrialState::Failed => "failed",
            };
            let epoch = match line.state {
                TrialState::Waiting | TrialState::InUse => String::new(),
                _ => format!("{:.1}/{}", line.position, line.epochs),
            };
            let best = |of: fn(&EpochMetrics) -> f64| {
                line.best.as_ref().map_or_else(String::new, |best| format!("{:.4}", of(best)))
            };
            let (train, validation) = (
                best(|best| best.train_accuracy),
                best(|best| best.validation_accuracy.unwrap_or_default()),
            );
            table.row([line.name.clone(), state.to_owned(), epoch, train, validation]);
        }
        format!("{table}{} of {} done, left {}", self.over(), self.lines.len(), self.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_time_follows_from_finished_work() {
        let board = Board::new(vec![("a".into(), 10), ("b".into(), 30)], true);
        let mut inner = board.lock();
        inner.began = Instant::now() - std::time::Duration::from_secs(20);
        assert_eq!(inner.left(), "-");
        // Half of the first is done, a quarter of which by another process.
        inner.lines[0] = TrialLine { epochs: 4, position: 2.0, began_at: 1.0, ..line("a", 10.0) };
        // 2.5 of 40 units took 20 seconds, 5 and 30 are left.
        assert_eq!(inner.left(), "4m40s");
        assert!(inner.text().contains("2.0/4"), "{}", inner.text());
        assert!(inner.text().ends_with("0 of 2 done, left 4m40s"), "{}", inner.text());
        inner.lines[1].state = TrialState::InUse;
        assert_eq!(inner.left(), "40s");
    }

    fn line(name: &str, cost: f64) -> TrialLine {
        let (state, name) = (TrialState::Training, name.to_owned());
        TrialLine { name, state, cost, epochs: 1, position: 0.0, began_at: 0.0, best: None }
    }
}
