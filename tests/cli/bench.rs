//! `modiste bench`.

use crate::util::Folder;

const SMALL: [&str; 12] = [
    "bench",
    "--preset",
    "light",
    "--length",
    "1",
    "--width",
    "2",
    "--stem-stride",
    "2",
    "--batch",
    "8",
    "--seconds=0",
];

#[test]
fn bench_reports_speed_memory_and_every_step() {
    let folder = Folder::new();
    let bench = folder.run(&[&SMALL[..], &["--threads", "2", "--json"]].concat()).expect(0).json();
    assert_eq!((bench["threads"].as_u64(), bench["batch"].as_u64()), (Some(2), Some(8)));
    for field in ["train_images_per_second", "infer_images_per_second", "first_step_seconds"] {
        assert!(bench[field].as_f64().unwrap() > 0.0, "{field}");
    }
    let steps = bench["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["method"] == "winograd"));
    assert!(steps.iter().all(|step| step["forward_milliseconds"].as_f64().unwrap() > 0.0));
}

#[test]
fn bench_takes_the_instruction_set_that_was_asked_for() {
    let folder = Folder::new();
    let run = |name| folder.run(&[&SMALL[..], &["--json", "--instruction-set", name]].concat());
    assert_eq!(run("portable").expect(0).json()["instruction_set"], "portable");
    let refused = run("abacus").expect(2);
    assert!(
        refused.stderr.contains("\"abacus\" is not available on this machine"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_trace_has_every_step_of_training_and_prediction() {
    let folder = Folder::new();
    let options = ["--threads", "2", "--json", "--trace", "trace.json"];
    let bench = folder.run(&[&SMALL[..], &options].concat()).expect(0).json();
    let trace: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path("trace.json")).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let complete: Vec<_> = events.iter().filter(|e| e["ph"] == "X").collect();
    for (pid, steps) in [(1, "steps"), (2, "infer_steps")] {
        for step in bench[steps].as_array().unwrap() {
            let found = complete.iter().any(|e| e["pid"] == pid && e["name"] == step["name"]);
            assert!(found, "{} in {steps}", step["name"]);
        }
    }
    // The steps of one thread lie one after the other.
    for (pid, tid) in [(1, 0), (2, 0), (2, 1)] {
        let row = complete.iter().filter(|e| e["pid"] == pid && e["tid"] == tid);
        let spans = row.map(|e| (e["ts"].as_f64().unwrap(), e["dur"].as_f64().unwrap()));
        let spans: Vec<_> = spans.collect();
        assert!(spans.is_sorted_by(|a, b| a.0 + a.1 <= b.0 + 0.01), "{pid} {tid}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_an_error() {
    let folder = Folder::new();
    let failed = folder.run(&[&SMALL[..], &["--trace", "nowhere/trace.json"]].concat()).expect(1);
    assert!(failed.stderr.contains("nowhere/trace.json: failed to write"), "{}", failed.stderr);
}
