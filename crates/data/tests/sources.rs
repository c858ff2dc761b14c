//! Compares what every source reads with what was written, or with what NumPy and Pillow read.

mod common;

use common::{golden, idx, idx_folder, open, pixels, put};
use modiste_data::{
    Dataset, FASHION_CLASSES, Part, PartName, Source, fill_named_submission, fill_submission,
    parse_idx, parse_images, parse_labels_csv, parse_npy, parse_picture, wants_numbers,
    write_idx_gz,
};
use tempfile::TempDir;

/// Pixels of the six images of tests/files/make.py.
fn expected(channels: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for i in 0..6 {
        for (y, x) in (0..16).map(|p| (p / 4, p % 4)) {
            all.extend((0..channels).map(|c| (i * 40 + y * 4 + x * 3 + c * 50) as u8));
        }
    }
    all
}

#[test]
fn sources_round_trip_through_text() {
    for text in ["embedded", "./embedded", "a/b"] {
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
    assert_eq!("embedded".parse(), Ok(Source::Embedded));
    assert_eq!("./embedded".parse(), Ok(Source::Folder("./embedded".into())));
}

#[test]
fn idx_files_compressed_or_not_under_either_name() {
    let folder = idx_folder(&[12, 12], &[2, 2]);
    let data = open(&folder, "full", 1).unwrap();
    assert_eq!(data.classes, ["0", "1"]);
    assert_eq!((data.shape().height, data.shape().width, data.shape().channels), (3, 4, 1));
    assert_eq!(data.test.images.get(1), pixels(25, 12));
    assert_eq!(data.test.labels, Some(vec![0, 1, 0, 1]));
    let path = |name: &str| folder.path().join(name);
    std::fs::rename(path("t10k-images-idx3-ubyte"), path("t10k-images.idx3-ubyte")).unwrap();
    let plain = std::fs::read(path("train-images-idx3-ubyte")).unwrap();
    let packed = write_idx_gz(&[24, 3, 4], &plain[16..]);
    std::fs::remove_file(path("train-images-idx3-ubyte")).unwrap();
    put(&folder, "train-images-idx3-ubyte.gz", &packed);
    let again = open(&folder, "full", 1).unwrap();
    assert!(again.train.images == data.train.images && again.test.labels == data.test.labels);
    assert_eq!(again.train.names.get(0), "train-images-idx3-ubyte.gz#0");
}

#[test]
fn idx_files_are_byte_exact() {
    let bytes = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03abcdef";
    let file = parse_idx(bytes, "file").unwrap();
    assert_eq!(
        (file.dims.as_slice(), file.data.as_slice()),
        ([2, 1, 3].as_slice(), &b"abcdef"[..])
    );
    let packed = write_idx_gz(&file.dims, &file.data);
    assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255], "no name and no time");
    assert_eq!(parse_idx(&packed, "file").unwrap(), file);
    let coloured = parse_images(&idx(&[2, 1, 1, 3], b"abcdef"), "file").unwrap();
    assert_eq!((coloured.len(), coloured.shape.channels), (2, 3));
}

#[test]
fn npy_files_of_numpy_are_read() {
    let square = "u1 i2 u4 big-u2 i8 f4 f8 big-f8 unit fortran";
    let named = square.split(' ').map(|kind| (format!("rows-{kind}.npy"), 1));
    let others = [("cube", 1), ("cube-fortran", 1), ("colour", 3), ("colour-rows", 3)];
    for (name, channels) in named.chain(others.map(|(name, c)| (format!("{name}.npy"), c))) {
        let images = parse_npy(&golden(&name), &name).unwrap();
        assert_eq!(images.shape.to_string(), format!("4x4x{channels}"), "{name}");
        assert_eq!(images.pixels, expected(channels), "{name}");
    }
}

#[test]
fn png_pictures_of_pillow_are_read() {
    for (name, channels) in [("grey", 1), ("grey-16", 1), ("colour", 3), ("opaque", 3)] {
        let image = parse_picture(&golden(&format!("{name}.png")), name).unwrap();
        assert_eq!(image.shape.to_string(), format!("4x4x{channels}"), "{name}");
        let size = 16 * channels;
        assert_eq!(image.pixels, expected(channels)[size..2 * size], "{name}");
    }
    let image = parse_picture(&golden("palette.png"), "palette").unwrap();
    let colours = expected(1)[16..32].iter().flat_map(|&k| [k, 255 - k, 7]).collect::<Vec<_>>();
    assert_eq!(image.pixels, colours);
}

