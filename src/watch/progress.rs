//! Progress of a run on stderr: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use modiste_model::{EpochMetrics, Timing};
use modiste_train::{Event, Observer};

use crate::output;

/// Time between lines within an epoch if there is no terminal.
const SILENCE: Duration = Duration::from_secs(30);

/// Shows the progress of a run.
pub struct Progress {
    /// `None` when quiet.
    show: Option<Show>,
    /// Planned epochs of the run.
    epochs: usize,
    pace: TimeEstimate,
}

enum Show {
    /// One bar per epoch, on a terminal.
    Bar(ProgressBar),
    /// One line per epoch, and further ones during a long epoch; when the last one was printed.
    Lines(Instant),
}

/// Estimates the remaining time from the steps since the process started.
struct TimeEstimate {
    began: Instant,
    steps_made: usize,
}

impl Progress {
    /// Shows progress on stderr unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        let show = if quiet {
            None
        } else if std::io::stderr().is_terminal() {
            Some(Show::Bar(bar()))
        } else {
            Some(Show::Lines(Instant::now()))
        };
        Self { show, epochs: 0, pace: TimeEstimate { began: Instant::now(), steps_made: 0 } }
    }

    /// Prints a line, above the bar if there is one.
    fn say(&mut self, line: &str) {
        match &mut self.show {
            Some(Show::Bar(bar)) => bar.suspend(|| output::note(line)),
            Some(Show::Lines(last)) => {
                output::note(line);
                *last = Instant::now();
            }
            None => {}
        }
    }

    /// Shows a step in the bar or as a line; `steps` are those of an epoch.
    fn step(&mut self, event: &StepEvent) {
        self.pace.steps_made += 1;
        let &StepEvent { epoch, step, steps, loss, accuracy, speed } = event;
        let to_come = steps * self.epochs.saturating_sub(epoch) + steps - step.min(steps);
        let left = self.pace.left(to_come);
        let numbers =
            format!("{speed:.0} images/s  loss {loss:.4}  accuracy {accuracy:.4}  left {left}");
        let due = match &self.show {
            Some(Show::Bar(bar)) => {
                bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
                bar.set_message(numbers.clone());
                bar.set_length(steps as u64);
                bar.set_position(step as u64);
                false
            }
            Some(Show::Lines(last)) => last.elapsed() >= SILENCE,
            None => false,
        };
        if due {
            let epochs = self.epochs;
            self.say(&format!("epoch {epoch}/{epochs}  step {step}/{steps}  {numbers}"));
        }
    }

    fn epoch_ended(&mut self, metrics: &EpochMetrics, timing: &Timing, best: bool) {
        let m = metrics;
        let auroc = m.validation_auroc.map_or("-".to_owned(), |auroc| format!("{auroc:.4}"));
        let validation = m.validation_loss.zip(m.validation_accuracy);
        let validation = validation.map_or_else(String::new, |(loss, accuracy)| {
            format!("  validation loss {loss:.4} accuracy {accuracy:.4} AUROC {auroc}")
        });
        let width = self.epochs.to_string().len();
        let line = format!(
            "epoch {:>width$}/{}  train loss {:.4} accuracy {:.4}{validation}  {:.1} s, {:.0} images/s{}",
            m.epoch,
            self.epochs,
            m.train_loss,
            m.train_accuracy,
            timing.seconds,
            timing.images_per_second,
            if best && m.validation_loss.is_some() { "  best" } else { "" },
        );
        self.say(&line);
    }
}

/// The values shown for a step.
struct StepEvent {
    epoch: usize,
    step: usize,
    steps: usize,
    loss: f64,
    accuracy: f64,
    speed: f64,
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { folder, config, network, images, history, steps_done, .. } => {
                self.epochs = config.training.epochs;
                let folder = folder.display();
                let (parameters, epochs) = (network.trainable(), self.epochs);
                let did = if history.len() >= epochs {
                    "finished before:"
                } else if history.len() + steps_done > 0 {
                    "resuming"
                } else {
                    "training"
                };
                self.say(&format!(
                    "{did} {parameters} parameters on {images} images, {epochs} epochs, in {folder}"
                ));
                self.pace = TimeEstimate { began: Instant::now(), steps_made: 0 };
            }
            Event::Step { epoch, step, steps, loss, accuracy, images_per_second, .. } => {
                let speed = images_per_second;
                self.step(&StepEvent { epoch, step, steps, loss, accuracy, speed });
            }
            Event::Validating { done, images, .. } => {
                if let Some(Show::Bar(bar)) = &self.show {
                    bar.set_message(format!("validating {done}/{images}"));
                }
            }
            Event::EpochEnded { metrics, timing, best, .. } => {
                self.epoch_ended(metrics, timing, best);
            }
            Event::Ended { .. } => {
                if let Some(Show::Bar(bar)) = &self.show {
                    bar.finish_and_clear();
                }
            }
            Event::Written { .. } => {}
        }
    }
}

impl TimeEstimate {
    /// Estimated time of `steps` more steps, including validation.
    fn left(&self, steps: usize) -> String {
        let each = self.began.elapsed().as_secs_f64() / self.steps_made.max(1) as f64;
        duration(each * steps as f64)
    }
}

/// A duration such as `1h02m`, `2m05s` or `7s`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// A bar with the number done and the total.
pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{prefix} [{bar:24}] {pos}/{len}  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    bar.set_style(style.progress_chars("=> "));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!([7.4, 125.0, 3720.0].map(duration), ["7s", "2m05s", "1h02m"]);
    }
}
