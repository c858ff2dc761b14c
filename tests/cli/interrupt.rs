//! A run that is killed or asked to stop at any time ends like an uninterrupted one.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use modiste_spec::random::{Purpose, Stream};

use crate::util::{Folder, Said, bytes};

/// A run of some length with checkpoints every few steps.
const RUN: [&str; 17] = [
    "train",
    "--preset",
    "light",
    "--split",
    "600/100/50",
    "--length",
    "1",
    "--width",
    "1",
    "--stem-stride",
    "4",
    "--epochs",
    "4",
    "--batch",
    "8",
    "--checkpoint-minutes",
    "0.0005",
];

/// Runs it without interruption in the folder `alone`; returns the model's bytes and the duration.
fn undisturbed(folder: &Folder) -> (Vec<u8>, Duration) {
    let clock = Instant::now();
    folder.run(&[&RUN[..], &["--out", "alone"]].concat()).expect(0);
    (bytes(&folder.path("alone/best.safetensors")), clock.elapsed())
}

/// Starts or resumes the run `name`.
fn start(folder: &Folder, name: &str) -> Child {
    let begun = folder.path(name).join("config.toml").exists();
    let mut command = match begun {
        true => folder.command(&["train", "--resume", name]),
        false => folder.command(&[&RUN[..], &["--out", name]].concat()),
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait(child: Child) -> Said {
    Said::new("train".into(), child.wait_with_output().unwrap())
}

/// Waits for the first checkpoint of a run, which shows that the loop is running.
fn wait_for_checkpoint(folder: &Folder, run: &str) {
    let checkpoint = folder.path(run).join("last.ckpt");
    let clock = Instant::now();
    while !checkpoint.exists() {
        assert!(clock.elapsed() < Duration::from_secs(60), "no checkpoint is written");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Columns of `metrics.csv` that do not tell the time.
fn numbers(folder: &Folder, run: &str) -> Vec<String> {
    let text = String::from_utf8(bytes(&folder.path(run).join("metrics.csv"))).unwrap();
    let untimed = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned();
    text.lines().map(untimed).collect()
}

#[test]
fn killed_at_random_moments_and_resumed_is_never_killed() {
    let folder = Folder::new();
    let (alone, duration) = undisturbed(&folder);
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let chance = Stream::new(seed, Purpose::Bootstrap, 0, 0);
    let mut kills = 0;
    for round in 0..3 {
        let name = format!("killed-{round}");
        for attempt in 0.. {
            assert!(attempt < 100, "seed {seed}: the run does not get on");
            let mut child = start(&folder, &name);
            // The first one is certainly killed, soon after training begins; later ones if they are
            // still running.
            let most = if attempt == 0 {
                wait_for_checkpoint(&folder, &name);
                0.05
            } else {
                0.5
            };
            std::thread::sleep(duration.mul_f64(most * chance.unit(100 * round + attempt)));
            if attempt < 6 {
                child.kill().unwrap();
            }
            let said = wait(child);
            match said.status {
                0 => break,
                -1 => kills += 1,
                status => panic!("seed {seed}: status {status}: {}", said.stderr),
            }
        }
        let model = bytes(&folder.path(&name).join("best.safetensors"));
        assert!(model == alone, "seed {seed}: round {round} ended with another model");
        assert_eq!(numbers(&folder, &name), numbers(&folder, "alone"), "seed {seed}");
    }
    assert!(kills >= 3, "only {kills} processes were killed");
}

#[test]
fn a_signal_ends_a_run_with_a_checkpoint_and_130() {
    let folder = Folder::new();
    let (alone, _) = undisturbed(&folder);
    for (signal, times) in [("TERM", 1), ("INT", 2)] {
        let child = start(&folder, signal);
        wait_for_checkpoint(&folder, signal);
        let kill = format!("kill -{signal} {}", child.id());
        for _ in 0..times {
            Command::new("sh").args(["-c", &kill]).status().unwrap();
        }
        let said = wait(child).expect(130);
        let advice = format!("modiste train --resume {signal}");
        assert!(said.stderr.contains(&advice), "{}", said.stderr);
        assert!(wait(start(&folder, signal)).expect(0).stderr.contains("resuming"));
        assert!(bytes(&folder.path(signal).join("best.safetensors")) == alone, "{signal}");
    }
}

#[test]
fn a_folder_is_used_by_one_process_at_a_time() {
    let folder = Folder::new();
    let mut child = start(&folder, "run");
    while !folder.path("run/config.toml").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    folder.run(&["train", "--resume", "run"]).expect_error(1, &["run: is in use"]);
    child.kill().unwrap();
    child.wait().unwrap();
}
