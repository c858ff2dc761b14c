//! `modiste report`: rewritten from the run folder alone, comparisons, broken folders.

use std::fs;
use std::path::Path;

use crate::util::{Folder, bytes};

/// A folder that holds the run `run`.
fn trained() -> Folder {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    folder
}

fn text(path: &Path) -> String {
    String::from_utf8(bytes(path)).unwrap()
}

/// Checks that a browser would fetch nothing; addresses and data within the page do not count.
#[track_caller]
fn expect_self_contained(html: &str) {
    for word in ["http:", "https:", "//", "@import", "<script", "<link", "<iframe", "url("] {
        assert!(!html.contains(word) || (word == "//" && only_in_base64(html)), "{word} is there");
    }
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let address = &rest[..rest.find('"').unwrap()];
            let inside = address.starts_with('#') || address.starts_with("data:image/png;base64,");
            assert!(inside, "{attribute}{}", &address[..address.len().min(80)]);
        }
    }
}

/// Base64 may have two slashes in a row.
fn only_in_base64(html: &str) -> bool {
    let outside: String = html
        .split("data:image/png;base64,")
        .enumerate()
        .map(|(i, rest)| if i == 0 { rest } else { &rest[rest.find('"').unwrap()..] })
        .collect();
    !outside.contains("//")
}

