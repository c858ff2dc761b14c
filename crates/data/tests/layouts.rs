//! Every supported layout, written by the test and read back: folders, archives, tables, arrays.

mod common;

use std::io::Write;
use std::path::Path;

use common::{expect_line, idx, npy, npy_with, put};
use modiste_data::photo::{Background, Fit, Limits};
use modiste_data::{DataError, Dataset, Options, PartName, Source, Split, load_with, write_idx_gz};
use tempfile::TempDir;

fn load(path: &Path, options: &Options) -> Result<Dataset, DataError> {
    load_with(&Source::Folder(path.into()), &Split::Auto, 0, options)
}

#[track_caller]
fn read(path: &Path) -> Dataset {
    load(path, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn expect_refusal(path: &Path, file: &str, problem: &str) {
    let error = load(path, &Options::default()).expect_err(problem).to_string();
    expect_line(&error, file, problem);
}

fn sizes(data: &Dataset) -> [usize; 3] {
    PartName::ALL.map(|part| data.part(part).len())
}

/// A BMP picture of one colour.
fn bmp(height: usize, width: usize, colour: [u8; 3]) -> Vec<u8> {
    let row = (3 * width).next_multiple_of(4);
    let word = |value: usize| (value as u32).to_le_bytes();
    let mut file = [&b"BM"[..], &word(54 + row * height), &[0; 4], &word(54), &word(40)].concat();
    file.extend([word(width), word(height)].concat());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for _ in 0..height {
        let mut line: Vec<u8> = (0..width).flat_map(|_| colour).collect();
        line.resize(row, 0);
        file.extend(line);
    }
    file
}

/// Ten pictures a class below `level`, all of one size.
fn pictures(folder: &TempDir, level: &str, classes: &[&str], count: usize) {
    for (c, class) in classes.iter().enumerate() {
        for i in 0..count {
            let colour = [(40 * c) as u8, (20 * i) as u8, level.len() as u8];
            put(folder, &format!("{level}{class}/{i}.bmp"), &bmp(12, 12, colour));
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // The name is kept even if it leads out of the archive.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn plain_class_folders_are_divided_70_15_15() {
    let folder = TempDir::new().unwrap();
    pictures(&folder, "", &["circle", "square", "train"], 20);
    let data = read(folder.path());
    assert_eq!(data.classes, ["circle", "square", "train"], "a class may be called train");
    assert_eq!(sizes(&data), [42, 9, 9]);
    assert_eq!(data.train.class_counts(3).unwrap(), [14; 3]);
    assert!(data.notes[0].contains("70 / 15 / 15 %"), "{:?}", data.notes);
    assert!(data.train.names.get(0).starts_with("circle/"), "{}", data.train.names.get(0));
    let again = load_with(
        &Source::Folder(folder.path().into()),
        &"0.7/0.15/0.15".parse().unwrap(),
        0,
        &Options::default(),
    );
    assert!(again.unwrap().test == data.test, "the split auto can be given by name");
}

#[test]
fn parts_are_recognised_by_many_names() {
    for [train, validation, test] in [
        ["train", "val", "test"],
        ["Train", "Valid", "Test"],
        ["training", "dev", "testing"],
        ["TRAIN", "validation", "TEST"],
    ] {
        let folder = TempDir::new().unwrap();
        for (part, count) in [(train, 5), (validation, 2), (test, 3)] {
            pictures(&folder, &format!("{part}/"), &["a", "b"], count);
        }
        put(&folder, "README.dataset.txt", b"exported");
        assert_eq!(sizes(&read(folder.path())), [10, 4, 6], "{train}");
    }
    let folder = TempDir::new().unwrap();
    pictures(&folder, "train/", &["a", "b"], 5);
    pictures(&folder, "val/", &["a", "b"], 5);
    pictures(&folder, "valid/", &["a", "b"], 5);
    expect_refusal(folder.path(), "valid", "is a folder of the validation part, like val");
}

#[test]
fn stray_and_broken_files_are_skipped_and_listed() {
    let folder = TempDir::new().unwrap();
    pictures(&folder, "", &["a", "b"], 10);
    put(&folder, "a/Thumbs.db", b"x");
    put(&folder, "b/desktop.ini", b"x");
    put(&folder, "b/.DS_Store", b"x");
    put(&folder, "__MACOSX/a/._0.bmp", b"x");
    put(&folder, "a/empty.png", b"");
    put(&folder, "a/text.jpg", b"<html>");
    put(&folder, "b/cut.bmp", &bmp(12, 12, [1, 2, 3])[..200]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let data = read(folder.path());
    assert_eq!(sizes(&data).iter().sum::<usize>(), 20);
    let listed = data.skipped.list();
    for line in [
        "a/Thumbs.db: is not a picture",
        "b/desktop.ini: is not a picture",
        "a/empty.png: is empty",
        "a/text.jpg: is not a PNG",
        "b/cut.bmp: is a damaged BMP picture",
    ] {
        assert!(listed.contains(line), "{line} is not in {listed}");
    }
    assert!(!listed.contains("DS_Store"), "hidden files are not listed");
    assert!(data.skipped.summary().unwrap().starts_with("5 files were passed over (a/Thumbs.db"));
    let strict = Options { strict: true, ..Options::default() };
    let error = load(folder.path(), &strict).unwrap_err().to_string();
    expect_line(&error, "Thumbs.db", "--strict allows none");
}

#[test]
fn pictures_of_several_sizes_are_resized() {
    let folder = TempDir::new().unwrap();
    for i in 0..10 {
        put(&folder, &format!("a/deep/er/{i}.bmp"), &bmp(64 + i, 120 - i, [9, 9, 200]));
        put(&folder, &format!("b/{i}.bmp"), &bmp(120, 64 + i, [200, 9, 9]));
    }
    let data = read(folder.path());
    assert_eq!(data.shape().to_string(), "64x64x3");
    assert!(data.notes[0].contains("become images of 64x64 (pad"), "{:?}", data.notes);
    for (fit, size, shape) in
        [(Fit::Crop, (20, 30), "20x30x3"), (Fit::Stretch, (16, 16), "16x16x3")]
    {
        let options = Options { size: Some(size), fit, ..Options::default() };
        let data = load(folder.path(), &options).unwrap();
        assert_eq!((data.shape().to_string().as_str(), data.preparation.fit), (shape, fit));
        assert!(data.train.images.get(0).iter().all(|v| [9, 200].contains(v)), "one colour stays");
    }
    let poor = Options { memory: Some(100_000), ..Options::default() };
    let error = load(folder.path(), &poor).unwrap_err().to_string();
    expect_line(&error, "64x64x3 need", "--image-size");
}

#[test]
fn archives_are_read_as_the_folders_they_hold() {
    let folder = TempDir::new().unwrap();
    let files: Vec<(String, Vec<u8>)> = (0..10)
        .flat_map(|i| ["a", "b"].map(|c| (format!("mine/{c}/{i}.bmp"), bmp(9, 9, [i; 3]))))
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let zip = put(&folder, "mine.zip", &zipped(&files));
    let tar = put(&folder, "mine.tar", &tarred(&files));
    let packed = put(&folder, "mine.tar.gz", &gzip(&tarred(&files)));
    let [zip, tar, packed] = [zip, tar, packed].map(|path| read(&path));
    assert_eq!(zip.name, "mine");
    assert_eq!(sizes(&zip), [14, 3, 3]);
    assert!(zip.train == tar.train && tar.train == packed.train);
    for bytes in [zipped(&[("a/../../x.png", b"x")]), tarred(&[("../x.png", b"x")])] {
        let out = put(&folder, "out.tar", &bytes);
        expect_refusal(&out, "out.tar", "leads out of the archive");
    }
    let bomb = put(&folder, "bomb.tar.gz", &gzip(&vec![0; 30 << 20]));
    expect_refusal(&bomb, "bomb.tar.gz", "");
    expect_refusal(&put(&folder, "cut.zip", &zipped(&files)[..900]), "cut.zip", "damaged zip");
}

#[cfg(unix)]
#[test]
fn pipes_and_loops_of_links_are_not_followed() {
    let folder = TempDir::new().unwrap();
    pictures(&folder, "", &["a", "b"], 10);
    let pipe = folder.path().join("a/pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("nowhere", folder.path().join("b/gone.png")).unwrap();
    let data = read(folder.path());
    let listed = data.skipped.list();
    assert!(listed.contains("a/pipe.png: is a named pipe, not a file"), "{listed}");
    assert!(listed.contains("b/gone.png: no such file"), "{listed}");
    expect_refusal(&pipe, "pipe.png", "is a named pipe, not a file");
    std::os::unix::fs::symlink("..", folder.path().join("b/loop")).unwrap();
    expect_refusal(folder.path(), "loop", "is a link to a folder that contains it");
}

#[cfg(unix)]
#[test]
fn names_that_are_not_unicode_work_for_pictures_and_are_refused_for_classes() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    pictures(&folder, "", &["a", "b"], 10);
    let odd = std::ffi::OsStr::from_bytes(b"\xff.bmp");
    std::fs::write(folder.path().join("a").join(odd), bmp(12, 12, [1; 3])).unwrap();
    assert_eq!(sizes(&read(folder.path())).iter().sum::<usize>(), 21);
    let class = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&class).unwrap();
    std::fs::write(class.join("1.bmp"), bmp(12, 12, [1; 3])).unwrap();
    expect_refusal(folder.path(), "caf", "is not a Unicode name");
}

/// `count` pictures `N.bmp` in a folder.
fn numbered(folder: &TempDir, level: &str, count: usize) {
    for i in 0..count {
        put(folder, &format!("{level}{i}.bmp"), &bmp(12, 12, [i as u8; 3]));
    }
}

#[test]
fn tables_beside_pictures() {
    let words = |i: usize| ["cat", "dog"][i % 2];
    let rows = |line: &dyn Fn(usize) -> String| (0..12).map(line).collect::<String>();
    for (table, text) in [
        (
            "labels.csv",
            format!("file_name,label\n{}", rows(&|i| format!("{i}.bmp,{}\n", words(i)))),
        ),
        ("train.csv", format!("id;breed\r\n{}", rows(&|i| format!("{i};{}\r\n", words(i))))),
        (
            "metadata.csv",
            format!(
                "\u{feff}n,image,width,label\n{}",
                rows(&|i| format!("{},images/{i}.bmp,12,{}\n", i % 3, words(i)))
            ),
        ),
    ] {
        let folder = TempDir::new().unwrap();
        numbered(&folder, "images/", 12);
        put(&folder, table, text.as_bytes());
        let data = read(folder.path());
        assert_eq!(
            (data.classes.join(","), sizes(&data)),
            ("cat,dog".into(), [8, 2, 2]),
            "{table}"
        );
        let part = &data.train;
        for i in 0..part.len() {
            let number = usize::from(part.images.get(i)[0]);
            assert_eq!(part.names.get(i), format!("images/{number}.bmp"));
            assert_eq!(usize::from(part.labels.as_ref().unwrap()[i]), number % 2);
        }
        let named = read(&folder.path().join(table));
        assert!(named.train.labels == data.train.labels, "{table} named");
    }
}

#[test]
fn a_competition_with_a_flat_test_folder() {
    let folder = TempDir::new().unwrap();
    numbered(&folder, "train/", 20);
    numbered(&folder, "test/", 12);
    let rows: String = (0..21).map(|i| format!("{i}.bmp,{}\n", i % 2)).collect();
    put(&folder, "train.csv", format!("image,class\n{rows}0.bmp,1\n").as_bytes());
    let data = read(folder.path());
    let listed = data.skipped.list();
    assert!(listed.contains("train.csv#20: names \"20.bmp\", which does not exist"), "{listed}");
    assert!(listed.contains("train/0.bmp: has the labels 0 and 1"), "{listed}");
    assert_eq!(data.train.len() + data.validation.len(), 19);
    assert_eq!((data.test.len(), &data.test.labels), (12, &None));
    let names: Vec<String> = (0..12).map(|i| data.test.names.get(i)).collect();
    assert_eq!(names[..3], ["test/0.bmp", "test/1.bmp", "test/10.bmp"]);
    // A column may be named, and one that is not there is refused.
    let wrong = Options { label_column: Some("sort".into()), ..Options::default() };
    let error = load(folder.path(), &wrong).unwrap_err().to_string();
    expect_line(&error, "train.csv", "has no column \"sort\"; it has image, class");
}

#[test]
fn a_table_with_a_split_and_further_columns() {
    let folder = TempDir::new().unwrap();
    numbered(&folder, "", 20);
    let part = |i: usize| ["train", "train", "train", "val", "test"][i % 5];
    let rows: String =
        (0..20).map(|i| format!("{i}.bmp,{},{},{}\n", i * 7, part(i), i % 2 + 1)).collect();
    put(&folder, "all.csv", format!("file,size,split,kind\n{rows}").as_bytes());
    expect_refusal(folder.path(), "all.csv", "choose one with --label-column");
    let options = Options { label_column: Some("kind".into()), ..Options::default() };
    let data = load(folder.path(), &options).unwrap();
    assert_eq!((sizes(&data), data.classes.join(",")), ([12, 4, 4], "1,2".into()));
}

#[test]
fn tables_of_pixels() {
    let header: String = (1..=25).map(|i| format!(",pixel{i}")).collect();
    let row = |i: usize, mark: char| {
        let pixels: String = (0..25).map(|p| format!("{mark}{}", (i * 7 + p) % 256)).collect();
        format!("{}{pixels}\n", i % 3 + 1)
    };
    let table = |count: usize, mark: char| (0..count).map(|i| row(i, mark)).collect::<String>();
    let folder = TempDir::new().unwrap();
    put(&folder, "my_train.csv", format!("label{header}\n{}", table(30, ',')).as_bytes());
    put(&folder, "my_test.csv.gz", &gzip(format!("label{header}\n{}", table(9, ',')).as_bytes()));
    let data = read(folder.path());
    assert_eq!((data.shape().to_string(), data.classes.join("")), ("5x5x1".into(), "123".into()));
    assert_eq!(sizes(&data), [25, 5, 9]);
    assert_eq!(data.test.images.get(2)[..2], [14, 15]);
    assert_eq!(data.test.names.get(2), "my_test.csv.gz#2");
    // One file, without a header, with semicolons.
    let bare = put(&folder, "bare/digits.csv", table(40, ';').as_bytes());
    assert_eq!(sizes(&read(&bare)), [28, 6, 6]);
    // Fractions of 1.
    let rows: String =
        (0..20).map(|i| format!("{},{}\n", i % 2, vec!["0.5"; 16].join(","))).collect();
    let unit = put(&folder, "unit/unit.csv", rows.as_bytes());
    assert_eq!(read(&unit).train.images.get(0)[0], 128);
    let bad =
        put(&folder, "bad/bad.csv", format!("{}1,x{}\n", row(0, ','), ",0".repeat(24)).as_bytes());
    expect_refusal(&bad, "bad.csv", "row 1: \"x\" is not a pixel value");
}

/// An npy file of bytes: image i has the value i everywhere.
fn images(count: usize, first: usize, dims: &[usize]) -> Vec<u8> {
    let size: usize = dims.iter().product();
    let data: Vec<u8> = (0..count).flat_map(|i| vec![(first + i) as u8; size]).collect();
    npy("|u1", &[&[count], dims].concat(), &data)
}

fn labels(count: usize) -> Vec<u8> {
    npy("|u1", &[count], &(0..count).map(|i| (i % 2) as u8).collect::<Vec<_>>())
}

#[test]
fn arrays_of_keras_medmnist_and_kmnist() {
    let folder = TempDir::new().unwrap();
    let (x, y, u, v) = (images(12, 0, &[4, 4]), labels(12), images(4, 50, &[4, 4]), labels(4));
    let keras = [("x_train.npy", &x), ("y_train.npy", &y), ("x_test.npy", &u), ("y_test.npy", &v)];
    let keras = keras.map(|(name, bytes)| (name, bytes.as_slice()));
    let path = put(&folder, "keras/mnist.npz", &zipped(&keras));
    for source in [path.as_path(), path.parent().unwrap()] {
        let data = read(source);
        assert_eq!((sizes(&data), data.test.images.get(1)[0]), ([10, 2, 4], 51));
    }
    let column =
        npy("<i8", &[12, 1], &(0..12_i64).flat_map(|i| (i % 2).to_le_bytes()).collect::<Vec<_>>());
    let medmnist = zipped(&[
        ("train_images.npy", &x),
        ("train_labels.npy", &column),
        ("val_images.npy", &u),
        ("val_labels.npy", &v),
    ]);
    let data = read(&put(&folder, "pathmnist.npz", &medmnist));
    assert_eq!(sizes(&data), [12, 4, 0]);
    for (file, bytes) in [
        ("kmnist-train-imgs.npz", &x),
        ("kmnist-train-labels.npz", &y),
        ("kmnist-test-imgs.npz", &u),
        ("kmnist-test-labels.npz", &v),
    ] {
        put(&folder, &format!("kmnist/{file}"), &zipped(&[("arr_0.npy", bytes)]));
    }
    assert_eq!(sizes(&read(&folder.path().join("kmnist"))), [10, 2, 4]);
    for (name, bytes) in keras {
        put(&folder, &format!("pairs/{name}"), bytes);
    }
    assert_eq!(sizes(&read(&folder.path().join("pairs"))), [10, 2, 4]);
    put(&folder, "alone/x_train.npy", &x);
    expect_refusal(&folder.path().join("alone"), "x_train.npy", "has no labels beside it");
}

#[test]
fn labels_of_arrays_may_be_words_or_one_hot_rows() {
    let folder = TempDir::new().unwrap();
    put(&folder, "w/x_train.npy", &images(12, 0, &[4, 4]));
    let words: Vec<u8> = (0..12)
        .flat_map(|i| {
            ["cat", "dog"][i % 2]
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect::<Vec<_>>()
        })
        .collect();
    let header = "{'descr': '<U3', 'fortran_order': False, 'shape': (12,), }";
    put(&folder, "w/y_train.npy", &npy_with(header, &words));
    assert_eq!(read(&folder.path().join("w")).classes, ["cat", "dog"]);
    put(&folder, "o/x_train.npy", &images(12, 0, &[4, 4]));
    let rows: Vec<u8> =
        (0..12).flat_map(|i| [u8::from(i % 2 == 0), u8::from(i % 2 == 1)]).collect();
    put(&folder, "o/y_train.npy", &npy("|u1", &[12, 2], &rows));
    assert_eq!(read(&folder.path().join("o")).classes, ["0", "1"]);
    put(&folder, "o/y_train.npy", &npy("|u1", &[12, 2], &[1; 24]));
    expect_refusal(&folder.path().join("o"), "y_train.npy", "is not one class of 2");
}

#[test]
fn cifar_files_store_colour_planes_first() {
    // Three even planes: red rises to the right, green falls, blue is flat.
    let image: Vec<u8> = (0..3)
        .flat_map(|c| (0..1024).map(move |p| [8 * (p % 32), 255 - 8 * (p % 32), 90][c] as u8))
        .collect();
    let expected: Vec<u8> = (0..1024).flat_map(|p| [image[p], image[1024 + p], 90]).collect();
    let folder = TempDir::new().unwrap();
    for (name, dims) in [("rows", vec![12, 3072]), ("planes", vec![12, 3, 32, 32])] {
        put(&folder, &format!("{name}/x_train.npy"), &npy("|u1", &dims, &image.repeat(12)));
        put(&folder, &format!("{name}/y_train.npy"), &labels(12));
        assert_eq!(read(&folder.path().join(name)).train.images.get(0), expected, "{name}");
    }
    let record = |i: u8| [&[i % 10][..], &image].concat();
    let records = |count: u8| (0..count).flat_map(record).collect::<Vec<u8>>();
    put(&folder, "cifar/data_batch_1.bin", &records(20));
    put(&folder, "cifar/data_batch_2.bin", &records(20));
    put(&folder, "cifar/test_batch.bin", &records(10));
    put(&folder, "cifar/batches.meta.txt", b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
    let data = read(&folder.path().join("cifar"));
    assert_eq!((sizes(&data), data.classes[9].as_str()), ([34, 6, 10], "j"));
    assert_eq!(data.test.images.get(3), expected);
    assert_eq!(data.test.names.get(3), "test_batch.bin#3");
    put(&folder, "cifar/data_batch_2.bin", &records(2)[1..]);
    expect_refusal(&folder.path().join("cifar"), "data_batch_2.bin", "not a number of 3073 bytes");
    let hundred = |count: u8| {
        (0..count).flat_map(|i| [&[i % 20, i % 100][..], &image].concat()).collect::<Vec<u8>>()
    };
    put(&folder, "hundred/train.bin", &[hundred(100), hundred(100)].concat());
    put(&folder, "hundred/test.bin", &hundred(100));
    let data = read(&folder.path().join("hundred"));
    assert_eq!((data.classes.len(), data.test.len()), (100, 100));
}

#[test]
fn idx_files_of_emnist_and_torchvision() {
    let folder = TempDir::new().unwrap();
    let labels: Vec<u8> = (0..30).map(|i| [1, 2, 26][i % 3]).collect();
    let pixels: Vec<u8> = (0..30).flat_map(|_| [0, 1, 2, 3]).collect();
    for part in ["train", "test"] {
        let file = |kind: &str| format!("gzip/emnist-letters-{part}-{kind}-ubyte.gz");
        put(&folder, &file("images-idx3"), &write_idx_gz(&[30, 2, 2], &pixels));
        put(&folder, &file("labels-idx1"), &write_idx_gz(&[30], &labels));
    }
    let data = read(folder.path());
    assert_eq!(data.classes, ["A", "B", "Z"]);
    assert_eq!(data.train.images.get(0), [0, 2, 1, 3], "turned upright");
    // A second set in the same folder: one file tells them apart.
    for kind in ["images-idx3", "labels-idx1"] {
        let from = folder.path().join(format!("gzip/emnist-letters-train-{kind}-ubyte.gz"));
        let to = folder.path().join(format!("gzip/emnist-digits-train-{kind}-ubyte.gz"));
        std::fs::copy(from, to).unwrap();
    }
    expect_refusal(folder.path(), "emnist-digits", "holds 2 sets of IDX files");
    let file = folder.path().join("gzip/emnist-letters-train-images-idx3-ubyte.gz");
    assert_eq!(read(&file).classes, ["A", "B", "Z"]);
    for part in ["train", "t10k"] {
        let name = |kind: &str| format!("torch/MNIST/raw/{part}-{kind}-ubyte");
        put(&folder, &name("images-idx3"), &idx(&[30, 2, 2], &pixels));
        put(&folder, &name("labels-idx1"), &idx(&[30], &labels));
    }
    let data = read(&folder.path().join("torch"));
    assert_eq!(data.classes, ["1", "2", "26"], "numbers with gaps are names");
}

#[test]
fn the_error_for_an_unknown_layout_describes_the_folder() {
    let folder = TempDir::new().unwrap();
    put(&folder, "notes/a.txt", b"x");
    put(&folder, "notes/b.txt", b"x");
    put(&folder, "sheet.xlsx", b"x");
    let shown = folder.path().display().to_string();
    expect_refusal(
        folder.path(),
        &shown,
        "holds 2 .txt files, 1 .xlsx file in 2 folders; supported",
    );
    let flat = TempDir::new().unwrap();
    numbered(&flat, "train/", 3);
    pictures(&flat, "val/", &["a", "b"], 3);
    expect_refusal(flat.path(), "train", "holds 3 pictures directly; put them into a folder");
}

/// Loading a folder gives the same bits as preparing each of its files for a model.
#[test]
fn a_folder_and_its_files_give_the_same_pixels() {
    let gradient = |height: usize, width: usize, first: u8, colour: [u8; 3]| {
        let mut file = bmp(height, width, [first; 3]);
        let row = (3 * width).next_multiple_of(4);
        for (y, line) in file[54..].chunks_exact_mut(row).enumerate() {
            for (x, pixel) in line.chunks_exact_mut(3).take(width).enumerate() {
                let inside = y > height / 4 && x > width / 3;
                let value =
                    |c: u8| if inside { c.wrapping_add((7 * x + 3 * y) as u8) } else { first };
                pixel.copy_from_slice(&colour.map(value));
            }
        }
        file
    };
    for (colour, first) in [([0; 3], 255), ([0; 3], 3), ([9, 90, 200], 250), ([200, 10, 60], 0)] {
        for sizes in [vec![(28, 28)], vec![(28, 28), (40, 90), (120, 33), (64, 64)]] {
            for fit in [Fit::Pad, Fit::Crop, Fit::Stretch] {
                let folder = TempDir::new().unwrap();
                for i in 0..8 {
                    let (height, width) = sizes[i % sizes.len()];
                    let picture = gradient(height, width, first, colour);
                    put(&folder, &format!("{}/{i}.bmp", ["a", "b"][i / 4]), &picture);
                }
                let data = load(folder.path(), &Options { fit, ..Options::default() }).unwrap();
                let for_model =
                    Options { preparation: Some(data.preparation), ..Options::default() };
                let again = load(folder.path(), &for_model).unwrap();
                for name in PartName::ALL {
                    let part = data.part(name);
                    assert!(*part == *again.part(name), "{name}");
                    for i in 0..part.len() {
                        let file = part.names.get(i);
                        let bytes = std::fs::read(folder.path().join(&file)).unwrap();
                        let limits = Limits::default();
                        let prepared =
                            data.preparation.picture(&bytes, &file, Background::Auto, &limits);
                        assert!(prepared.unwrap().pixels == part.images.get(i), "{file} {fit}");
                    }
                }
            }
        }
    }
}
