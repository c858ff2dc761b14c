//! `modiste predict`: every kind of input and output, and inputs that cannot be answered.

use std::fs;
use std::sync::LazyLock;

use modiste_data::{Images, Source, load, write_idx_gz};
use serde_json::Value;

use crate::util::{Folder, bytes};

/// A trained model: 120 training images, 40 to validate, 20 to test.
static MODEL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    bytes(&folder.path("run/best.safetensors"))
});

/// A folder that holds the model `m`.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::write(folder.path("m"), &*MODEL).unwrap();
    folder
}

/// The 20 test images of the model's split.
fn images() -> Images {
    load(&Source::Embedded, &"120/40/20".parse().unwrap(), 0).unwrap().test.images
}

/// A grey BMP picture with pixels enlarged to `scale` x `scale`, in the middle of a `sheet` of
/// twice its size.
fn bmp(image: &[u8], scale: usize, sheet: Option<u8>) -> Vec<u8> {
    let (side, edge) = match sheet {
        Some(_) => (56 * scale, 14 * scale),
        None => (28, 0),
    };
    let row = (3 * side).next_multiple_of(4);
    let word = |value: usize| (value as u32).to_le_bytes();
    let mut file = [&b"BM"[..], &word(54 + row * side), &[0; 4], &word(54), &word(40)].concat();
    file.extend([word(side), word(side)].concat());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for y in (0..side).rev() {
        let pixel = |x: usize| {
            let (y, x) = (y.wrapping_sub(edge) / scale, x.wrapping_sub(edge) / scale);
            let value = if y < 28 && x < 28 { image[28 * y + x] } else { 0 };
            sheet.map_or(value, |sheet| sheet - value.min(sheet))
        };
        let mut line: Vec<u8> = (0..side).flat_map(|x| [pixel(x); 3]).collect();
        line.resize(row, 0);
        file.extend(line);
    }
    file
}

/// An npy file of `pixels`, one image per row.
fn npy(pixels: &[u8]) -> Vec<u8> {
    let shape = format!("({}, 784)", pixels.len() / 784);
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), pixels].concat()
}

/// Class and probability of every answer.
fn answers(json: &Value) -> Vec<(u64, f64)> {
    let all = json["answers"].as_array().unwrap().iter();
    all.map(|a| (a["class"].as_u64().unwrap(), a["probability"].as_f64().unwrap())).collect()
}

