//! `modiste evaluate`.

use crate::util::{Folder, bytes};

#[test]
fn json_has_the_promised_fields_and_they_agree() {
    let folder = Folder::new();
    let trained = folder.train(&["--out", "run", "--json"]).expect(0).json();
    let args = ["evaluate", "run", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!((&json["part"], &json["images"]), (&"validation".into(), &40.into()));
    for field in ["accuracy", "loss", "auroc"] {
        assert_eq!(json[field], trained["validation"][field], "{field}");
    }
    assert!(json["calibration"]["ece"].is_number());
    let confusion = json["confusion"].as_array().unwrap();
    let count = |row: usize, column: usize| confusion[row][column].as_u64().unwrap();
    let right: u64 = (0..10).map(|i| count(i, i)).sum();
    let all: u64 =
        (0..10).flat_map(|i| (0..10).map(move |j| (i, j))).map(|(i, j)| count(i, j)).sum();
    assert_eq!(all, 40);
    assert_eq!(json["accuracy"].as_f64().unwrap(), right as f64 / 40.0);
    let classes = json["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 10);
    for field in ["name", "precision", "recall", "f1", "support", "auroc"] {
        assert!(classes.iter().all(|class| class.get(field).is_some()), "{field}");
    }
}

#[test]
fn the_test_part_is_another_one() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let args = ["evaluate", "run/best.safetensors", "--part", "test", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!((&json["part"], &json["images"]), (&"test".into(), &20.into()));
    let args = ["evaluate", "run", "--split", "paper", "--part", "test", "--json"];
    assert_eq!(folder.run(&args).expect(0).json()["images"], 1000);
}

#[test]
fn mistakes_are_those_of_the_confusion_matrix() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let said = folder.run(&["evaluate", "run", "--mistakes", "wrong.csv", "--json"]).expect(0);
    let right = (said.json()["accuracy"].as_f64().unwrap() * 40.0).round() as usize;
    let csv = String::from_utf8(bytes(&folder.path("wrong.csv"))).unwrap();
    assert!(csv.starts_with("index,truth,prediction,probability,"), "{csv}");
    assert_eq!(csv.lines().count() - 1, 40 - right);
}

#[test]
fn a_model_says_which_images_it_takes() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    // Three images of another size and other classes.
    folder
        .shell(
            "for class in cat dog; do mkdir -p pets/$class
             for i in 1 2 3 4 5 6; do printf 'P5 4 4 255\\n0123456789abcde%s' $i > pets/$class/$i.pgm
             done; done",
        )
        .expect(0);
    let said = folder.run(&["evaluate", "run", "--data", "pets", "--split", "4/4/4"]);
    assert_eq!(said.status, 1);
    assert!(said.stderr.starts_with("modiste: "), "{}", said.stderr);
}
