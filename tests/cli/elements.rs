//! Trials as elements of a job array: `--plan`, `--trial` and `modiste status`.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::util::{Folder, Said, TINY, bytes};

const OVER: [&str; 4] = ["--over", "length=1,2", "--over", "dropout=0.5,0.3"];

fn grid<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let tiny = [&TINY[..2], &TINY[4..]].concat();
    [&["grid", "--out", out], &OVER[..], &tiny, more].concat()
}

fn status(folder: &Folder, out: &str) -> serde_json::Value {
    folder.run(&["status", out, "--json"]).expect_quiet().json()
}

#[test]
fn elements_in_any_order_give_the_table_of_one_machine() {
    let folder = Folder::new();
    folder.run(&grid("alone", &["--quiet"])).expect_quiet();
    let script = folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet().stdout;
    for text in ["#SBATCH --array=0-3\n", "#SBATCH --requeue\n", "/g --threads"] {
        assert!(script.contains(text), "{text}: {script}");
    }
    assert_eq!(status(&folder, "g")["waiting"], 4);
    for trial in ["2", "0", "3"] {
        folder.run(&["grid", "--out", "g", "--trial", trial, "--quiet"]).expect_quiet();
    }
    let told = status(&folder, "g");
    assert_eq!((&told["done"], &told["waiting"]), (&3.into(), &1.into()));
    assert!(!folder.path("g/results.csv").exists(), "the table is written once all are done");
    // What the script would run for the last one, as a scheduler runs it.
    let rest = script.replace("exec modiste", "exec \"$MODISTE\"");
    fs::write(folder.path("array.sh"), rest).unwrap();
    folder.shell("SLURM_ARRAY_TASK_ID=1 bash array.sh").expect(0);
    let [one, other] = ["alone", "g"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(one == other);
    let said = folder.run(&["status", "g"]).expect_quiet();
    assert!(said.stdout.contains("4 done, 0 running, 0 waiting, 0 failed"), "{}", said.stdout);
    let said = folder.run(&grid("g", &["--plan", "slurm"])).expect(0);
    assert!(said.stdout.is_empty() && said.stderr.contains("all trials are done"));
}

#[test]
fn a_plan_that_grows_keeps_the_numbers() {
    let folder = Folder::new();
    folder.run(&grid("g", &["--plan", "parallel"])).expect_quiet();
    let names = |told: &serde_json::Value| -> Vec<String> {
        told["trials"].as_array().unwrap().iter().map(|t| t["name"].to_string()).collect()
    };
    let before = names(&status(&folder, "g"));
    let line =
        folder.run(&grid("g", &["--seeds", "2", "--plan", "parallel"])).expect_quiet().stdout;
    assert!(line.contains("{0..7} | parallel "), "{line}");
    let after = names(&status(&folder, "g"));
    assert_eq!((after.len(), &after[..4]), (8, &before[..]));
    // Another plan is refused once there is one.
    let said = folder.run(&grid("g", &["--label-smoothing", "0.2", "--plan", "slurm"]));
    said.expect_error(1, &["g: belongs to another grid", "label_smoothing"]);
}

#[test]
fn an_ablation_is_an_array_too() {
    let folder = Folder::new();
    let tiny = [&TINY[..8], &["--epochs", "1", "--batch", "16"]].concat();
    let plan = [&["ablate", "--out", "a", "--seeds", "1"], &tiny[..], &["--plan", "kubernetes"]];
    let manifest = folder.run(&plan.concat()).expect_quiet().stdout;
    assert!(manifest.contains("completionMode: Indexed\n"), "{manifest}");
    let count = status(&folder, "a")["waiting"].as_u64().unwrap();
    assert!(manifest.contains(&format!("completions: {count}\n")), "{manifest}");
    for trial in 0..count {
        let trial = trial.to_string();
        folder.run(&["ablate", "--out", "a", "--trial", &trial, "--quiet"]).expect_quiet();
    }
    assert!(folder.path("a/verdicts.json").exists());
}

#[test]
fn status_says_who_trains_and_a_second_process_waits() {
    let folder = Folder::new();
    let longer = ["--over", "width=1,2", "--split", "600/100/50", "--length", "1", "--epochs", "3"];
    let rest = ["--stem-stride", "4", "--batch", "8", "--out", "g", "--plan", "slurm"];
    folder.run(&[&["grid"], &longer[..], &rest].concat()).expect_quiet();
    let element = ["grid", "--out", "g", "--trial", "0", "--threads", "1", "--quiet"];
    let mut command = folder.command(&element);
    command.env("SLURM_ARRAY_JOB_ID", "7").env("SLURM_ARRAY_TASK_ID", "0");
    let first = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let clock = Instant::now();
    let told = loop {
        let told = status(&folder, "g");
        if told["running"] == 1 {
            break told;
        }
        assert!(clock.elapsed() < Duration::from_secs(60), "{told}");
        std::thread::sleep(Duration::from_millis(2));
    };
    let trial = &told["trials"][0];
    assert_eq!((&trial["state"], &trial["job"]), (&"running".into(), &"7_0".into()), "{told}");
    assert_eq!(trial["pid"], first.id());
    let second = folder.run(&element).expect(0);
    let line = format!("trial 0 (width=1,seed=0) is in use by pid {}", first.id());
    assert!(second.stderr.contains(&line), "{}", second.stderr);
    Said::new("first".into(), first.wait_with_output().unwrap()).expect(0);
    assert_eq!(status(&folder, "g")["done"], 1);
}

#[test]
fn a_trial_that_fails_says_why() {
    let folder = Folder::new();
    let astray = ["--over", "lr=1e30", "--over", "width=1"];
    let tiny = [&TINY[..4], &TINY[6..], &["--out", "g", "--plan", "slurm"]].concat();
    folder.run(&[&["grid"], &astray[..], &tiny].concat()).expect_quiet();
    let said = folder.run(&["grid", "--out", "g", "--trial", "0", "--quiet"]);
    said.expect_error(1, &["1 of 1 trials failed", "is not finite"]);
    let told = status(&folder, "g");
    assert_eq!(told["failed"], 1, "{told}");
    assert!(told["trials"][0]["why"].as_str().unwrap().contains("is not finite"), "{told}");
    let said = folder.run(&["status", "g"]).expect_quiet();
    assert!(
        said.stdout.contains("failed: ") && said.stdout.contains("to go on"),
        "{}",
        said.stdout
    );
}

#[test]
fn hundreds_of_trials_are_planned_and_listed_at_once() {
    let folder = Folder::new();
    let seeds = ["--seeds", "50", "--over", "length=1,2", "--over", "dropout=0.5,0.4,0.3,0.2,0.1"];
    let plan = [&["grid", "--out", "g", "--width", "1"], &seeds[..], &["--plan", "slurm"]].concat();
    let clock = Instant::now();
    let script = folder.run(&plan).expect_quiet().stdout;
    assert!(script.contains("#SBATCH --array=0-499"), "{script}");
    assert_eq!(status(&folder, "g")["waiting"], 500);
    assert!(clock.elapsed() < Duration::from_secs(20), "{:?}", clock.elapsed());
}

#[test]
fn bad_elements_are_refused_in_a_line() {
    let folder = Folder::new();
    let said = folder.run(&["grid", "--out", "g", "--trial", "0"]);
    said.expect_error(1, &["g: has no plan", "modiste grid --plan"]);
    folder.run(&["status", "g"]).expect_error(1, &["g: has no trials", "elements.json"]);
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    let said = folder.run(&["grid", "--out", "g", "--trial", "4"]);
    said.expect_error(2, &["--trial 4: g has the trials 0 to 3"]);
    let said = folder.run(&["ablate", "--out", "g", "--trial", "0"]);
    said.expect_error(2, &["g: was planned by modiste grid"]);
    let said = folder.run(&["grid", "--out", "g", "--trial", "0", "--length", "1"]);
    assert_eq!(said.status, 2, "{}", said.stderr);
    let said = folder.run(&grid("h", &["--plan", "cron"]));
    assert!(said.status == 2 && said.stderr.contains("known are slurm"), "{}", said.stderr);
    // A list that was cut.
    let path = folder.path("g/elements.json");
    fs::write(&path, "{").unwrap();
    folder.run(&["status", "g"]).expect_error(1, &["elements.json: "]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_one_line() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    let said = folder.run(&grid("file/g", &["--plan", "slurm"]));
    said.expect_error(1, &["file/g: failed to create"]);
}
