//! A run that is stopped at any moment and resumed ends with the same bytes as one without a stop.

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use common::{config, copy_folder, outcome_of, train, train_steps, train_watched};
use modiste_model::{Model, SelectBy};
use modiste_train::{
    ClassWeights, Config, EarlyStoppingConfig, Event, Outcome, Run, Schedule, Summary,
};

/// A configuration whose checkpoint needs every kind of counter.
fn watchful() -> Config {
    let mut config = config();
    config.training.epochs = 9;
    config.training.select_by = SelectBy::Loss;
    config.training.schedule = Schedule::Plateau {
        learning_rate: 0.3,
        factor: 0.5,
        patience: 0,
        threshold: 0.2,
        cooldown: 1,
        floor: 1e-3,
    };
    config.training.early_stopping = EarlyStoppingConfig { patience: 2, min_delta: 0.05 };
    config
}

/// A configuration whose learning rate and loss differ from step to step.
fn cycling() -> Config {
    let mut config = config();
    config.training.class_weights = ClassWeights::Balanced;
    config.training.schedule = Schedule::OneCycle {
        learning_rate: 0.2,
        warmup_fraction: 0.3,
        start_divisor: 25.0,
        end_divisor: 1e4,
    };
    config
}

fn summary(outcome: Outcome) -> Summary {
    match outcome {
        Outcome::Finished(summary) => summary,
        Outcome::Interrupted { .. } => panic!("was interrupted"),
    }
}

/// The outcome of `config` without interruption, and its number of steps.
fn uninterrupted(config: &Config, folder: &Path) -> ([Vec<u8>; 3], usize) {
    let run = Run::create(folder, config).unwrap();
    let mut steps = 0;
    let outcome = train_watched(&run, |event, _| {
        steps += usize::from(matches!(event, Event::Step { .. }));
    });
    summary(outcome.unwrap());
    (outcome_of(folder), steps)
}

fn resume(folder: &Path) -> Summary {
    summary(train(&Run::resume(folder).unwrap()).unwrap())
}

#[test]
fn a_run_interrupted_after_any_step_resumes_to_the_same_bytes() {
    for (name, config) in [("watchful", watchful()), ("cycling", cycling())] {
        let root = tempfile::tempdir().unwrap();
        let (expected, steps) = uninterrupted(&config, &root.path().join("alone"));
        for stop_after in 1..steps {
            let folder = root.path().join(format!("{stop_after}"));
            let run = Run::create(&folder, &config).unwrap();
            let outcome = train_steps(&run, stop_after).unwrap();
            assert!(matches!(outcome, Outcome::Interrupted { .. }), "{name} {stop_after}");
            drop(run);
            resume(&folder);
            assert!(outcome_of(&folder) == expected, "{name}: interrupted after {stop_after}");
        }
    }
}

#[test]
fn a_run_interrupted_many_times_resumes_to_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let (expected, steps) = uninterrupted(&watchful(), &root.path().join("alone"));
    let folder = root.path().join("often");
    drop(Run::create(&folder, &watchful()).unwrap());
    for _ in 0..steps - 1 {
        let outcome = train_steps(&Run::resume(&folder).unwrap(), 1).unwrap();
        assert!(matches!(outcome, Outcome::Interrupted { .. }));
    }
    resume(&folder);
    assert!(outcome_of(&folder) == expected);
}

/// Copies the folder at every event, including the moments between the writes of an epoch's files. Each
/// copy is what a kill at that moment would leave.
#[test]
fn a_run_killed_at_any_event_resumes_to_the_same_bytes() {
    let mut config = cycling();
    config.training.checkpoint_minutes = 1e-9; // a checkpoint after every step
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("alone");
    let run = Run::create(&folder, &config).unwrap();
    let mut copies: Vec<PathBuf> = Vec::new();
    let outcome = train_watched(&run, |_, _| {
        let copy = root.path().join(format!("killed at {}", copies.len()));
        copy_folder(&folder, &copy);
        copies.push(copy);
    });
    summary(outcome.unwrap());
    let expected = outcome_of(&folder);
    assert!(copies.len() > 2 * 12, "{}", copies.len());
    for copy in copies {
        resume(&copy);
        assert!(outcome_of(&copy) == expected, "{}", copy.display());
    }
}