#[test]
fn the_test_part_is_answered_as_evaluate_counts() {
    let folder = folder();
    let json = folder.run(&["predict", "m", "--json", "--probabilities"]).expect_quiet().json();
    assert_eq!((&json["images"], &json["rejected"]), (&20.into(), &0.into()));
    let evaluated = folder.run(&["evaluate", "m", "--part", "test", "--json"]).expect(0).json();
    for class in 0..10 {
        let said = answers(&json).iter().filter(|answer| answer.0 == class as u64).count();
        let column = evaluated["confusion"].as_array().unwrap().iter();
        let counted: u64 = column.map(|row| row[class].as_u64().unwrap()).sum();
        assert_eq!(said as u64, counted, "class {class}");
    }
    for answer in json["answers"].as_array().unwrap() {
        let all = answer["probabilities"].as_array().unwrap();
        let sum: f64 = all.iter().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        assert_eq!(all[answer["class"].as_u64().unwrap() as usize], answer["probability"]);
        assert_eq!(answer["top"].as_array().unwrap().len(), 3);
    }
    let args = ["predict", "m", "--part", "validation", "--top", "1", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!((&json["images"], json["answers"][39]["id"].as_str()), (&40.into(), Some("39")));
    assert_eq!(json["answers"][0]["top"].as_array().unwrap().len(), 1);
}

#[test]
fn the_same_images_get_the_same_answers_however_they_come() {
    let (folder, images) = (folder(), images());
    let expected = answers(&folder.run(&["predict", "m", "--json"]).expect(0).json());
    fs::write(folder.path("images.npy"), npy(&images.pixels)).unwrap();
    let packed = write_idx_gz(&[20, 28, 28], &images.pixels);
    fs::write(folder.path("images.gz"), packed).unwrap();
    fs::create_dir_all(folder.path("pictures/more")).unwrap();
    for i in 0..20 {
        let name = if i < 15 { format!("pictures/{i:02}") } else { format!("pictures/more/{i}") };
        fs::write(folder.path(&name), bmp(images.get(i), 1, None)).unwrap();
    }
    for input in ["images.npy", "images.gz", "pictures"] {
        let json = folder.run(&["predict", "m", input, "--json"]).expect_quiet().json();
        assert_eq!(answers(&json), expected, "{input}");
    }
    for input in ["images.npy", "images.gz", "pictures/03"] {
        let said = folder.shell(&format!("\"$MODISTE\" predict m - --json < {input}"));
        let got = answers(&said.expect_quiet().json());
        let expected = if got.len() == 1 { &expected[3..4] } else { &expected };
        assert_eq!(got, expected, "{input} as standard input");
    }
    let args = ["predict", "m", "pictures/03", "images.npy", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!(answers(&json)[1..], expected);
    let id = |i: usize| json["answers"][i]["id"].as_str().unwrap().to_owned();
    assert_eq!([id(0), id(1), id(20)], ["pictures/03", "images.npy#0", "images.npy#19"]);
}

/// A tar archive of these files.
fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn whatever_is_evaluated_is_predicted() {
    let (folder, images) = (folder(), images());
    let expected = answers(&folder.run(&["predict", "m", "--json"]).expect(0).json());
    let mut files: Vec<(String, Vec<u8>)> =
        (0..5).map(|i| (format!("in/a/{i}.bmp"), bmp(images.get(i), 1, None))).collect();
    files.push(("in/README.txt".to_owned(), b"a note".to_vec()));
    files.push(("in/labels.csv".to_owned(), b"file,label\n0.bmp,x\n".to_vec()));
    fs::write(folder.path("a.tar"), tar(&files)).unwrap();
    let json = folder.run(&["predict", "m", "a.tar", "--json"]).expect_quiet().json();
    assert_eq!(answers(&json), expected[..5]);
    assert_eq!(json["answers"][1]["id"], "a.tar/in/a/1.bmp");
    // In a folder, tables and notes among the pictures are passed over.
    fs::create_dir_all(folder.path("in/a")).unwrap();
    for (name, bytes) in &files {
        fs::write(folder.path(name), bytes).unwrap();
    }
    let said = folder.run(&["predict", "m", "in", "--json"]).expect(0);
    assert_eq!(answers(&said.json()), expected[..5]);
    assert!(said.stderr.contains("passed over 2 files among the pictures"), "{}", said.stderr);
    // A table of pixels, with its labels.
    let row = |i: usize| images.get(i).iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let header: Vec<String> = (1..=784).map(|i| format!("pixel{i}")).collect();
    let rows: String = (0..5).map(|i| format!("{},{}\n", i % 3, row(i))).collect();
    fs::write(folder.path("t.csv"), format!("label,{}\n{rows}", header.join(","))).unwrap();
    let json = folder.run(&["predict", "m", "t.csv", "--json"]).expect_quiet().json();
    assert_eq!(answers(&json), expected[..5]);
    assert_eq!(json["answers"][4]["id"], "t.csv#4");
}

#[test]
fn a_photograph_is_told_what_was_done_to_it() {
    let (folder, images) = (folder(), images());
    fs::write(folder.path("photo.bmp"), bmp(images.get(0), 6, Some(255))).unwrap();
    let said = folder.run(&["predict", "m", "photo.bmp"]).expect_quiet();
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", said.stdout);
    assert!(lines[0].starts_with("image"), "{}", lines[0]);
    let note = "# 336 x 336 photograph, bright background inverted, cropped to ";
    assert!(lines[1].starts_with("photo.bmp ") && lines[1].contains(note), "{}", lines[1]);
    let args = ["predict", "m", "photo.bmp", "--background", "keep", "--json"];
    let json = folder.run(&args).expect(0).json();
    assert_eq!(json["answers"][0]["note"], "336 x 336 photograph");
}

#[test]
fn csv_has_a_line_an_image() {
    let folder = folder();
    let json = folder.run(&["predict", "m", "--csv", "a.csv", "--json"]).expect(0).json();
    let text = String::from_utf8(bytes(&folder.path("a.csv"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,class", 21));
    assert_eq!(lines[7], format!("6,{}", json["answers"][6]["name"].as_str().unwrap()));
    let args = ["predict", "m", "--csv", "a.csv", "--probabilities"];
    folder.run(&args).expect_quiet();
    let text = String::from_utf8(bytes(&folder.path("a.csv"))).unwrap();
    assert!(text.starts_with("id,class,p_T-shirt/top,p_Trouser,"), "{text}");
    let said = folder.run(&[&args[..], &["--numbers"]].concat()).expect_quiet();
    assert_eq!(said.stdout, "");
    let text = String::from_utf8(bytes(&folder.path("a.csv"))).unwrap();
    assert!(text.starts_with("id,class,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9\n"));
    for (line, (class, probability)) in text.lines().skip(1).zip(answers(&json)) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        assert_eq!((fields.len(), fields[1]), (12, class as f64));
        assert!((fields[2 + class as usize] - probability).abs() < 1e-6);
    }
}

#[test]
fn none_of_these() {
    let folder = folder();
    let all = folder.run(&["predict", "m", "--json"]).expect(0).json();
    let args = ["predict", "m", "--threshold", "0.2", "--json"];
    let json = folder.run(&args).expect(0).json();
    let rejected = answers(&all).iter().filter(|answer| answer.1 < 0.2).count();
    assert_eq!(json["rejected"], rejected);
    assert_eq!(answers(&json), answers(&all));
    let args = ["predict", "m", "--threshold", "1", "--csv", "a.csv"];
    let said = folder.run(&args).expect(0);
    assert_eq!(said.stderr, "none of these: 20 of 20 images\n");
    let text = String::from_utf8(bytes(&folder.path("a.csv"))).unwrap();
    assert!(text.lines().skip(1).all(|line| line.ends_with(",-1")), "{text}");
    let said = folder.run(&["predict", "m", "--threshold", "1"]).expect(0);
    assert_eq!(said.stdout.matches("none of these").count(), 20);
    let said = folder.run(&["predict", "m", "--reject=0.999"]);
    said.expect_error(1, &["m: no threshold gives an accuracy of 0.999"]);
}

/// A model that learned enough to have thresholds uses the ones that `evaluate` shows.
#[test]
fn thresholds_keep_what_they_promise() {
    let folder = folder();
    let train =
        "train --split 600/100/20 --preset light --length 1 --width 2 --epochs 8 --out n --quiet";
    folder.run(&train.split(' ').collect::<Vec<_>>()).expect(0);
    let evaluated = folder.run(&["evaluate", "n", "--json"]).expect(0).json();
    let rules = evaluated["rejection"].as_array().unwrap();
    assert!(!rules.is_empty(), "{evaluated}");
    for rule in rules {
        assert!(rule["accuracy"].as_f64() >= rule["target"].as_f64(), "{rule}");
        let option = format!("--reject={}", rule["target"]);
        let args = ["predict", "n", "--part", "validation", &option, "--json"];
        let json = folder.run(&args).expect(0).json();
        assert_eq!(json["threshold"], rule["threshold"]);
        let answered = 100.0 * rule["coverage"].as_f64().unwrap();
        assert_eq!(100.0 - json["rejected"].as_f64().unwrap(), answered.round());
    }
}

#[test]
fn calibration_is_shown_before_and_after() {
    let folder = folder();
    let json = folder.run(&["evaluate", "m", "--mirror", "--json"]).expect(0).json();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{json}"));
    assert!(number(&json["calibrated"]["loss"]) <= number(&json["loss"]) + 1e-9);
    assert!(number(&json["calibrated"]["ece"]) >= 0.0);
    let mirrored = &json["mirrored"];
    assert!(number(&mirrored["calibrated"]["loss"]) <= number(&mirrored["loss"]) + 1e-9);
    let said = folder.run(&["evaluate", "m", "--mirror"]).expect_quiet();
    for text in ["loss at temperature", "mirrored too: accuracy", "answered"] {
        assert!(said.stdout.contains(text), "{}", said.stdout);
    }
    // Mirroring gives other answers, at its own temperature.
    let plain = folder.run(&["predict", "m", "--json"]).expect(0).json();
    let turned = folder.run(&["predict", "m", "--mirror", "--json"]).expect(0).json();
    assert_eq!(plain["temperature"], json["calibrated"]["temperature"]);
    assert_eq!(turned["temperature"], mirrored["calibrated"]["temperature"]);
    assert_ne!(answers(&plain), answers(&turned));
}

#[test]
fn a_submission_is_the_filled_sample() {
    let (folder, images) = (folder(), images());
    let json = folder.run(&["predict", "m", "--json"]).expect(0).json();
    let sample: String = (0..20).map(|i| format!("{i},0\n")).collect();
    fs::write(folder.path("sample.csv"), format!("id,class\n{sample}")).unwrap();
    let args = ["predict", "m", "--submission", "s.csv", "--sample", "sample.csv"];
    folder.run(&args).expect_quiet();
    let filled: String =
        answers(&json).iter().enumerate().map(|(i, a)| format!("{i},{}\n", a.0)).collect();
    assert!(bytes(&folder.path("s.csv")) == format!("id,class\n{filled}").into_bytes());
    // The competition's folder contains its sample.
    fs::create_dir(folder.path("data")).unwrap();
    for part in ["train", "validation", "test"] {
        fs::write(folder.path(&format!("data/{part}.npy")), npy(&images.pixels)).unwrap();
        let labels: String = (0..20).map(|i| format!("{}\n", i % 10)).collect();
        fs::write(folder.path(&format!("data/{part}.csv")), format!("class\n{labels}")).unwrap();
    }
    fs::remove_file(folder.path("data/test.csv")).unwrap();
    fs::copy(folder.path("sample.csv"), folder.path("data/sample_submission.csv")).unwrap();
    let own = ["predict", "m", "--data", "data", "--split", "full", "--submission", "own.csv"];
    folder.run(&own).expect_quiet();
    assert!(bytes(&folder.path("own.csv")) == bytes(&folder.path("s.csv")));
    fs::write(folder.path("one.bmp"), bmp(images.get(0), 1, None)).unwrap();
    let by_name = ["predict", "m", "one.bmp", "--submission", "n.csv", "--sample", "named.csv"];
    fs::write(folder.path("named.csv"), "id,class\none,7\n").unwrap();
    folder.run(&by_name).expect_quiet();
    let expected = format!("id,class\none,{}\n", answers(&json)[0].0);
    assert!(bytes(&folder.path("n.csv")) == expected.into_bytes());
    // A sample with names or with empty cells is filled with names.
    fs::write(folder.path("named.csv"), "id,label\none,Bag\n").unwrap();
    folder.run(&by_name).expect_quiet();
    let expected = format!("id,label\none,{}\n", json["answers"][0]["name"].as_str().unwrap());
    assert!(bytes(&folder.path("n.csv")) == expected.into_bytes());
    // Samples that do not fit leave the old file unchanged.
    for (file, text, problem) in [
        ("sample.csv", "id,class\n0,0\n", "1 rows for 20 predictions"),
        ("sample.csv", "id,class\n5,0\n3,0\n", "id 3 follows a larger one"),
        ("sample.csv", "id,note,x\n0,0,0\n", "has no column class"),
    ] {
        fs::write(folder.path(file), text).unwrap();
        folder.run(&args).expect_error(1, &["sample.csv", problem]);
        assert!(bytes(&folder.path("s.csv")).starts_with(b"id,class\n0,"));
    }
    fs::write(folder.path("named.csv"), "id,class\ntwo,7\n").unwrap();
    folder.run(&by_name).expect_error(1, &["named.csv", "\"two\" matches no picture"]);
    let said = folder.run(&["predict", "m", "--submission", "s.csv"]);
    said.expect_error(2, &["--sample"]);
}

#[test]
fn inputs_that_fail_do_not_stop_the_others() {
    let (folder, images) = (folder(), images());
    fs::create_dir(folder.path("in")).unwrap();
    fs::write(folder.path("in/1.bmp"), bmp(images.get(0), 1, None)).unwrap();
    fs::write(folder.path("in/2.png"), "a note").unwrap();
    fs::write(folder.path("in/3.bmp"), bmp(images.get(1), 1, None)).unwrap();
    let said = folder.run(&["predict", "m", "in", "nowhere.png", "--csv", "a.csv"]);
    let texts = ["2 inputs were not answered, 2 images were: in/2.png: is not PNG"];
    let said = said.expect_error(1, &texts);
    assert!(said.stderr.contains("not answered: nowhere.png: "), "{}", said.stderr);
    let text = String::from_utf8(bytes(&folder.path("a.csv"))).unwrap();
    let ids: Vec<&str> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["id", "in/1.bmp", "in/3.bmp"]);
    let json = folder.run(&["predict", "m", "in", "--json"]).expect(1).json();
    assert_eq!((&json["images"], json["failed"].as_array().unwrap().len()), (&2.into(), 1));
}

#[test]
fn bad_input_gets_one_line() {
    let (folder, images) = (folder(), images());
    let good = bmp(images.get(0), 4, Some(255));
    let mut bomb = good.clone();
    bomb[18..26].copy_from_slice(&[32, 78, 0, 0, 32, 78, 0, 0]);
    let longer = npy(&images.pixels[..1568]);
    let small = write_idx_gz(&[2, 20, 20], &images.pixels[..800]);
    for (file, content, problem) in [
        ("empty.png", &b""[..], "empty.png: is empty"),
        (
            "note.png",
            b"a note",
            "note.png: is not PNG, JPEG, WebP, BMP, GIF, TIFF, npy, npz, csv, IDX, zip or tar",
        ),
        ("cut.bmp", &good[..good.len() / 2], "cut.bmp: is a damaged BMP picture"),
        ("bomb.bmp", &bomb, "bomb.bmp: is 20000 x 20000 pixels, over the limit"),
        ("blank.bmp", &bmp(&[0; 784], 4, Some(255)), "blank.bmp: shows nothing that differs"),
        ("cut.npy", &longer[..longer.len() - 1], "cut.npy: claims [2, 784] elements"),
        ("small.gz", &small, "small.gz: holds images of 20x20x1, the model takes 28x28x1"),
    ] {
        fs::write(folder.path(file), content).unwrap();
        let said = folder.run(&["predict", "m", file]).expect_error(1, &[problem]);
        assert_eq!((said.stdout.as_str(), said.stderr.lines().count()), ("", 1), "{}", said.stderr);
    }
    fs::create_dir(folder.path("hollow")).unwrap();
    folder.run(&["predict", "m", "hollow"]).expect_error(1, &["hollow: holds no picture"]);
    folder.run(&["predict", "m", "nowhere.png"]).expect_error(1, &["nowhere.png: No such file"]);
    folder.run(&["predict", "note.png", "m"]).expect_error(1, &["note.png: is not a whole"]);
    folder.run(&["predict", "nowhere"]).expect_error(1, &["nowhere: failed to read"]);
}

#[test]
fn options_without_effect_are_wrong_usage() {
    let folder = folder();
    for (args, text) in [
        (&["--probabilities"][..], "--probabilities: has no effect"),
        (&["--csv", "a.csv", "--top", "2"], "--top: has no effect"),
        (&["--submission", "s.csv", "--reject"], "--submission: "),
    ] {
        folder.run(&[&["predict", "m"], args].concat()).expect_error(2, &[text]);
    }
    for args in [
        &["x.png", "--part", "test"][..],
        &["x.png", "--split", "paper"],
        &["--background", "dark"],
        &["--reject", "--threshold", "0.5"],
        &["--threshold", "2"],
        &["--sample", "x.csv"],
    ] {
        folder.run(&[&["predict", "m"], args].concat()).expect(2);
    }
}

#[test]
fn memory_does_not_grow_with_the_number_of_images() {
    let (folder, images) = (folder(), images());
    let peak = |count: usize, name: &str| {
        let pixels: Vec<u8> = images.pixels.iter().copied().cycle().take(784 * count).collect();
        let file = if name == "npy" {
            npy(&pixels)
        } else {
            let count = (count as u32).to_be_bytes();
            [&[0, 0, 8, 3], &count[..], &[0, 0, 0, 28, 0, 0, 0, 28], &pixels].concat()
        };
        fs::write(folder.path(name), file).unwrap();
        let said = folder.run(&["predict", "m", name, "--json", "--threads", "1"]);
        let json = said.expect_quiet().json();
        assert_eq!(json["images"], count);
        json["peak_bytes"].as_u64().unwrap()
    };
    for name in ["npy", "idx"] {
        let (few, many) = (peak(1_000, name), peak(12_000, name));
        // 8.6 MB more of pixels.
        assert!(many < few + (3 << 20), "{name}: {few} bytes for 1,000 images, {many} for 12,000");
    }
}
