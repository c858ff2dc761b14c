//! `modiste search`: draws, rungs, budgets, and invalid searches.

use std::fs;

use crate::util::{Folder, TINY, bytes};

const OVER: [&str; 4] = ["--over", "lr=1e-4..1e-1:log", "--over", "width=1..3"];

fn search<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let tiny = [&TINY[..4], &TINY[6..]].concat();
    [&["search", "--out", out, "--quiet"], &OVER[..], &tiny, more].concat()
}

#[test]
fn the_same_search_draws_the_same_trials_and_goes_on() {
    let folder = Folder::new();
    let more = ["--trials", "6", "--round", "3", "--json"];
    let one = folder.run(&search("a", &more)).expect_quiet().json();
    let trials = one["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 6);
    assert!(trials.iter().all(|trial| trial["finished"] == true), "{one}");
    // Three trials first, the rest later: the same as all at once.
    folder.run(&search("b", &["--trials", "3", "--round", "3"])).expect_quiet();
    let other = folder.run(&search("b", &more)).expect_quiet().json();
    for what in ["trials", "best", "importance"] {
        assert_eq!(one[what], other[what], "{what}");
    }
    let csv = ["a", "b"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(csv[0] == csv[1]);
    // The command trains the winner again.
    let command = one["command"].as_str().unwrap().replace("modiste ", "\"$MODISTE\" ");
    folder.shell(&format!("{command} --out again --quiet")).expect(0);
    let best = &trials[one["best"].as_u64().unwrap() as usize];
    let run = folder.path("a/trials").join(best["run"].as_str().unwrap());
    assert!(bytes(&run.join("best.safetensors")) == bytes(&folder.path("again/best.safetensors")));
    let page = fs::read_to_string(folder.path("a/search.html")).unwrap();
    for text in ["The winner", "What mattered", "<svg", "modiste train --config"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http://") && !page.contains("<script"), "the page stands alone");
}

#[test]
fn halving_goes_on_from_checkpoints_and_trains_nothing_twice() {
    let folder = Folder::new();
    let halving = ["--trials", "4", "--halving", "2", "--min-epochs", "1", "--epochs", "4"];
    let tiny = [&TINY[..4], &TINY[6..8], &TINY[10..]].concat();
    let args =
        [&["search", "--out", "s", "--quiet", "--json"], &OVER[..], &tiny, &halving].concat();
    let found = folder.run(&args).expect_quiet().json();
    let trials = found["trials"].as_array().unwrap();
    let mut epochs: Vec<u64> = trials.iter().map(|t| t["epochs"].as_u64().unwrap()).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, [1, 1, 2, 4], "{found}");
    let best = &trials[found["best"].as_u64().unwrap() as usize];
    assert_eq!((&best["finished"], &best["epochs"]), (&true.into(), &4.into()));
    // The winner equals a run that was never interrupted.
    let run = folder.path("s/trials").join(best["run"].as_str().unwrap());
    let config = run.join("config.toml").display().to_string();
    folder.run(&["train", "--config", &config, "--out", "alone", "--quiet"]).expect_quiet();
    assert!(bytes(&run.join("best.safetensors")) == bytes(&folder.path("alone/best.safetensors")));
    let told = folder.run(&["status", "s", "--json"]).expect_quiet().json();
    assert_eq!((&told["done"], &told["paused"]), (&1.into(), &3.into()));
}

#[test]
fn a_rung_is_an_array() {
    let folder = Folder::new();
    let more = ["--trials", "4", "--round", "4", "--halving", "2", "--min-epochs", "1"];
    folder.run(&search("alone", &more)).expect_quiet();
    let tiny = [&TINY[..4], &TINY[6..]].concat();
    let first = [&["search", "--out", "s"], &OVER[..], &tiny, &more, &["--plan", "slurm"]].concat();
    let mut rungs = 0;
    loop {
        let script = folder.run(&first).expect(0).stdout;
        let Some(array) = script.lines().find_map(|line| line.strip_prefix("#SBATCH --array="))
        else {
            break;
        };
        rungs += 1;
        for part in array.split(',') {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            for trial in low.parse::<usize>().unwrap()..=high.parse().unwrap() {
                let trial = trial.to_string();
                folder.run(&["search", "--out", "s", "--trial", &trial, "--quiet"]).expect_quiet();
            }
        }
    }
    assert!(rungs >= 2, "{rungs} rungs");
    let [one, other] = ["alone", "s"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(one == other, "{}", String::from_utf8_lossy(&other));
}

#[test]
fn a_budget_is_kept_and_one_that_admits_nothing_is_said() {
    let folder = Folder::new();
    let found = folder.run(&search(
        "s",
        &["--trials", "3", "--epochs", "1", "--max-parameters", "30000", "--json"],
    ));
    // --epochs is part of TINY, too.
    assert_eq!(found.status, 2, "{}", found.stderr);
    let summary = |width: &str| {
        let args = [
            "summary",
            "--preset",
            "light",
            "--length",
            "1",
            "--width",
            width,
            "--stem-stride",
            "4",
        ];
        let json = folder.run(&[&args[..], &["--json"]].concat()).expect_quiet().json();
        json["parameters"].as_u64().unwrap()
    };
    let (one, three) = (summary("1"), summary("3"));
    assert!(one < three);
    let most = one.to_string();
    let args = search("s", &["--trials", "3", "--max-parameters", &most, "--json"]);
    let found = folder.run(&args).expect_quiet().json();
    for trial in found["trials"].as_array().unwrap() {
        let at =
            found["fields"].as_array().unwrap().iter().position(|f| f == "network.width").unwrap();
        assert_eq!(trial["values"][at], "1", "{found}");
    }
    let said = folder.run(&search("t", &["--max-parameters", "10"]));
    said.expect_error(2, &["the budget: admits none of 200 networks", "parameters"]);
    assert!(!folder.path("t").exists(), "a folder was made, which another budget could not have");
}

#[test]
fn what_makes_no_search_is_wrong_usage() {
    let folder = Folder::new();
    for (args, text) in [
        (&["--over", "lenght=1..2"][..], "the nearest is network.length"),
        (&["--over", "lr=1e-1..1e-4"], "is empty"),
        (&["--over", "dropout=0..0.5:log"], "has no logarithm"),
        (&["--over", "width=1..9"], "network.width: 9 is not a whole number from 1 to 8"),
        (&["--over", "schedule=a..b"], "training.schedule.kind"),
        (&["--over", "momentum=0.5..0.9"], "belongs to none of the kinds"),
        (&["--over", "seed=0..9"], "use --seeds"),
        (&["--over", "width=1..2", "--over", "network.width=3..4"], "is named twice"),
        (&["--over", "width=1..2", "--halving", "1"], "--halving: must be at least 2"),
        (&["--over", "width=1..2", "--halving", "3", "--min-epochs", "12"], "--min-epochs"),
        (&["--over", "width=1..2", "--max-ms", "nan"], "--max-ms: must be above 0, not NaN"),
        (&[], "no field varies"),
    ] {
        folder.run(&[&["search", "--out", "s"], args].concat()).expect_error(2, &[text]);
    }
    // No minutes would train nothing, and fewer would be no limit.
    for minutes in ["0", "-1", "nan"] {
        let minutes = format!("--minutes={minutes}");
        let said = folder.run(&["search", "--out", "s", "--over", "width=1..2", &minutes]);
        assert!(said.stderr.contains("not a number of minutes from 0.05"), "{}", said.stderr);
    }
    assert!(!folder.path("s").exists(), "a folder was made");
    folder.run(&search("s", &["--trials", "1"])).expect_quiet();
    let other = folder.run(&search("s", &["--trials", "1", "--sampler", "random"]));
    other.expect_error(1, &["s: belongs to another search"]);
}