#[test]
fn a_report_is_made_again_from_the_run_folder_alone() {
    let folder = trained();
    let run = folder.path("run");
    let files = ["report.html", "report.md", "worst_mistakes.csv", "figures/curves.svg"];
    let before = files.map(|file| bytes(&run.join(file)));
    for file in ["report.html", "report.md", "worst_mistakes.csv", "last.ckpt", "log.txt"] {
        fs::remove_file(run.join(file)).unwrap();
    }
    fs::remove_dir_all(run.join("figures")).unwrap();
    let json = folder.run(&["report", "run", "--json"]).expect_quiet().json();
    assert_eq!(json["report"], "run/report.html");
    assert!(json["files"].as_array().unwrap().len() > 10, "{json}");
    assert!(files.map(|file| bytes(&run.join(file))) == before, "other bytes than before");
    let page = text(&run.join("report.html"));
    expect_self_contained(&page);
    for part in ["Confusion matrix", "ROC curves", "Reliability", "Worst mistakes: validation"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_report_of_an_older_run_evaluates_its_model_once() {
    let folder = trained();
    let page = bytes(&folder.path("run/report.html"));
    fs::remove_file(folder.path("run/evaluation.json")).unwrap();
    let said = folder.run(&["report", "run"]).expect(0);
    assert!(said.stderr.contains("evaluating the model on: train, validation"), "{}", said.stderr);
    assert!(bytes(&folder.path("run/report.html")) == page);
    folder.run(&["report", "run"]).expect_quiet();
    // The test part is evaluated only on demand; then it stays.
    assert!(!text(&folder.path("run/report.md")).contains("| test"));
    folder.run(&["report", "run", "--test"]).expect(0);
    folder.run(&["report", "run"]).expect_quiet();
    assert!(text(&folder.path("run/report.md")).contains("\n| test"));
}

#[test]
fn several_runs_are_compared() {
    let folder = trained();
    folder.train(&["--out", "wider", "--set", "network.dropout=0.25", "--seed", "5"]).expect(0);
    // A recorded run may have only its numbers left.
    fs::create_dir(folder.path("recorded")).unwrap();
    for file in ["config.toml", "metrics.csv"] {
        fs::copy(folder.path("run").join(file), folder.path("recorded").join(file)).unwrap();
    }
    let args = ["report", "run", "wider", "recorded", "--out", "both.html"];
    let said = folder.run(&args).expect(0);
    assert!(said.stderr.contains("recorded: best.safetensors is missing"), "{}", said.stderr);
    let page = text(&folder.path("both.html"));
    expect_self_contained(&page);
    let markdown = text(&folder.path("both.md"));
    for part in ["network.dropout", "training.seed", "recorded", "wider", "Training curves"] {
        assert!(markdown.contains(part), "{part} is not in {markdown}");
    }
    for file in ["both-curves.svg", "both-curves.png"] {
        assert!(folder.path(file).exists(), "{file}");
    }
    assert!(!folder.path("recorded/report.html").exists(), "a compared run was written to");
    // Two folders of the same name are distinguished by their paths.
    fs::create_dir(folder.path("other")).unwrap();
    fs::rename(folder.path("recorded"), folder.path("other/run")).unwrap();
    folder.run(&["report", "run", "other/run"]).expect(0);
    let markdown = text(&folder.path("comparison.md"));
    assert!(markdown.contains("other/run") && markdown.contains("run · other/run"), "{markdown}");
}

#[test]
fn broken_runs_get_one_line_and_keep_what_they_have() {
    let folder = trained();
    fs::create_dir(folder.path("empty")).unwrap();
    folder.run(&["report", "empty"]).expect_error(1, &["empty: is not a run folder"]);
    folder.run(&["report", "nowhere"]).expect_error(1, &["nowhere: no such folder"]);
    folder.run(&["report", "run/config.toml"]).expect_error(1, &["config.toml: is not a folder"]);
    let report = bytes(&folder.path("run/report.html"));
    for file in ["config.toml", "metrics.csv", "evaluation.json", "best.safetensors"] {
        let path = folder.path("run").join(file);
        let good = bytes(&path);
        let half = &good[..good.len() / 2];
        for bad in [half, &[], &[&good[..], b"x"].concat(), &[0xff; 64]] {
            fs::write(&path, bad).unwrap();
            folder.run(&["report", "run"]).expect_error(1, &[file]);
            folder.run(&["report", "run", "run", "--out", "c.html"]).expect_error(1, &[file]);
            assert!(bytes(&path) == bad, "{file} was overwritten");
        }
        fs::write(&path, &good).unwrap();
    }
    // A last row without its end.
    let path = folder.path("run/metrics.csv");
    let good = bytes(&path);
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    folder.run(&["report", "run"]).expect_error(1, &["metrics.csv: is truncated"]);
    fs::write(&path, &good).unwrap();
    for (file, text) in
        [("config.toml", "is not a run folder"), ("metrics.csv", "has no complete epoch yet")]
    {
        let path = folder.path("run").join(file);
        let good = bytes(&path);
        fs::remove_file(&path).unwrap();
        folder.run(&["report", "run"]).expect_error(1, &["run: ", text, file]);
        fs::write(&path, good).unwrap();
    }
    assert!(bytes(&folder.path("run/report.html")) == report, "the report was touched");
    assert!(!folder.path("c.html").exists());
    folder.run(&["report", "run"]).expect_quiet();
    assert!(bytes(&folder.path("run/report.html")) == report);
}

#[test]
fn lies_in_the_evaluation_are_told() {
    let folder = trained();
    let path = folder.path("run/evaluation.json");
    let good = text(&path);
    let json: serde_json::Value = serde_json::from_str(&good).unwrap();
    let change = |pointer: &str, value: serde_json::Value| {
        let mut json = json.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        fs::write(&path, json.to_string()).unwrap();
        folder.run(&["report", "run"]).expect_error(1, &["run/evaluation.json: is "]);
    };
    change("/format", "modiste-evaluation-0".into());
    change("/parts/1/evaluation/confusion/3", serde_json::json!([1, 2]));
    change("/parts/0/roc", serde_json::json!([]));
    change("/parts/1/mistakes/0/truth", 10.into());
    change("/parts/1/mistakes/0/image", "AAAA".into());
    change("/image", serde_json::json!([0, 28]));
    // An evaluation of another model is not used.
    let mut other = json.clone();
    other["model"] = "00000000".into();
    fs::write(&path, other.to_string()).unwrap();
    let said = folder.run(&["report", "run"]).expect(0);
    assert!(said.stderr.contains("evaluating the model"), "{}", said.stderr);
    assert_eq!(text(&path), good);
}

#[test]
fn options_without_effect_and_wrong_names() {
    let folder = trained();
    folder.run(&["report"]).expect(2);
    let out = ["report", "run", "--out", "page.pdf"];
    folder.run(&out).expect_error(2, &["page.pdf", ".html"]);
    folder.run(&["report", "run", "run", "--test"]).expect_error(2, &["--test", "one run"]);
    folder.run(&["report", "run", "--out", "one.html"]).expect_quiet();
    assert!(folder.path("one-confusion-validation.png").exists());
    folder.run(&["report", "run", "--out", "missing/one.html"]).expect(0);
    folder
        .run(&["report", "run", "--out", "run/config.toml/x.html"])
        .expect_error(1, &["config.toml"]);
}

#[test]
fn a_hundred_thousand_epochs_are_reported_in_seconds() {
    let folder = trained();
    let metrics = text(&folder.path("run/metrics.csv"));
    let (heading, rows) = metrics.split_once('\n').unwrap();
    let (_, row) = rows.lines().next().unwrap().split_once(',').unwrap();
    let rows: String = (1..=100_000).map(|epoch| format!("{epoch},{row}\n")).collect();
    fs::write(folder.path("run/metrics.csv"), format!("{heading}\n{rows}")).unwrap();
    // A second and a half of processor time is usual; quadratic time would take an hour. Other
    // processes do not count.
    folder.shell("ulimit -t 60; \"$MODISTE\" report run").expect(0);
    let figure = bytes(&folder.path("run/figures/curves.svg")).len();
    assert!(figure < 4 << 20, "{figure} bytes");
}
