//! Trials as elements of a job array: `--plan`, `--trial` and `modiste status`.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

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
    // Run the last element as a scheduler would, with the script.
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
    // Once there is a plan, another one is refused.
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
        said.stdout.contains("failed: ") && said.stdout.contains("to continue"),
        "{}",
        said.stdout
    );
    // However long a reason is, the column's heading stands above its beginning.
    let column = |text: &str| said.stdout.lines().find_map(|line| line.find(text));
    assert_eq!(column("state"), column("failed: "), "{}", said.stdout);
}

#[test]
fn ten_thousand_trials_are_planned_and_listed_at_once() {
    let folder = Folder::new();
    let values = |from: usize, step: f64| {
        let value = |i: usize| format!("{}", (from + i) as f64 * step);
        (0..10).map(value).collect::<Vec<_>>().join(",")
    };
    // All configurations are different.
    let axes = [("lr", 1, 1e-3), ("batch", 8, 1.0), ("dropout", 1, 0.05), ("weight_decay", 1, 0.1)];
    let over = axes.map(|(field, from, step)| format!("{field}={}", values(from, step)));
    let over = over.map(|axis| format!("--over {axis}")).join(" ");
    let plan = format!("\"$MODISTE\" grid --preset light --out g --plan slurm {over} > array.sh");
    let said = folder.shell(&format!("{plan} && \"$MODISTE\" status g && times")).expect_quiet();
    let script = fs::read_to_string(folder.path("array.sh")).unwrap();
    assert!(script.contains("trials=({0..9999})"), "{script}");
    assert!(said.stdout.contains(" 10000 waiting,"), "{}", said.stdout);
    // Processor time, because other tests run at the same time: `0m1.250s 0m0.130s`, user and system.
    let times = said.stdout.lines().next_back().unwrap();
    let seconds = |time: &str| -> f64 {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        60.0 * minutes.parse::<f64>().unwrap() + seconds.parse::<f64>().unwrap()
    };
    let all: f64 = times.split_whitespace().map(seconds).sum();
    println!("10,000 trials planned and listed in {all:.2} s");
    // About 1.2 seconds; before configurations shared their work it was 26.
    assert!(all < 4.0, "{all} s");
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
    // A list that was edited by hand, or truncated.
    let path = folder.path("g/elements.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, says) in [
        ("batch = ", "bach = ", "elements.json: base: training.bach: no such field"),
        ("network.length", "network.lenght", "elements.json: trial length=1,dropout=0.5,seed=0: "),
        ("dropout\",\"0.5\"", "dropout\",\"1.5\"", "seed=0: network.dropout: 1.5 is not a number"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        fs::write(&path, changed).unwrap();
        let said = folder.run(&["grid", "--out", "g", "--trial", "0", "--quiet"]);
        said.expect_error(1, &[says]);
    }
    fs::write(&path, "{").unwrap();
    folder.run(&["status", "g"]).expect_error(1, &["elements.json: "]);
}

#[test]
fn a_plan_that_was_changed_after_trials_began_is_one_line() {
    let folder = Folder::new();
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    folder.run(&["grid", "--out", "g", "--trial", "0", "--quiet"]).expect_quiet();
    // By the command, the plan cannot become another; changed by hand, the trial says so.
    let said = folder.run(&grid("g", &["--label-smoothing", "0.2", "--plan", "slurm"]));
    said.expect_error(1, &["g: belongs to another grid: training.label_smoothing is "]);
    let path = folder.path("g/elements.json");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replace("seed = 0\\nlabel", "seed = 5\\nlabel");
    assert_ne!(changed, text);
    fs::write(&path, changed).unwrap();
    let why = "belongs to another run: training.seed is 0 there and 5 here";
    folder.run(&["grid", "--out", "g", "--trial", "0", "--quiet"]).expect_error(1, &[why]);
    let told = status(&folder, "g");
    assert!(told["trials"][0]["why"].as_str().unwrap().contains(why), "{told}");
    fs::write(&path, text).unwrap();
    assert_eq!(status(&folder, "g")["done"], 1);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_one_line() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    let said = folder.run(&grid("file/g", &["--plan", "slurm"]));
    said.expect_error(1, &["file/g: failed to create"]);
}

#[test]
fn two_schedulers_on_one_folder_train_each_trial_once() {
    let folder = Folder::new();
    folder.run(&grid("alone", &["--quiet"])).expect_quiet();
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    let scheduler = |order: &str| {
        let element = "\"$MODISTE\" grid --out g --threads 1 --quiet --trial $i || exit 1";
        let script = format!("for i in {order}; do {element}; done");
        let mut command = folder.shell_command(&script);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [scheduler("0 1 2 3"), scheduler("0 3 2 1")];
    for child in both {
        Said::new("a scheduler".into(), child.wait_with_output().unwrap()).expect(0);
    }
    for trial in status(&folder, "g")["trials"].as_array().unwrap() {
        let name = trial["name"].as_str().unwrap();
        let file = folder.path("g/trials").join(name).join("environment.json");
        let starts: serde_json::Value = serde_json::from_slice(&bytes(&file)).unwrap();
        assert_eq!(starts.as_array().unwrap().len(), 1, "{name}: {starts}");
    }
    let [one, other] = ["alone", "g"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(one == other);
}

/// Waits until a trial has this many epochs.
fn wait_for_epochs(run: &Path, epochs: usize) {
    let clock = Instant::now();
    let done =
        || fs::read_to_string(run.join("metrics.csv")).map_or(0, |text| text.lines().count());
    while done() <= epochs {
        assert!(clock.elapsed() < Duration::from_secs(120), "{} trains", run.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn clocks_that_disagree_change_nothing() {
    let folder = Folder::new();
    let longer = ["--over", "width=1", "--split", "600/100/50", "--length", "1", "--epochs", "6"];
    let rest = ["--stem-stride", "4", "--batch", "8"];
    let args = |out| [&["grid", "--out", out], &longer[..], &rest].concat();
    folder.run(&[&args("alone")[..], &["--quiet"]].concat()).expect_quiet();
    folder.run(&[&args("g")[..], &["--plan", "slurm"]].concat()).expect_quiet();
    let element = ["grid", "--out", "g", "--trial", "0", "--threads", "1", "--quiet"];
    let mut first = folder.command(&element).stderr(Stdio::null()).spawn().unwrap();
    let run = folder.path("g/trials/width=1,seed=0");
    wait_for_epochs(&run, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    // The leftovers of a machine whose clock is decades ahead; some files are as far behind.
    let holder = r#"{"host":"ahead","pid":1,"since":"2099-01-01T00:00:00Z"}"#;
    fs::write(run.join(".lock"), holder).unwrap();
    for (i, entry) in fs::read_dir(&run).unwrap().enumerate() {
        let seconds = if i % 2 == 0 { 4_000_000_000 } else { 0 };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = fs::File::options().append(true).open(entry.unwrap().path());
        // Folders cannot be opened this way.
        file.map(|file| file.set_modified(time).unwrap()).unwrap_or_default();
    }
    let told = status(&folder, "g");
    assert_eq!(told["waiting"], 1, "a lock is held by a process, not by a time: {told}");
    folder.run(&element).expect_quiet();
    let model = "trials/width=1,seed=0/best.safetensors";
    for name in ["results.csv", model] {
        let [one, other] = ["alone", "g"].map(|out| bytes(&folder.path(out).join(name)));
        assert!(one == other, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_an_element_with_one_line_and_it_goes_on() {
    let folder = Folder::new();
    folder.run(&grid("alone", &["--quiet"])).expect_quiet();
    let plan = grid("g", &["--plan", "slurm"]).join(" ");
    let said = folder.shell(&format!("trap '' XFSZ; ulimit -f 0; \"$MODISTE\" {plan}"));
    said.expect_error(1, &["g/", "failed to write"]);
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    let element = "\"$MODISTE\" grid --out g --quiet --trial 3";
    let said = folder.shell(&format!("trap '' XFSZ; ulimit -f 100; {element}"));
    said.expect_error(1, &["g/trials/", "failed to write"]);
    for trial in ["0", "1", "2", "3"] {
        folder.run(&["grid", "--out", "g", "--trial", trial, "--quiet"]).expect_quiet();
    }
    let [one, other] = ["alone", "g"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(one == other);
}

/// Only on Linux, where a process may mount something just for itself.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_disk_is_one_line() {
    let folder = Folder::new();
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    let plan = grid("g", &["--plan", "slurm"]).join(" ");
    for (command, place) in [
        ("grid --out g --quiet --trial 0".to_owned(), "g/trials/"),
        (plan.replace("length=1,2", "length=1,2,3"), "g"),
    ] {
        let read_only = "mount --bind g g && mount -o remount,bind,ro g";
        let script = format!("{read_only} && \"$MODISTE\" {command}");
        let said = folder.shell(&format!("unshare --map-root-user --mount sh -c '{script}'"));
        said.expect_error(1, &[place, "Read-only file system"]);
    }
    assert_eq!(status(&folder, "g")["waiting"], 4);
}

/// Simulates shared folders without a lock service: every lock is granted, or none.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_keeps_no_locks_is_refused() {
    let folder = Folder::new();
    folder.run(&grid("g", &["--plan", "slurm"])).expect_quiet();
    for (body, says) in [
        ("return 0;", "its file system keeps no locks"),
        ("errno = ENOLCK; return -1;", "its file system must keep locks"),
    ] {
        let source = format!(
            "#include <errno.h>\nint flock(int file, int what) {{ (void)file; (void)what; {body} }}\n"
        );
        fs::write(folder.path("locks.c"), source).unwrap();
        folder.shell("cc -shared -fPIC -o locks.so locks.c").expect(0);
        let element = "grid --out g --quiet --trial 0";
        let said = folder.shell(&format!("LD_PRELOAD=$PWD/locks.so \"$MODISTE\" {element}"));
        said.expect_error(1, &["g/trials/length=1,dropout=0.5,seed=0", says]);
    }
    // Nothing was written that would disturb a machine with locks.
    folder.run(&["grid", "--out", "g", "--quiet", "--trial", "0"]).expect_quiet();
}
