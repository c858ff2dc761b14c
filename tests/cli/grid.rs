//! `modiste grid`: trials, tables, interruptions.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::util::{Folder, Said, TINY, bytes};

/// A grid of four tiny trials.
const OVER: [&str; 4] = ["--over", "length=1,2", "--over", "dropout=0.5,0.3"];

/// `modiste grid` with tiny networks in the folder `g`.
fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let tiny = [&TINY[..2], &TINY[4..]].concat();
    [&["grid", "--out", "g", "--quiet"], &OVER[..], &tiny, more].concat()
}

fn grid(folder: &Folder, more: &[&str]) -> Said {
    folder.run(&args(more))
}

/// The model of each trial, by name.
fn models(folder: &Folder, out: &str) -> Vec<(String, Vec<u8>)> {
    let trials = folder.path(out).join("trials");
    let mut models: Vec<_> = fs::read_dir(&trials)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), bytes(&trials.join(name).join("best.safetensors"))))
        .collect();
    models.sort();
    models
}

#[test]
fn a_grid_leaves_runs_and_tables() {
    let folder = Folder::new();
    let said = grid(&folder, &["--json"]).expect_quiet();
    let json = said.json();
    assert_eq!((&json["out"], &json["complete"]), (&"g".into(), &true.into()));
    let rows = json["rows"].as_array().unwrap();
    let values: Vec<_> = rows.iter().map(|row| row["values"].to_string()).collect();
    let expected = [r#"["1","0.5"]"#, r#"["2","0.5"]"#, r#"["1","0.3"]"#, r#"["2","0.3"]"#];
    assert_eq!(values, expected, "the first field changes fastest");
    let train = |i: usize| rows[i]["train"]["mean"].as_f64().unwrap();
    let gain = |i: usize, axis: usize| rows[i]["gains"][axis]["train"].as_f64();
    assert_eq!(gain(3, 0), Some(train(3) - train(2)));
    assert_eq!(gain(3, 1), Some(train(3) - train(1)));
    assert_eq!((gain(2, 0), gain(1, 1)), (None, None));
    // Each trial is an ordinary run.
    let run = "g/trials/length=1,dropout=0.3,seed=0";
    folder.run(&["evaluate", run, "--part", "test"]).expect(0);
    let config = String::from_utf8(bytes(&folder.path(run).join("config.toml"))).unwrap();
    assert!(config.contains("length = 1") && config.contains("dropout = 0.3"), "{config}");
    let csv = String::from_utf8(bytes(&folder.path("g/results.csv"))).unwrap();
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.starts_with("length,dropout,parameters,"), "{csv}");
    let csv = String::from_utf8(bytes(&folder.path("g/trials.csv"))).unwrap();
    assert_eq!(csv.lines().filter(|line| line.contains(",done,3,")).count(), 4, "{csv}");
    // Nothing is left to do; the table is printed again.
    let again = grid(&folder, &[]).expect_quiet();
    for text in ["by length", "by dropout", "selected", "results.csv"] {
        assert!(again.stdout.contains(text), "{text}: {}", again.stdout);
    }
}

