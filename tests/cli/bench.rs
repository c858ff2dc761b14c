//! `modiste bench`.

use crate::util::Folder;

const SMALL: [&str; 10] =
    ["bench", "--length", "1", "--width", "2", "--stem-stride", "2", "--batch", "8", "--seconds=0"];

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
    assert!(refused.stderr.contains("\"abacus\" is not to be had here"), "{}", refused.stderr);
}
