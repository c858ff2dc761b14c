//! The same seed gives the same bytes on any number of threads.

use crate::util::{Folder, bytes};

#[test]
fn one_two_and_three_threads_give_the_same_bytes() {
    let folder = Folder::new();
    // A smaller last batch and dropout, to include everything that could depend on threads.
    let settings = ["--width", "3", "--dropout", "0.3", "--batch", "50"];
    let model = |threads: &str| {
        let args = [
            "train",
            "--preset",
            "light",
            "--split",
            "120/40/20",
            "--length",
            "1",
            "--stem-stride",
            "2",
        ];
        let rest = ["--epochs", "2", "--threads", threads, "--out", threads];
        folder.run(&[&args[..], &settings, &rest].concat()).expect(0);
        bytes(&folder.path(threads).join("best.safetensors"))
    };
    let one = model("1");
    assert!(one == model("2"), "2 threads give other bytes than 1");
    assert!(one == model("3"), "3 threads give other bytes than 1");
}
