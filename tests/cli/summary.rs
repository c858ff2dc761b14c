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
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("total") && last.contains("452,618"), "{last}");
    let strided = folder.run(&[&args[..], &["--stem-stride", "2"]].concat()).expect(0).stdout;
    assert!(strided.contains("14x14x64") && !strided.contains("28x28x64"), "{strided}");
}