/// JPEG decoders may differ in rounding and in how they upsample colours.
#[test]
fn jpeg_pictures_of_pillow_are_read() {
    for name in ["grey", "colour", "progressive"] {
        let image = parse_picture(&golden(&format!("{name}.jpg")), name).unwrap();
        let judge = parse_npy(&golden(&format!("{name}-jpg.npy")), name).unwrap();
        assert_eq!(image.shape, judge.shape, "{name}");
        let apart = image.pixels.iter().zip(&judge.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart.unwrap() <= 4, "{name}: {apart:?}");
    }
}

fn competition() -> TempDir {
    let folder = TempDir::new().unwrap();
    put(&folder, "train.npy", &golden("rows-unit.npy"));
    put(&folder, "train.csv", b"id,class\n0,2\n1,1\n2,0\n3,1.0\n4,\"2\"\n5,0\n");
    put(&folder, "validation.npy", &golden("rows-fortran.npy"));
    put(&folder, "validation.csv", b"\xEF\xBB\xBFclass\r\n0\r\n0\r\n1\r\n1\r\n2\r\n2\r\n");
    put(&folder, "test.npy", &golden("rows-i8.npy"));
    folder
}

#[test]
fn the_competition_s_folder_is_read() {
    let folder = competition();
    let data = open(&folder, "full", 1).unwrap();
    for part in [&data.train, &data.validation, &data.test] {
        assert_eq!(part.images.pixels, expected(1));
    }
    assert_eq!(data.train.labels, Some(vec![2, 1, 0, 1, 2, 0]));
    assert_eq!(data.validation.labels, Some(vec![0, 0, 1, 1, 2, 2]));
    assert_eq!((data.test.labels, data.classes.len()), (None, 3));
    put(&folder, "test.csv", b"class\n0\n0\n1\n1\n2\n2\n");
    assert_eq!(open(&folder, "full", 1).unwrap().test.labels, data.validation.labels);
}

#[test]
fn a_submission_is_the_sample_with_its_column_overwritten() {
    let sample = b"id,class,note\n7,0,\"a, b\"\n9,0,\n";
    let filled = fill_submission(sample, "sample_submission.csv", &[3, 8]).unwrap();
    assert_eq!(filled, b"id,class,note\n7,3,\"a, b\"\n9,8,\n");
    assert_eq!(parse_labels_csv(&filled, "filled").unwrap(), [3, 8]);
    for wrong in [&[3][..], &[3, 8, 1]] {
        let error = fill_submission(sample, "sample.csv", wrong).unwrap_err().to_string();
        common::expect_line(&error, "sample.csv", "2 rows for");
    }
    for (rows, problem) in [
        (&b"id,class\n1,0\n0,0\n"[..], "row 1: id 0 follows a larger one"),
        (b"id,class\na,0\na,0\n", "row 1: id \"a\" occurs twice"),
        (b"id,note,x\n0,0,0\n1,0,0\n", "has no column class"),
        (b"", "is empty"),
    ] {
        let error = fill_submission(rows, "sample.csv", &[3, 8]).unwrap_err().to_string();
        common::expect_line(&error, "sample.csv", problem);
    }
    assert!(fill_submission(b"class\n0\n0\n", "sample.csv", &[3, 8]).is_ok());
}

#[test]
fn a_submission_is_filled_by_the_names_of_pictures() {
    let ids = ["in/boot-1.png", "in/coat.x.jpg"].map(str::to_owned);
    let fill = |sample: &[u8]| fill_named_submission(sample, "sample.csv", &ids, &[3, 8]);
    let filled = fill(b"class,id\n0,coat.x\n0,boot-1.png\n").unwrap();
    assert_eq!(filled, b"class,id\n8,coat.x\n3,boot-1.png\n");
    for (rows, problem) in [
        (&b"id,class\ncoat.x,0\n"[..], "has no row for in/boot-1.png"),
        (b"id,class\ncoat.x,0\nhat,0\n", "row 1: id \"hat\" matches no picture"),
        (b"id,class\nboot-1,0\nin/boot-1.png,0\n", "row 1: id \"in/boot-1.png\" occurs twice"),
        (b"name,class,x\nboot-1,0,\ncoat.x,0,\n", "has no column that identifies the pictures"),
    ] {
        common::expect_line(&fill(rows).unwrap_err().to_string(), "sample.csv", problem);
    }
    // The column may have another name and hold names.
    let sample = b"image_id,Label\ncoat.x,ankle boot\nboot-1.png,\n";
    let names = ["Ankle boot", "Coat, long"];
    let filled = fill_named_submission(sample, "sample.csv", &ids, &names).unwrap();
    assert_eq!(filled, b"image_id,Label\ncoat.x,\"Coat, long\"\nboot-1.png,Ankle boot\n");
    assert!(!wants_numbers(sample, "sample.csv").unwrap());
    assert!(!wants_numbers(b"id,answer\n1,\n", "sample.csv").unwrap());
    assert!(wants_numbers(b"id,answer\n1,0\n2,\n", "sample.csv").unwrap());
    let twins = ["a/1.png", "b/1.png"].map(str::to_owned);
    let error = fill_named_submission(b"id,class\n", "s.csv", &twins, &[0, 0]).unwrap_err();
    common::expect_line(&error.to_string(), "s.csv", "is not the only picture");
}

