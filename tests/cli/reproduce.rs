//! `modiste ablate` and `modiste reproduce`: every stage, continuing, and refusing what does not fit.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::util::{Folder, bytes};

/// Images and networks that train in a moment.
const SMALL: [&str; 7] = ["--quiet", "--split", "120/40/20", "--stem-stride", "4", "--batch", "16"];

fn ablate(folder: &Folder, more: &[&str]) -> crate::util::Said {
    let args = ["ablate", "--out", "a", "--length", "2", "--width", "2"];
    folder.run(&[&args[..], &SMALL, more].concat())
}

#[test]
fn an_ablation_judges_every_claim_seed_by_seed() {
    let folder = Folder::new();
    let args = ["--epochs", "2", "--seeds", "1", "--json"];
    let json = ablate(&folder, &args).expect_quiet().json();
    let names = |json: &serde_json::Value| -> Vec<String> {
        let variants = json["variants"].as_array().unwrap();
        variants.iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["base", "no-residual", "shorter", "narrower", "more-dropout", "no-dropout"];
    let expected = [&expected[..], &["no-flips", "constant-learning-rate"]].concat();
    assert_eq!(names(&json), expected);
    let verdicts = json["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 10);
    for verdict in verdicts {
        assert_eq!((&verdict["outcome"], &verdict["n"]), (&"not_decided".into(), &1.into()));
    }
    // Another seed: existing runs stay, and every difference is that of a pair.
    let json = ablate(&folder, &["--epochs", "2", "--seeds", "2", "--json"]).expect_quiet().json();
    let (base, other) = (&json["variants"][0], &json["variants"][1]);
    let mean = |v: &serde_json::Value| v["mean_validation"]["mean"].as_f64().unwrap();
    let verdict = &json["verdicts"][0];
    assert_eq!(verdict["claim"], "residual connections speed up training");
    let difference = mean(base) - mean(other);
    assert!((verdict["value"].as_f64().unwrap() - difference).abs() < 1e-12, "{json}");
    assert_eq!((&verdict["interval"], &verdict["n"]), (&serde_json::Value::Null, &2.into()));
    let config = folder.path("a/trials/no-residual,seed=1/config.toml");
    let config = String::from_utf8(bytes(&config)).unwrap();
    assert!(config.contains("residual = false") && config.contains("seed = 1"), "{config}");
    let csv = String::from_utf8(bytes(&folder.path("a/curves.csv"))).unwrap();
    assert_eq!(csv.lines().filter(|line| line.starts_with("no-flips,")).count(), 2, "{csv}");
    let said = ablate(&folder, &["--epochs", "2"]).expect_quiet();
    for text in ["a wider network is better", "not decided", "verdicts.json"] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    // The third seed gives an interval.
    assert!(said.stdout.contains(" to "), "{}", said.stdout);
    ablate(&folder, &["--epochs", "1"]).expect_error(
        1,
        &["a: belongs to another ablation", "training.epochs is 2 there and 1 here"],
    );
    ablate(&folder, &["--seeds", "0"]).expect(2);
}

/// A reproduction in the folder `out`.
fn reproduce<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["reproduce", "--out", out, "--over", "length=1,2", "--over", "width=1,2"];
    let stages = ["--grid-epochs", "1", "--final-epochs", "2", "--ablation-seeds", "1"];
    let baselines = ["--baselines", "svm,mlp"];
    [&args[..], &SMALL, &stages, &baselines, more].concat()
}

#[test]
fn a_reproduction_goes_all_the_way_and_on_where_it_was_killed() {
    let folder = Folder::new();
    let alone = folder.run(&reproduce("alone", &["--json"])).expect_quiet().json();
    let mut child = folder
        .command(&reproduce("r", &[]))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let clock = Instant::now();
    while !folder.path("r/final/config.toml").exists() {
        assert!(clock.elapsed() < Duration::from_secs(120), "there is no final training");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let first = folder.path("r/grid/trials/length=1,width=1,seed=0/last.ckpt");
    let written = fs::metadata(&first).unwrap().modified().unwrap();
    let said = folder.run(&reproduce("r", &[])).expect_quiet();
    for text in ["Shirt is the hard class", "more accurate than svm", "r/report.html"] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), written, "it was trained again");
    for model in ["final", "baselines/mlp", "ablation/trials/no-residual,seed=0"] {
        let [one, other] =
            ["alone", "r"].map(|out| bytes(&folder.path(out).join(model).join("best.safetensors")));
        assert!(one == other, "{model}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&bytes(&folder.path("r/report.json"))).unwrap();
    for field in ["data", "selected", "verdicts"] {
        assert_eq!(json[field], alone[field], "{field}");
    }
    let report = String::from_utf8(bytes(&folder.path("r/report.md"))).unwrap();
    for text in ["Grid (table 1)", "Final training (table 2)", "Shirt", "Selected: ", "SVC"] {
        assert!(report.contains(text), "{text}: {report}");
    }
    for file in ["report.html", "figures/curves.svg", "figures/residual.png"] {
        assert!(!bytes(&folder.path("r").join(file)).is_empty(), "{file}");
    }
    let left = folder.run(&reproduce("r", &["--dry-run", "--json"])).expect_quiet().json();
    assert_eq!(left["seconds_left"], 0.0, "{left}");
    assert_eq!(left["stages"][0]["done"], 4, "{left}");
    // The final run is an ordinary one, for `report`, too.
    folder.run(&["report", "r/final", "--json"]).expect(0);
    // Runs that the grid has trained are not trained again for the ablation.
    assert!(!folder.path("r/ablation/trials/base,seed=0").exists());
    // Another reproduction is refused in this folder.
    folder
        .run(&reproduce("r", &["--lr", "0.1"]))
        .expect_error(1, &["r: belongs to another reproduction", "learning_rate"]);
    folder
        .run(&reproduce("r", &["--lr", "0.1", "--dry-run"]))
        .expect_error(1, &["r: belongs to another reproduction", "learning_rate"]);
}

#[test]
fn an_ablation_may_be_set_apart_from_the_rest() {
    let folder = Folder::new();
    let args = reproduce("r", &["--ablation-set", "stem_stride=2"]);
    folder.run(&args).expect_quiet();
    let text = "judged by the selected configuration at stem\\_stride=2";
    let report = String::from_utf8(bytes(&folder.path("r/report.md"))).unwrap();
    assert!(report.contains(text), "{report}");
    let stride = |run: &str| {
        let config = String::from_utf8(bytes(&folder.path(run).join("config.toml"))).unwrap();
        config.lines().find(|line| line.starts_with("stem_stride")).unwrap().to_owned()
    };
    assert_eq!(stride("r/final"), "stem_stride = 4");
    assert_eq!(stride("r/ablation/trials/base,seed=0"), "stem_stride = 2");
    // Different runs belong to another ablation.
    folder
        .run(&reproduce("r", &[]))
        .expect_error(1, &["r/ablation: belongs to another ablation", "stem_stride"]);
}

#[test]
fn a_dry_run_says_what_is_to_be_done_and_does_nothing() {
    let folder = Folder::new();
    let json = folder.run(&reproduce("r", &["--dry-run", "--json"])).expect_quiet().json();
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
    let column = |field: &str| -> Vec<u64> {
        json["stages"].as_array().unwrap().iter().map(|s| s[field].as_u64().unwrap()).collect()
    };
    // Base, shorter and narrower are runs of the grid.
    assert_eq!((column("runs"), column("done")), (vec![4, 1, 5], vec![0, 0, 0]), "{json}");
    assert_eq!(column("epochs"), [1, 2, 1]);
    assert!(json["seconds_left"].as_f64().unwrap() > 0.0);
    let said = folder.run(&reproduce("r", &["--dry-run", "--threads", "1"])).expect_quiet();
    for text in ["final training", "measured now on 1 thread;"] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    // Invalid settings of the ablation are reported before anything is trained.
    let args = reproduce("r", &["--ablation-set", "data.source=nowhere"]);
    folder.run(&args).expect_error(1, &["nowhere"]);
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
}

#[test]
fn what_makes_no_reproduction_is_wrong_usage() {
    let folder = Folder::new();
    for (args, text) in [
        (&["--epochs", "3"][..], "--grid-epochs and --final-epochs"),
        (&["--over", "epochs=1,2"], "training.epochs"),
        (&["--over", "length=1,2", "--length", "3"], "network.length: \"3\" has no effect"),
        (&["--width", "9"], "network.width"),
        (&["--ablation-set", "width=9"], "network.width"),
        (&["--ablation-set", "deep=9"], "deep"),
        (
            &["--over", "split=120/40/20,60/20/20"],
            "data.split: all trials of a reproduction have the same images",
        ),
    ] {
        folder.run(&[&["reproduce"], args].concat()).expect_error(2, &[text]);
    }
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
}

#[test]
fn any_network_can_be_reproduced_and_compared() {
    let folder = Folder::new();
    let args = ["reproduce", "--quick", "--preset", "mlp", "--over", "units=4,8", "--quiet"];
    let small = ["--split", "120/40/20", "--grid-epochs", "1", "--final-epochs", "2"];
    let rest = ["--ablation-seeds", "1", "--baselines", "knn,cnn", "--out", "r", "--json"];
    let json = folder.run(&[&args[..], &small, &rest].concat()).expect_quiet().json();
    let accuracy = &json["baselines"][1]["parts"][0]["accuracy"];
    let run = "r/baselines/cnn";
    let said = folder.run(&["evaluate", run, "--part", "validation", "--json"]).expect(0).json();
    assert_eq!(accuracy, &said["accuracy"]);
}

#[test]
fn a_selection_that_more_seeds_change_says_what_to_do() {
    let folder = Folder::new();
    folder.run(&reproduce("r", &[])).expect_quiet();
    // As if the grid had chosen the other width earlier.
    let config = folder.path("r/final/config.toml");
    let text = String::from_utf8(bytes(&config)).unwrap();
    let other = match text.contains("width = 1") {
        true => text.replace("width = 1", "width = 2"),
        false => text.replace("width = 2", "width = 1"),
    };
    fs::write(&config, other).unwrap();
    for more in [&[][..], &["--dry-run"]] {
        let said = folder.run(&reproduce("r", more));
        said.expect_error(
            1,
            &["r/final: was trained with another selection: network.width", "move it and"],
        );
    }
    for old in ["final", "ablation"] {
        fs::remove_dir_all(folder.path("r").join(old)).unwrap();
    }
    folder.run(&reproduce("r", &[])).expect_quiet();
    // Answers whose matrix is not square are computed again.
    let path = folder.path("r/evaluation.json");
    let good = bytes(&path);
    let mut answers: serde_json::Value = serde_json::from_slice(&good).unwrap();
    answers["validation"]["confusion"][0] = serde_json::json!([1]);
    fs::write(&path, answers.to_string()).unwrap();
    folder.run(&reproduce("r", &[])).expect_quiet();
    assert!(bytes(&path) == good);
}

#[test]
fn a_damaged_run_is_named_and_left_as_it_is() {
    let folder = Folder::new();
    folder.run(&reproduce("r", &[])).expect_quiet();
    let model = folder.path("r/final/best.safetensors");
    let good = bytes(&model);
    fs::write(&model, &good[..good.len() / 2]).unwrap();
    folder.run(&reproduce("r", &[])).expect_error(1, &["r/final/best.safetensors"]);
    assert!(bytes(&model) == good[..good.len() / 2]);
    let config = folder.path("r/grid/trials/length=1,width=2,seed=0/config.toml");
    fs::write(&config, "text").unwrap();
    folder.run(&reproduce("r", &[])).expect_error(1, &["width=2,seed=0/config.toml"]);
    let baseline = folder.path("r/baselines/svm/baseline.json");
    fs::write(&model, good).unwrap();
    fs::remove_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&baseline, "{}").unwrap();
    let said = folder.run(&reproduce("r", &[]));
    said.expect_error(1, &["r/baselines/svm/baseline.json: is not the result of a baseline"]);
    // With the broken file removed, only that part is done again.
    fs::remove_file(&baseline).unwrap();
    folder.run(&reproduce("r", &[])).expect_quiet();
}
