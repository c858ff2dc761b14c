//! `modiste data check`.

use crate::util::{Folder, bytes};

/// A folder of IDX files of 16 x 16 pixels and two classes, 40 training and 20 test pictures, with
/// every problem: 3 is a copy of 1; 5 is a copy of 2 under the other label; 7 is black; the test
/// picture 0 is the training picture 8, slightly darker.
fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("data")).unwrap();
    let mut train: Vec<Vec<u8>> = (0..40).map(picture).collect();
    let mut test: Vec<Vec<u8>> = (40..60).map(picture).collect();
    train[3] = train[1].clone();
    train[5] = train[2].clone();
    train[7] = vec![0; 256];
    test[0] = train[8].iter().map(|value| value / 10 * 9).collect();
    for (part, pictures) in [("train", train), ("t10k", test)] {
        let n = [0, 0, 0, pictures.len() as u8];
        let labels: Vec<u8> = (0..pictures.len()).map(|i| i as u8 % 2).collect();
        let images = [&[0, 0, 8, 3][..], &n, &[0, 0, 0, 16, 0, 0, 0, 16], &pictures.concat()];
        let file = |kind: &str| folder.path("data").join(format!("{part}-{kind}-ubyte"));
        std::fs::write(file("images-idx3"), images.concat()).unwrap();
        std::fs::write(file("labels-idx1"), [&[0, 0, 8, 1][..], &n, &labels].concat()).unwrap();
    }
    folder
}

/// Six overlapping discs, different for each `seed`.
fn picture(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(99);
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let mut pixels = vec![30; 256];
    for _ in 0..6 {
        let (cx, cy, r, value) = (next(16), next(16), 2 + next(4), next(250));
        for (i, pixel) in (0_u32..).zip(&mut pixels) {
            if (i % 16).abs_diff(cx).pow(2) + (i / 16).abs_diff(cy).pow(2) < r * r {
                *pixel = value as u8;
            }
        }
    }
    pixels
}

const CHECK: [&str; 6] = ["data", "check", "--data", "data", "--split", "30/10/20"];

/// Number of pictures with each issue in the printed JSON.
fn count(json: &serde_json::Value, issue: &str) -> usize {
    let found = json["findings"].as_array().unwrap().iter();
    found.filter(|finding| finding["issue"] == issue).count()
}

#[test]
fn copies_conflicts_leaks_and_black_pictures_are_found() {
    let folder = folder();
    let args = [&CHECK[..], &["--no-labels", "--json", "--csv", "found.csv"]].concat();
    let json = folder.run(&args).expect_quiet().json();
    assert_eq!(count(&json, "conflict"), 1);
    assert_eq!(count(&json, "odd"), 1);
    assert_eq!(count(&json, "near_duplicate"), 0);
    // The copy within the training file may be in the validation part.
    assert_eq!(count(&json, "duplicate") + count(&json, "leak"), 2);
    assert_eq!(json["findings"].as_array().unwrap().len(), 4);
    assert_eq!((&json["labels_checked"], &json["images"]), (&false.into(), &60.into()));
    let leak = json["findings"].as_array().unwrap().iter().find(|f| f["other"]["part"] == "test");
    assert_eq!(leak.unwrap()["other"]["index"], 0);

    let csv = String::from_utf8(bytes(&folder.path("found.csv"))).unwrap();
    assert_eq!(csv.lines().count(), 5);
    let severity = |line: &str| line.split(',').nth(1).unwrap().parse::<f64>().unwrap();
    assert!(csv.lines().skip(1).map(severity).is_sorted_by(|a, b| a >= b), "{csv}");
    let page = String::from_utf8(bytes(&folder.path("data-check.html"))).unwrap();
    for text in ["Conflicting labels", "Odd pictures", "data:image/png;base64,", "not looked for"] {
        assert!(page.contains(text), "{text}");
    }
    let again = folder.run(&[&CHECK[..], &["--no-labels", "--similarity", "1"]].concat());
    let text = again.expect_quiet().stdout;
    assert!(text.contains("60 pictures") && text.contains("data-check.html"), "{text}");
}