/// A folder of pictures, some of them coloured: four of class a, three of class b.
fn pictures(level: &str, class: &str, files: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    add_pictures(&folder, level, class, files);
    folder
}

fn add_pictures(folder: &TempDir, level: &str, class: &str, files: &[&str]) {
    for (i, file) in files.iter().enumerate() {
        put(folder, &format!("{level}{class}/{i}-{file}"), &golden(file));
    }
}

#[test]
fn class_folders_of_pictures_are_read() {
    let folder = pictures("", "10", &["grey.png", "grey-16.png", "grey.png"]);
    add_pictures(&folder, "", "9", &["grey.png"; 14]);
    put(&folder, ".hidden", b"passed over");
    put(&folder, "9/.DS_Store", b"passed over");
    let data = open(&folder, "9/4/4", 1).unwrap();
    assert_eq!(data.classes, ["9", "10"]);
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [9, 4, 4]);
    assert_eq!(data.shape().to_string(), "4x4x1");
    assert!(data.train.images.get(0) == &expected(1)[16..32]);
    let data = open(&folder, "0.6/0.2/0.2", 1).unwrap();
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [11, 3, 3]);
    let data = open(&folder, "full", 1).unwrap();
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [13, 2, 2]);
}

#[test]
fn class_folders_within_parts_are_read() {
    let folder = pictures("train/", "boot", &["grey.png"; 3]);
    add_pictures(&folder, "train/", "coat", &["grey-16.png"; 2]);
    add_pictures(&folder, "val/", "coat", &["grey.png"; 2]);
    add_pictures(&folder, "test", "", &["grey.png", "colour.png"]);
    let data = open(&folder, "full", 1).unwrap();
    assert_eq!(data.classes, ["boot", "coat"]);
    assert_eq!(data.train.labels, Some(vec![0, 0, 0, 1, 1]));
    assert_eq!(data.validation.labels, Some(vec![1, 1]));
    assert_eq!((data.test.len(), &data.test.labels), (2, &None));
    // If one picture is coloured, all are read in colour.
    assert_eq!(data.shape().to_string(), "4x4x3");
    let grey = expected(1)[16..32].iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>();
    assert_eq!(data.train.images.get(4), grey);
    assert_eq!(data.test.images.get(0), grey);
    assert_eq!(data.test.images.get(1), &expected(3)[48..96]);
}

/// Fashion-MNIST is recognised by its images in any format, and nothing else is mistaken for it.
#[test]
fn fashion_mnist_is_recognised_by_its_images() {
    let folder = TempDir::new().unwrap();
    let embedded = modiste_data::load(&Source::Embedded, &"paper".parse().unwrap(), 0).unwrap();
    let column = |labels: &[u16], more: u16| {
        let rows: String =
            labels.iter().map(|label| format!("{}\n", (label + more) % 10)).collect();
        format!("class\n{rows}").into_bytes()
    };
    for name in PartName::ALL {
        let Part { images, labels, .. } = embedded.part(name);
        let file = common::npy("|u1", &[images.len(), 784], &images.pixels);
        put(&folder, &format!("{name}.npy"), &file);
        put(&folder, &format!("{name}.csv"), &column(labels.as_ref().unwrap(), 0));
    }
    let data = open(&folder, "paper", 0).unwrap();
    for name in PartName::ALL {
        let (read, there) = (data.part(name), embedded.part(name));
        assert!(read.images == there.images && read.labels == there.labels, "{name}");
    }
    assert_eq!((&data.name, &data.classes), (&embedded.name, &embedded.classes));
    assert!(data.preparation.garments);
    // The same images under other labels are another data set.
    put(&folder, "train.csv", &column(embedded.train.labels.as_ref().unwrap(), 1));
    let Dataset { name, classes, .. } = open(&folder, "paper", 0).unwrap();
    assert_ne!(name, "fashion-mnist");
    assert!(classes[0] == "0" && FASHION_CLASSES[0] != "0");
}