/// The same with checkpoints only at the ends of epochs.
#[test]
fn a_run_killed_between_checkpoints_repeats_the_epoch() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("alone");
    let run = Run::create(&folder, &watchful()).unwrap();
    let mut copies: Vec<PathBuf> = Vec::new();
    let outcome = train_watched(&run, |event, _| {
        if let Event::Step { step: 3, .. } | Event::Validating { .. } | Event::Written { .. } =
            event
        {
            let copy = root.path().join(format!("killed at {}", copies.len()));
            copy_folder(&folder, &copy);
            copies.push(copy);
        }
    });
    summary(outcome.unwrap());
    let expected = outcome_of(&folder);
    for copy in copies {
        resume(&copy);
        assert!(outcome_of(&copy) == expected, "{}", copy.display());
    }
}

#[test]
fn resuming_restores_files_that_were_lost() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let (expected, _) = uninterrupted(&cycling(), &folder);
    std::fs::remove_file(folder.join("best.safetensors")).unwrap();
    std::fs::write(folder.join("metrics.csv"), "something else").unwrap();
    std::fs::remove_file(folder.join("environment.json")).unwrap();
    resume(&folder);
    assert!(outcome_of(&folder) == expected);
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let (expected, _) = uninterrupted(&watchful(), &folder);
    let metrics = std::fs::read(folder.join("metrics.csv")).unwrap();
    let run = Run::resume(&folder).unwrap();
    let mut steps = 0;
    let outcome = train_watched(&run, |event, _| {
        steps += usize::from(matches!(event, Event::Step { .. }));
    });
    let summary = summary(outcome.unwrap());
    assert_eq!(steps, 0);
    assert!(summary.stopped_early && summary.epochs < 9);
    assert!(outcome_of(&folder) == expected);
    // This includes the times, which are read back from the file.
    assert_eq!(std::fs::read(folder.join("metrics.csv")).unwrap(), metrics);
}

#[test]
fn the_environment_of_every_start_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    train_steps(&Run::create(&folder, &config()).unwrap(), 6).unwrap();
    resume(&folder);
    let text = std::fs::read_to_string(folder.join("environment.json")).unwrap();
    let starts: Vec<modiste_model::Environment> = serde_json::from_str(&text).unwrap();
    assert_eq!(starts.iter().map(|start| start.steps_done).collect::<Vec<_>>(), [0, 6]);
    assert_eq!(starts[0].engine, "logistic regression of the tests");
    let log = std::fs::read_to_string(folder.join("log.txt")).unwrap();
    let said: Vec<&str> = log.lines().map(|line| &line[21..]).collect();
    assert_eq!(said[0], "starts in epoch 1 after step 0");
    assert!(said[1].starts_with("epoch 1: training accuracy 0."), "{}", said[1]);
    assert_eq!(said[2], "interrupted in epoch 2 after step 2");
    assert_eq!(said[3], "continues in epoch 2 after step 2");
}

/// After the last epoch the run measures the model's confidence. If it is stopped there, its model has no
/// confidence until the run is resumed.
#[test]
fn a_run_stopped_after_its_last_epoch_ends_with_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let [whole, stopped] = ["whole", "stopped"].map(|name| root.path().join(name));
    train(&Run::create(&whole, &config()).unwrap()).unwrap();
    let run = Run::create(&stopped, &config()).unwrap();
    let epochs = config().training.epochs;
    let outcome = train_watched(&run, |event, stop| {
        if matches!(event, Event::EpochEnded { metrics, .. } if metrics.epoch == epochs) {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert!(matches!(outcome.unwrap(), Outcome::Interrupted { .. }));
    drop(run);
    let model = |folder: &Path| Model::load(&folder.join("best.safetensors")).unwrap();
    assert_eq!(model(&stopped).confidence, None);
    train(&Run::resume(&stopped).unwrap()).unwrap();
    assert!(model(&stopped).confidence.is_some());
    assert!(outcome_of(&stopped) == outcome_of(&whole));
}
