//! `modiste baseline`: results in a table, as JSON and as a file; wrong usage in one line each.

use crate::util::Folder;

const FEW: [&str; 6] = ["--split", "paper", "--images", "200", "--threads", "2"];

#[test]
fn every_classical_baseline_learns_and_is_written() {
    let folder = Folder::new();
    for (kind, own) in [
        ("svm", &["--C", "5"][..]),
        ("logistic", &["--C", "0.1"]),
        ("knn", &["--k", "3"]),
        ("forest", &["--trees", "10", "--depth", "8"]),
    ] {
        let args = [&["baseline", kind], own, &FEW, &["--part", "test", "--json", "--out", kind]];
        let said = folder.run(&args.concat()).expect_quiet().json();
        assert_eq!((&said["baseline"], &said["train_images"]), (&kind.into(), &200.into()));
        let parts = said["parts"].as_array().unwrap();
        assert_eq!((&parts[0]["part"], &parts[1]["part"]), (&"validation".into(), &"test".into()));
        for part in parts {
            assert_eq!(part["images"], 1000);
            // 200 images are enough to be far better than chance, which is 0.1.
            assert!(part["accuracy"].as_f64().unwrap() > 0.6, "{kind}: {part}");
        }
        let file = std::fs::read_to_string(folder.path(kind).join("baseline.json")).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap(), said);
        let own = own[1].parse::<f64>().unwrap();
        let settings = said["settings"].as_object().unwrap();
        assert!(settings.values().any(|value| value.as_f64() == Some(own)), "{settings:?}");
    }
}

#[test]
fn the_table_has_ours_and_the_published_ones() {
    let folder = Folder::new();
    let said = folder.run(&[&["baseline", "svm"], &FEW[..]].concat()).expect_quiet().stdout;
    for text in ["svm", "this run", "SVC ", "0.897", "60,000", "the paper", "0.940"] {
        assert!(said.contains(text), "{text:?} is not in {said}");
    }
}

#[test]
fn networks_train_in_the_same_loop() {
    let folder = Folder::new();
    let small = ["--split", "120/40/20", "--epochs", "2", "--batch", "16", "--quiet"];
    for (kind, own) in [("cnn", ["--channels", "4"]), ("mlp", ["--units", "16"])] {
        let args = [&["baseline", kind], &own[..], &small, &["--json", "--out", kind]].concat();
        let said = folder.run(&args).expect_quiet().json();
        assert_eq!((&said["baseline"], &said["parts"][0]["images"]), (&kind.into(), &40.into()));
        let file = std::fs::read_to_string(folder.path(kind).join("baseline.json")).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap(), said);
        // It is an ordinary run folder, and its configuration gives the same model.
        let said = folder.run(&["evaluate", kind, "--part", "test", "--json"]).expect(0).json();
        assert_eq!(said["images"], 20);
        let config = format!("{kind}/config.toml");
        folder.run(&["train", "--config", &config, "--out", "again", "--quiet"]).expect(0);
        let model = |run: &str| std::fs::read(folder.path(run).join("best.safetensors")).unwrap();
        assert!(model(kind) == model("again"), "{kind}");
        std::fs::remove_dir_all(folder.path("again")).unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path(".")).unwrap().count(), 2, "no other folder is left");
}

#[test]
fn wrong_usage_is_told_in_a_line() {
    let folder = Folder::new();
    let error = |args: &[&str], status, texts: &[&str]| {
        folder.run(&[&["baseline"], args].concat()).expect_error(status, texts)
    };
    error(&["knn", "--k", "0"], 2, &["k = 0: not from 1 to 5000"]);
    error(&["svm", "--C=-1"], 2, &["C = -1: not a finite number above 0"]);
    error(&["svm", "--gamma", "0"], 2, &["gamma = 0: not a finite"]);
    error(&["forest", "--trees", "0"], 2, &["trees = 0: not from 1"]);
    error(&["knn", "--images", "9"], 2, &["images = 9: from 10, one per class, to 5000"]);
    error(&["cnn", "--length", "3"], 2, &["network.length: has no effect on the architecture cnn"]);
    error(
        &["cnn", "--architecture", "mlp"],
        2,
        &["network.architecture: has no effect, because the command sets it to cnn"],
    );
    error(
        &["knn", "--split", "5000/1000/0", "--part", "test"],
        1,
        &["the test part of", "no images"],
    );
    error(&["svm", "--data", "nowhere"], 1, &["nowhere"]);
    std::fs::write(folder.path("file"), "").unwrap();
    error(&["knn", "--images", "50", "--out", "file/b"], 1, &["file/b: failed to create"]);
    error(
        &["logistic", "--steps", "3"],
        1,
        &["logistic regression", "did not converge in 3 steps"],
    );
    // Options of other baselines and unknown baselines are rejected.
    for args in [
        &["knn", "--trees", "3"][..],
        &["svm", "--k", "3"],
        &["boosting"],
        &["cnn", "--images", "9"],
    ] {
        let said = folder.run(&[&["baseline"], args].concat()).expect(2);
        assert!(said.stderr.contains("error: un"), "{args:?}: {}", said.stderr);
    }
}