#[test]
fn label_errors_come_from_networks_or_from_a_file() {
    let folder = folder();
    let tiny = ["--architecture", "cnn", "--channels", "4", "--stages", "1", "--epochs", "1"];
    let files = ["--save-probabilities", "p.csv", "--work", "work", "--json"];
    let trained = [&CHECK[..], &tiny, &["--folds", "2", "--quiet"], &files].concat();
    let json = folder.run(&trained).expect_quiet().json();
    assert_eq!(json["labels_checked"], true);
    let saved = bytes(&folder.path("p.csv"));
    // The runs exist, so the same command has nothing left to train.
    folder.run(&trained).expect_quiet();
    assert_eq!(bytes(&folder.path("p.csv")), saved);
    let text = String::from_utf8(saved).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), &rows[0][..3]), (41, &["part", "index", "label"][..]));
    for row in &rows[1..] {
        let sum: f64 = row[3..].iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{row:?}");
    }

    // Networks that are sure of every label except one.
    let mut sure = rows[0].join(",") + "\n";
    for (i, row) in rows[1..].iter().enumerate() {
        let right = (row[2] == rows[0][3]) != (i == 17);
        let [a, b] = if right { ["0.95", "0.05"] } else { ["0.05", "0.95"] };
        sure += &[row[0], row[1], row[2], a, b].join(",");
        sure.push('\n');
    }
    std::fs::write(folder.path("sure.csv"), &sure).unwrap();
    let given = [&CHECK[..], &["--probabilities", "sure.csv", "--json"]].concat();
    let json = folder.run(&given).expect_quiet().json();
    let errors = json["findings"].as_array().unwrap().iter();
    let errors: Vec<_> = errors.filter(|f| f["issue"] == "label_error").collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["picture"]["index"].to_string(), rows[18][1]);
    assert_ne!(errors[0]["suggested"], errors[0]["picture"]["class"]);
    assert_eq!(errors[0]["severity"], 0.95);

    let short = sure.lines().take(30).collect::<Vec<_>>().join("\n");
    for (text, said) in [
        (short, "has 29 rows"),
        (sure.replacen("0.95", "much", 1), "\"much\" is not a probability"),
        (sure.replacen("0.95", "0.5", 1), "the probabilities of picture 0"),
        (sure.replacen(rows[0][3], "what", 1), "has no column"),
    ] {
        std::fs::write(folder.path("bad.csv"), text).unwrap();
        let bad = [&CHECK[..], &["--probabilities", "bad.csv"]].concat();
        folder.run(&bad).expect_error(1, &[said]);
    }
}

#[test]
fn options_that_contradict_are_refused() {
    let folder = folder();
    let run = |args: &[&str]| folder.run(&[&CHECK[..4], args].concat());
    run(&["--no-labels", "--out", "a", "--csv", "a"]).expect_error(2, &["--out", "--csv"]);
    run(&["--split", "full:fold=1/3"]).expect_error(2, &["is already a fold"]);
    assert_eq!(run(&["--no-labels", "--folds", "3"]).status, 2);
    assert_eq!(run(&["--similarity", "2"]).status, 2);
}

#[test]
fn what_the_list_names_is_left_out_of_training() {
    let folder = folder();
    folder.run(&[&CHECK[..], &["--no-labels", "--csv", "found.csv"]].concat()).expect_quiet();
    let list = String::from_utf8(bytes(&folder.path("found.csv"))).unwrap();
    assert!(list.contains("train-images-idx3-ubyte,7,"), "{list}");
    let run = |args: &[&str]| {
        let tiny = ["--preset", "cnn", "--channels", "4", "--stages", "1", "--epochs", "1"];
        folder.run(&[&["train"], &CHECK[2..], &tiny, args].concat())
    };
    let json = run(&["--exclude", "found.csv", "--out", "r", "--json", "--quiet"]).expect(0).json();
    let pictures = |part: &str| json[part]["images"].as_u64().unwrap();
    // Four rows name four pictures of the training file.
    assert_eq!(pictures("train") + pictures("validation"), 36);
    let config = String::from_utf8(bytes(&folder.path("r/config.toml"))).unwrap();
    assert!(config.contains("exclude = \"found.csv\""), "{config}");
    std::fs::write(folder.path("other.csv"), "file\nno.png\n").unwrap();
    run(&["--exclude", "other.csv"]).expect_error(1, &["other.csv", "names no training"]);
    std::fs::write(folder.path("wrong.csv"), "picture\nno.png\n").unwrap();
    run(&["--exclude", "wrong.csv"]).expect_error(1, &["wrong.csv", "no column \"file\""]);
    run(&["--exclude", "nowhere.csv"]).expect_error(1, &["nowhere.csv"]);
}

#[test]
fn names_in_the_list_are_no_formulas() {
    let folder = Folder::new();
    let heading: Vec<String> = (0..256).map(|i| format!("pixel{i}")).collect();
    let mut table = format!("label,{}\n", heading.join(","));
    for i in 0..60 {
        // Picture 3 is picture 0 under the other label.
        let pixels = picture(if i == 3 { 0 } else { i });
        let pixels: Vec<String> = pixels.iter().map(u8::to_string).collect();
        table += &format!("{},{}\n", ["=1+1", "@sum(a)"][i as usize % 2], pixels.join(","));
    }
    std::fs::write(folder.path("=data.csv"), table).unwrap();
    let check = ["data", "check", "--data", "=data.csv", "--split", "40/10/10", "--no-labels"];
    folder.run(&[&check[..], &["--csv", "found.csv"]].concat()).expect_quiet();
    let list = String::from_utf8(bytes(&folder.path("found.csv"))).unwrap();
    assert!(list.contains("'=1+1") && list.contains("'@sum(a)"), "{list}");
    let cells = || list.lines().flat_map(|line| line.split([',', '"']));
    assert!(cells().all(|cell| !cell.starts_with(['=', '@'])), "{list}");
    // The list names the same pictures for `--exclude`.
    let tiny = ["--preset", "cnn", "--channels", "4", "--stages", "1", "--epochs", "1", "--quiet"];
    let train = [&["train", "--exclude", "found.csv", "--out", "r"], &check[2..6], &tiny].concat();
    folder.run(&train).expect(0);
}
