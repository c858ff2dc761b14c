//! `modiste summary`.

use crate::util::Folder;

#[test]
fn published_configuration_has_its_parameter_count() {
    let folder = Folder::new();
    let json = folder.run(&["summary", "--preset", "paper", "--json"]).expect(0).json();
    assert_eq!(json["parameters"], 1_104_218);
    let nodes = json["nodes"].as_array().unwrap();
    let sum: u64 = nodes.iter().map(|n| n["multiply_adds"].as_u64().unwrap()).sum();
    assert_eq!(json["multiply_adds"], sum);
    for field in ["name", "op", "shape", "parameters", "multiply_adds"] {
        assert!(nodes.iter().all(|n| !n[field].is_null()), "{field}");
    }
}

#[test]
fn flags_change_the_network() {
    let folder = Folder::new();
    let args = ["summary", "--preset", "paper", "--length", "3", "--width", "4"];
    let text = folder.run(&args).expect(0).stdout;
    let total = text.lines().find(|line| line.starts_with("total")).unwrap();
    assert!(total.contains("452,618"), "{total}");
    let strided = folder.run(&[&args[..], &["--stem-stride", "2"]].concat()).expect(0).stdout;
    assert!(strided.contains("14x14x64") && !strided.contains("28x28x64"), "{strided}");
}

#[test]
fn the_memory_of_a_training_is_estimated() {
    let folder = Folder::new();
    let run = |more: &[&str]| {
        let args = [&["summary", "--architecture", "residual", "--threads", "2"], more].concat();
        folder.run(&args).expect(0)
    };
    let bytes = |batch: &str| {
        let json = run(&["--batch", batch, "--json"]).json();
        assert_eq!(json["batch"].to_string(), batch);
        json["training_bytes"].as_u64().unwrap()
    };
    let [few, many] = ["64", "512"].map(bytes);
    assert!(3 * few < many && many < 8 * few, "{few} {many}");
    let text = run(&[]).stdout;
    assert!(text.contains("training with batches of 256 takes about "), "{text}");
    assert!(text.contains(" MB, without the data"), "{text}");
}
