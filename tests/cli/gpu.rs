//! `--engine gpu` and `modiste devices`.

use crate::util::Folder;

/// A training of a few seconds.
const TRAIN: [&str; 7] =
    ["train", "--preset", "cnn", "--split", "60/20/20", "--epochs=1", "--engine"];

#[test]
fn options_that_do_not_fit_the_engine_are_wrong_usage() {
    let folder = Folder::new();
    for (args, text) in [
        (&["train", "--device", "0"][..], "--device: has no effect without --engine gpu"),
        (&["evaluate", "swift", "--device", "0"], "--device: has no effect"),
        (&["predict", "swift", "--device", "0"], "--device: has no effect"),
        (&["bench", "--device", "0"], "--device: has no effect"),
        (&["train", "--engine", "gpu", "--direct"], "--direct: has no effect with --engine gpu"),
        (&["bench", "--engine", "gpu", "--threads", "2"], "--threads: has no effect"),
        (&["bench", "--engine", "gpu", "--trace", "t.json"], "--trace: has no effect"),
    ] {
        let said = folder.run(args).expect(2);
        assert!(said.stderr.contains(text), "{args:?}: {}", said.stderr);
    }
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_without_gpu_says_how_to_build_one_with_it() {
    let folder = Folder::new();
    for args in [&[&TRAIN[..], &["gpu"]].concat()[..], &["devices"], &["bench", "--engine=gpu"]] {
        let said = folder.run(args).expect(1);
        let line = "modiste: this build has no GPU engine; build it with: \
                    cargo install --path . --features gpu\n";
        assert_eq!(said.stderr, line, "{args:?}");
    }
    assert!(!folder.path("runs").exists());
}

/// Any adapter does, a software one as well.
#[cfg(feature = "gpu")]
#[test]
fn a_gpu_trains_and_the_cpu_goes_on() {
    let folder = Folder::new();
    let devices = folder.run(&["devices"]).expect(0).stdout;
    assert!(devices.starts_with("0: "), "{devices}");
    let run = [&TRAIN[..], &["gpu", "--device", "0", "--out", "run", "--quiet"]].concat();
    folder.run(&run).expect(0);
    folder.run(&["train", "--resume", "run", "--epochs", "2", "--quiet"]).expect(0);
    let more = ["train", "--resume", "run", "--epochs=3", "--engine=gpu", "--device=0", "--quiet"];
    folder.run(&more).expect(0);
    let told = std::fs::read_to_string(folder.path("run/environment.json")).unwrap();
    assert_eq!(told.matches("\"engine\": \"gpu, ").count(), 2, "{told}");
    let answers = ["cpu", "gpu"].map(|engine| {
        let mut args = vec!["evaluate", "run", "--json", "--engine", engine];
        args.extend(["--device", "0"].iter().filter(|_| engine == "gpu"));
        folder.run(&args).expect(0).json()["loss"].as_f64().unwrap()
    });
    assert!((answers[0] - answers[1]).abs() < 1e-5 * answers[0], "{answers:?}");
    let refused = folder.run(&[&TRAIN[..], &["gpu", "--device", "abacus"]].concat()).expect(1);
    assert!(refused.stderr.starts_with("modiste: no GPU \"abacus\"; available: 0: "));
}