#[test]
fn a_grid_grows_and_takes_in_runs_that_were_trained_elsewhere() {
    let folder = Folder::new();
    let dry = grid_dry(&folder, &["--seeds", "2"]);
    let trials = dry["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 8);
    assert!(!folder.path("g").exists(), "a dry run leaves nothing");
    let (name, command) = (&trials[3]["name"], trials[3]["command"].as_str().unwrap());
    assert_eq!(name, "length=2,dropout=0.5,seed=1");
    let script = format!("\"$MODISTE\" {}", command.strip_prefix("modiste ").unwrap());
    folder.shell(&script).expect(0);
    let model = folder.path("g/trials").join(name.as_str().unwrap()).join("best.safetensors");
    let written = fs::metadata(&model).unwrap().modified().unwrap();
    assert_eq!(grid_dry(&folder, &["--seeds", "2"])["trials"][3]["state"], "done");
    // One seed first, then more of them.
    grid(&folder, &[]).expect_quiet();
    let json = grid(&folder, &["--seeds", "2", "--json"]).expect_quiet().json();
    assert_eq!(json["rows"][0]["train"]["n"], 2);
    assert!(json["rows"][0]["train"]["deviation"].as_f64().unwrap() > 0.0);
    assert_eq!(fs::metadata(&model).unwrap().modified().unwrap(), written, "it was trained again");
    // Another grid is refused in this folder.
    let said = grid(&folder, &["--seeds", "2", "--label-smoothing", "0.2"]);
    let text = "training.label_smoothing is 0.1 there and 0.2 here";
    said.expect_error(1, &["g: belongs to another grid", text]);
    let said = grid(&folder, &["--seeds", "1"]);
    said.expect_error(1, &["g: belongs to another grid", "seed=1"]);
}

fn grid_dry(folder: &Folder, more: &[&str]) -> serde_json::Value {
    let args = args(&[more, &["--dry-run", "--json"]].concat());
    let args: Vec<&str> = args.into_iter().filter(|arg| *arg != "--quiet").collect();
    folder.run(&args).expect_quiet().json()
}

#[test]
fn folds_validate_every_image_once() {
    let folder = Folder::new();
    let args = ["--over", "width=1", "--folds", "4", "--json"];
    let tiny = ["grid", "--out", "g", "--quiet", "--split", "120/40/20", "--length", "1"];
    let rest = ["--stem-stride", "4", "--epochs", "1", "--batch", "16"];
    let json = folder.run(&[&tiny[..], &rest, &args].concat()).expect_quiet().json();
    let row = &json["rows"][0];
    assert_eq!((&row["trials"], &row["validation_images"]), (&4.into(), &160.into()));
    assert_eq!(json["trials"][2]["name"], "width=1,seed=0,fold=3of4");
    // The configuration is enough to repeat the fold.
    let trial = "g/trials/width=1,seed=0,fold=3of4";
    let config = format!("{trial}/config.toml");
    folder.run(&["train", "--config", &config, "--out", "again", "--quiet"]).expect_quiet();
    let [one, again] = [trial, "again"].map(|r| bytes(&folder.path(r).join("best.safetensors")));
    assert!(one == again);
}

/// A grid of two longer trials that are trained one after the other.
const LONGER: [&str; 22] = [
    "grid",
    "--quiet",
    "--over",
    "width=1,2",
    "--split",
    "600/100/50",
    "--length",
    "1",
    "--stem-stride",
    "4",
    "--epochs",
    "4",
    "--batch",
    "8",
    "--checkpoint-minutes",
    "0.0005",
    "--jobs",
    "1",
    "--threads",
    "1",
    "--out",
    "g",
];

fn start(folder: &Folder, args: &[&str]) -> Child {
    folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn wait_for(path: &std::path::Path) {
    let clock = Instant::now();
    while !path.exists() {
        assert!(clock.elapsed() < Duration::from_secs(60), "{} is not written", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn killed_and_started_again_a_grid_ends_as_if_left_alone() {
    let folder = Folder::new();
    let alone = [&LONGER[..LONGER.len() - 1], &["alone"]].concat();
    folder.run(&alone).expect_quiet();
    let mut child = start(&folder, &LONGER);
    // In the middle of the second trial.
    let second = folder.path("g/trials/width=2,seed=0/last.ckpt");
    wait_for(&second);
    child.kill().unwrap();
    child.wait().unwrap();
    let first = folder.path("g/trials/width=1,seed=0/last.ckpt");
    let written = fs::metadata(&first).unwrap().modified().unwrap();
    folder.run(&LONGER).expect_quiet();
    assert!(models(&folder, "g") == models(&folder, "alone"));
    assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), written, "it was trained again");
}

#[test]
fn a_signal_ends_a_grid_with_130_and_two_processes_do_not_share_a_shard() {
    let folder = Folder::new();
    let child = start(&folder, &LONGER);
    wait_for(&folder.path("g/trials/width=1,seed=0/last.ckpt"));
    folder.run(&LONGER).expect_error(1, &["g: is in use", "shard 1/1"]);
    folder.shell(&format!("kill -TERM {}", child.id())).expect(0);
    let said = Said::new("grid".into(), child.wait_with_output().unwrap());
    assert_eq!(said.status, 130, "{}", said.stderr);
    assert!(said.stderr.contains("run the same command to continue"), "{}", said.stderr);
    folder.run(&LONGER).expect(0);
}

#[test]
fn shards_share_a_folder() {
    let folder = Folder::new();
    let children = ["1/3", "2/3", "3/3"].map(|shard| start(&folder, &args(&["--shard", shard])));
    for child in children {
        Said::new("grid".into(), child.wait_with_output().unwrap()).expect_quiet();
    }
    let alone: Vec<&str> =
        args(&[]).into_iter().map(|arg| if arg == "g" { "alone" } else { arg }).collect();
    folder.run(&alone).expect_quiet();
    assert!(models(&folder, "g") == models(&folder, "alone"));
    // The last process wrote the complete table.
    let [shards, alone] = ["g", "alone"].map(|out| bytes(&folder.path(out).join("results.csv")));
    assert!(shards == alone, "{}", String::from_utf8_lossy(&shards));
}

#[test]
fn a_trial_that_another_process_trains_is_waited_for() {
    let folder = Folder::new();
    let train = ["train", "--config", "one.toml", "--out", "g/trials/width=2,seed=0", "--quiet"];
    folder.run(&LONGER).expect(0);
    let trial = folder.path("g/trials/width=2,seed=0");
    fs::rename(trial.join("config.toml"), folder.path("one.toml")).unwrap();
    fs::remove_dir_all(&trial).unwrap();
    let child = start(&folder, &train);
    wait_for(&trial.join("last.ckpt"));
    let loud: Vec<&str> = LONGER.into_iter().filter(|arg| *arg != "--quiet").collect();
    let said = folder.run(&loud).expect(0);
    assert!(said.stderr.contains("another process is training it"), "{}", said.stderr);
    Said::new("train".into(), child.wait_with_output().unwrap()).expect_quiet();
}

#[test]
fn what_makes_no_grid_is_wrong_usage() {
    let folder = Folder::new();
    for (args, text) in [
        (&["--over", "lenght=1,2"][..], "the nearest is network.length"),
        (&["--over", "length="], "network.length: has an empty value"),
        (&["--over", "length=1,,2"], "network.length: has an empty value"),
        (&["--over", "length=1,x"], "network.length: \"x\" is not a whole number"),
        (&["--over", "width=1,9"], "network.width: 9 is not a whole number from 1 to 8"),
        (&["--over", "length=1,1"], "network.length: has the value 1 twice"),
        (&["--over", "length=1", "--over", "network.length=2"], "network.length: is named twice"),
        (&["--over", "seed=1,2"], "use --seeds"),
        (
            &["--over", "split=paper,full", "--folds", "2"],
            "data.split: cannot be an axis together with --folds",
        ),
        (&["--over", "length=1,2", "--length", "3"], "network.length: \"3\" has no effect"),
        (&["--folds", "1"], "data.split"),
        (&["--over", "kind=adam,sgd"], "kind: "),
        // Defaults of an architecture or schedule of the grid override the given settings.
        (
            &["--over", "width=4,5", "--over", "architecture=inception_resnet,cnn"],
            "no effect on the architecture cnn",
        ),
        (
            &["--over", "architecture=cnn,inception_resnet", "--dropout", "0.1"],
            "use --over network.dropout=0.1 instead",
        ),
        (
            &["--over", "schedule=cosine,plateau", "--lr", "0.01"],
            "use --over training.schedule.learning_rate=0.01 instead",
        ),
    ] {
        folder.run(&[&["grid"], args].concat()).expect_error(2, &[text]);
    }
    for args in
        [&["--shard", "3/2"][..], &["--shard", "0/2"], &["--over", "length"], &["--seeds", "0"]]
    {
        assert_eq!(folder.run(&[&["grid"], args].concat()).status, 2, "{args:?}");
    }
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
}

#[test]
fn what_only_data_and_engine_rule_out_shows_before_a_folder_is_made() {
    let folder = Folder::new();
    for (over, split, text) in [
        ("batch=16,8192", "120/40/20", "a batch of 8192 images; 1 to 4096 are possible"),
        ("class-weights=1,2,1;none", "120/40/20", "training.class_weights: "),
        ("dropout=0.1,0.2", "120/0/40", "data.split: 120/0/40 has no validation set to compare by"),
    ] {
        let args = ["grid", "--quiet", "--out", "g", "--over", over, "--split", split];
        folder.run(&args).expect_error(1, &[text]);
    }
    let said = folder.train(&["--class-weights", "1,2,1", "--out", "r", "--quiet"]);
    said.expect_error(1, &["training.class_weights: "]);
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "a folder was made");
}

#[test]
fn architectures_side_by_side_have_their_own_data_and_commands() {
    let folder = Folder::new();
    let args = ["grid", "--out", "g", "--preset", "mlp", "--split", "60/20/20", "--epochs", "1"];
    let over = ["--over", "dropout=0.4", "--over", "architecture=mlp,cnn,inception_resnet"];
    let more = ["--batch", "16", "--early-stopping", "3", "--weight-decay", "0.01", "--json"];
    let args = [&args[..], &over, &more].concat();
    let dry = || folder.run(&[&args[..], &["--dry-run"]].concat()).expect_quiet().json();
    for trial in dry()["trials"].as_array().unwrap() {
        let command = trial["command"].as_str().unwrap().strip_prefix("modiste ").unwrap();
        assert!(command.contains("dropout=0.4"), "{command}");
        folder.shell(&format!("\"$MODISTE\" {command} --quiet")).expect(0);
    }
    let json = folder.run(&[&args[..], &["--quiet"]].concat()).expect_quiet().json();
    for (row, trial) in dry()["trials"].as_array().unwrap().iter().enumerate() {
        assert_eq!(trial["state"], "done", "{trial}");
        let kind = json["rows"][row]["values"][1].as_str().unwrap();
        let preset = if kind == "inception_resnet" { "light" } else { kind };
        let alone = folder.run(&["summary", "--preset", preset, "--json"]).expect(0).json();
        assert_eq!(json["rows"][row]["parameters"], alone["parameters"], "{kind}");
    }
    // When one worker trains them in sequence, each still gets images in its own form.
    let again = [&args[..], &["--quiet", "--jobs", "1"]].concat();
    let again: Vec<&str> =
        again.into_iter().map(|arg| if arg == "g" { "h" } else { arg }).collect();
    folder.run(&again).expect_quiet();
    assert!(models(&folder, "g") == models(&folder, "h"));
}

#[test]
fn the_tables_are_those_of_the_grown_grid() {
    let folder = Folder::new();
    grid(&folder, &[]).expect_quiet();
    let grown = fs::read_to_string(folder.path("g/grid.toml")).unwrap();
    fs::remove_dir_all(folder.path("g/trials/length=1,dropout=0.5,seed=0")).unwrap();
    let mut child = start(&folder, &args(&["--shard", "1/4"]));
    wait_for(&folder.path("g/.shard-1-of-4.lock"));
    wait_for(&folder.path("g/trials/length=1,dropout=0.5,seed=0/config.toml"));
    // Meanwhile another process adds a seed.
    let grown = grown.replacen("seeds = 1", "seeds = 2", 1);
    fs::write(folder.path("g/grid.toml"), grown).unwrap();
    assert!(child.wait().unwrap().success());
    let csv = String::from_utf8(bytes(&folder.path("g/trials.csv"))).unwrap();
    assert_eq!(csv.lines().count(), 9, "{csv}");
}

#[test]
fn a_folder_of_any_name_will_do() {
    let folder = Folder::new();
    let script =
        "\"$MODISTE\" grid --quiet --over width=1 --shard 2/2 --out \"$(printf 'g\\377')\"";
    folder.shell(script).expect(0);
}

#[test]
fn a_place_that_holds_something_else_is_left_alone() {
    let folder = Folder::new();
    folder.train(&["--out", "g/trials/length=1,dropout=0.5,seed=0", "--quiet"]).expect_quiet();
    let said = grid(&folder, &[]);
    said.expect_error(1, &["g/trials/length=1,dropout=0.5,seed=0: belongs to another run: "]);
    fs::remove_dir_all(folder.path("g")).unwrap();
    grid(&folder, &[]).expect_quiet();
    fs::write(folder.path("g/grid.toml"), "seeds = \"many\"").unwrap();
    grid(&folder, &[]).expect_error(1, &["g/grid.toml: "]);
}

#[test]
fn a_trial_that_goes_astray_does_not_end_the_others() {
    let folder = Folder::new();
    let tiny = [&TINY[..], &["--set", "training.schedule.kind=constant"]].concat();
    let over = ["--over", "learning_rate=1e30,1e-3", "--out", "g"];
    let said = folder.run(&[&["grid"], &tiny[..], &over].concat());
    let said = said.expect_error(1, &["1 of 2 trials failed: learning_rate=1", "is not finite"]);
    assert!(said.stdout.contains("1 of 2 trials are not done"), "{}", said.stdout);
    // A trial has no report until somebody asks for it.
    let trial = "g/trials/learning_rate=0.001,seed=0";
    assert!(!folder.path(trial).join("report.html").exists());
    let said = folder.run(&["report", trial]).expect(0);
    assert!(said.stderr.contains("evaluating the model on: train, validation"), "{}", said.stderr);
    assert!(folder.path(trial).join("report.html").exists());
}

#[test]
fn a_full_disk_ends_a_grid_with_one_line_and_loses_nothing() {
    let folder = Folder::new();
    let args = args(&[]).join(" ").replace("length=1,2", "'length=1,2'");
    let limited = format!("trap '' XFSZ; ulimit -f 1000; \"$MODISTE\" {args}");
    folder.shell(&limited).expect_error(1, &["g/trials/", "failed to write"]);
    grid(&folder, &[]).expect_quiet();
}
