//! Errors in files are reported in one line that names the file.

mod common;

use common::{expect_error, expect_line, golden, idx, idx_folder, interleave, npy, npy_with, put};
use modiste_data::{
    DataError, Source, Split, load, parse_idx, parse_images, parse_labels, parse_labels_csv,
    parse_npy, parse_picture, write_idx_gz,
};
use tempfile::TempDir;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte.gz";

/// Expects that the parser refused the bytes for this reason and named the file.
fn expect<T: std::fmt::Debug>(parsed: Result<T, DataError>, problem: &str) {
    expect_line(&parsed.expect_err(problem).to_string(), "dir/file", problem);
}

#[test]
fn idx_files() {
    let parse = |bytes: &[u8]| parse_idx(bytes, "dir/file");
    let whole = idx(&[2, 2, 2], b"abcdefgh");
    expect(parse(b""), "is empty");
    expect(parse(&whole[..3]), "truncated in its header");
    expect(parse(&whole[..14]), "truncated in its header");
    expect(parse(&whole[..20]), "is truncated: 2 x 2 x 2 bytes announced, 4 there");
    expect(parse(&whole[..23]), "is truncated: 2 x 2 x 2 bytes announced, 7 there");
    expect(parse(&[whole.as_slice(), b"i"].concat()), "longer than the 2 x 2 x 2 bytes");
    expect(parse(b"\0\0\x0d\x01\0\0\0\x01abcd"), "magic number 0x00000d01");
    expect(parse(b"\0\0\x08\x09\0\0\0\x01abcd"), "magic number 0x00000809");
    expect(parse(b"PNG and more text"), "magic number");
    // 2^60 images of 1 x 1, and a product above 2^64.
    expect(parse(&idx(&[1 << 30, 1 << 30, 1, 1], b"")), "but can hold at most");
    expect(parse(&idx(&[u32::MAX; 4], b"")), "4294967295 x 4294967295 x 4294967295 x 4294967295");
    expect(parse_images(&idx(&[8], b"abcdefgh"), "dir/file"), "not those of images");
    expect(parse_images(&idx(&[1, 2, 2, 2], b"abcdefgh"), "dir/file"), "not those of images");
    expect(parse_images(&idx(&[0, 2, 2], b""), "dir/file"), "holds no image");
    expect(parse_images(&idx(&[8, 0, 2], b""), "dir/file"), "holds no image");
    expect(parse_labels(&whole, "dir/file"), "not those of labels");
}

#[test]
fn gzipped_idx_files() {
    let parse = |bytes: &[u8]| parse_idx(bytes, "dir/file");
    let noise: Vec<u8> =
        (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let whole = write_idx_gz(&[10, 10, 10], &noise);
    assert!(parse(&whole).is_ok());
    expect(parse(&whole[..5]), "truncated in its header");
    expect(parse(&whole[..300]), "truncated in its data");
    expect(parse(&whole[..whole.len() - 3]), "truncated in its data");
    let mut damaged = whole.clone();
    damaged[500] ^= 0x55;
    expect(parse(&damaged), "is damaged in its data");
    // A compressed header that claims 2^60 images, and one that claims just more than gzip can hold.
    let claim = |dims: &[u32]| gzip(&idx(dims, &[0; 100]));
    expect(parse(&claim(&[1 << 30, 1 << 30, 1])), "but can hold at most");
    expect(parse(&claim(&[100_000])), "claims 100000 bytes, but can hold");
    // Compressed zeros beyond the announced size are not unpacked.
    let bomb = gzip(&idx(&[10], &vec![0; 50_000_000]));
    assert!(bomb.len() < 60_000);
    expect(parse(&bomb), "longer than the 10 bytes");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn idx_folders() {
    let folder = || idx_folder(&[12, 12], &[2, 2]);
    for file in [IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"] {
        let folder = folder();
        std::fs::remove_file(folder.path().join(file)).unwrap();
        expect_error(&folder, "full", file.trim_end_matches(".gz"), "is missing");
    }
    let only_test = folder();
    for file in [IMAGES, LABELS] {
        std::fs::remove_file(only_test.path().join(file)).unwrap();
    }
    expect_error(&only_test, "full", &only_test.path().display().to_string(), "no training images");
    let with = |file: &str, bytes: &[u8], problem: &str| {
        let folder = folder();
        put(&folder, file, bytes);
        expect_error(&folder, "full", file, problem);
    };
    let labels = |labels: &[u8]| write_idx_gz(&[labels.len()], labels);
    with(LABELS, b"", "is empty");
    with(LABELS, &labels(&interleave(&[12, 11])), "23 labels for 24 images");
    with(LABELS, &labels(&[0; 24]), "only one class");
    with(IMAGES, &idx(&[24, 4, 4], &[0; 384])[..384], "24 x 4 x 4 bytes announced, 368 there");
    with("t10k-labels-idx1-ubyte.gz", &labels(&[0, 1, 2, 1]), "label 2 of image 2 is not among 2");
    with(
        "t10k-images-idx3-ubyte",
        &idx(&[4, 2, 6], &[0; 48]),
        "2x6x1, the training images are 3x4",
    );
}

#[test]
fn folders_without_data_are_refused() {
    let missing = load(&Source::Folder("no/such/folder".into()), &Split::Full, 0).unwrap_err();
    expect_line(&missing.to_string(), "no/such/folder", "No such file");
    let folder = TempDir::new().unwrap();
    let shown = folder.path().display().to_string();
    expect_error(&folder, "full", &shown, "holds no file; supported are: IDX files");
    let file = put(&folder, "file.txt", b"text");
    expect_error(
        &folder,
        "full",
        &shown,
        "holds 1 .txt file in one folder; supported are: IDX files",
    );
    let no_data = load(&Source::Folder(file), &Split::Full, 0).unwrap_err();
    expect_line(&no_data.to_string(), "file.txt", "one folder of pictures per class");
}

/// Passes trivially for the superuser, who may read everything.
#[cfg(unix)]
#[test]
fn unreadable_files_and_folders() {
    use std::os::unix::fs::PermissionsExt;
    let folder = idx_folder(&[12, 12], &[2, 2]);
    let file = folder.path().join(LABELS);
    let forbid = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    forbid(&file, 0);
    if std::fs::read(&file).is_err() {
        expect_error(&folder, "full", LABELS, "Permission denied");
        forbid(folder.path(), 0);
        expect_error(&folder, "full", &folder.path().display().to_string(), "Permission denied");
        forbid(folder.path(), 0o700);
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    expect_error(&folder, "full", LABELS.trim_end_matches(".gz"), "is missing");
}

#[test]
fn npy_files() {
    let parse = |bytes: &[u8]| parse_npy(bytes, "dir/file");
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4), }";
    let whole = npy_with(header, b"abcdefgh");
    assert!(parse(&whole).is_ok());
    expect(parse(b""), "is empty");
    expect(parse(b"id,class\n"), "does not begin as an npy file");
    expect(parse(&whole[..7]), "truncated in its header");
    expect(parse(&whole[..30]), "truncated in its header");
    expect(parse(&whole[..whole.len() - 1]), "claims [2, 4] elements at 1 bytes");
    expect(parse(&[whole.as_slice(), b"i"].concat()), "longer than the 8 bytes");
    expect(parse(b"\x93NUMPY\x09\x00\x00\x00"), "npy version 9");
    let with = |from: &str, to: &str| parse(&npy_with(&header.replace(from, to), b"abcdefgh"));
    expect(with("descr", "describe"), "without descr");
    expect(with("'|u1'", "'<c8'"), "taken are bytes, integers and floats");
    expect(with("'|u1'", "[('a', '|u1')]"), "taken are bytes, integers and floats");
    expect(with("False", "Maybe"), "fortran_order");
    expect(with("(2, 4)", "(2, x)"), "shape cannot be read");
    expect(with("(2, 4)", "2"), "shape cannot be read");
    expect(with("(2, 4)", "(8,)"), "not those of images");
    expect(with("(2, 4)", "(1, 8)"), "8 values a row, which make no square");
    expect(with("(2, 4)", "(0, 4)"), "holds no image");
    expect(with("(2, 4)", "(1152921504606846976, 4)"), "claims [1152921504606846976, 4]");
    expect(with("(2, 4)", "(1152921504606846976, 1024)"), "claims");
    expect(with("(2, 4)", "(99999999999999999999, 4)"), "shape cannot be read");
    expect(parse_npy(&golden("structured.npy"), "dir/file"), "taken are");
    expect(parse_npy(&golden("complex.npy"), "dir/file"), "taken are");
}

#[test]
fn npy_values() {
    let parse = |values: [f32; 4]| {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        parse_npy(&npy("<f4", &[2, 2, 1], &data), "dir/file")
    };
    assert_eq!(parse([0.0, 0.2, 1.0, 0.5]).unwrap().pixels, [0, 51, 255, 128]);
    assert_eq!(parse([0.0, 2.0, 255.0, 0.6]).unwrap().pixels, [0, 2, 255, 1]);
    expect(parse([0.0, 1.0, f32::NAN, 0.0]), "image 1 holds NaN, which is not in 0 to 255");
    expect(parse([0.0, f32::INFINITY, 0.0, 0.0]), "image 0 holds inf");
    expect(parse([0.0, 1.0, 0.0, -1.5]), "image 1 holds -1.5");
    let wide = [0, 3, 256_i64, 9].map(i64::to_le_bytes);
    let wide = parse_npy(&npy("<i8", &[4, 1, 1], wide.as_flattened()), "dir/file");
    expect(wide, "image 2 holds 256");
    let minus = parse_npy(&npy("|i1", &[1, 1, 4], &[1, 2, 255, 4]), "dir/file");
    expect(minus, "image 0 holds -1");
}

#[test]
fn csv_files() {
    let parse = |text: &[u8]| parse_labels_csv(text, "dir/file");
    expect(parse(b""), "is empty");
    expect(parse(b"id,label\n0,1\n"), "no column class among [\"id\", \"label\"]");
    expect(parse(b"id,class\n"), "holds no row");
    expect(parse(b"id,class\n0,1\n1,x\n"), "row 1: class \"x\" is not a number");
    expect(parse(b"id,class\n0,\n"), "row 0: class \"\" is not a number");
    expect(parse(b"class\n-1\n"), "class \"-1\" is not a number");
    expect(parse(b"class\n1.5\n"), "class \"1.5\" is not a number");
    expect(parse(b"class\nNaN\n"), "class \"NaN\" is not a number");
    expect(parse(b"class\n65536\n"), "from 0 to 65535");
    expect(parse(b"id,class\n0\n"), "line 2 has 1 fields, the header 2");
    expect(parse(b"class\n\xff\n"), "is not a number");
}

#[test]
fn competition_folders() {
    let folder = |change: &dyn Fn(&TempDir)| {
        let folder = TempDir::new().unwrap();
        for part in ["train", "validation", "test"] {
            put(&folder, &format!("{part}.npy"), &golden("rows-u1.npy"));
            put(&folder, &format!("{part}.csv"), b"class\n0\n1\n2\n0\n1\n2\n");
        }
        put(&folder, "sample_submission.csv", b"id,class\n0,0\n1,0\n2,0\n3,0\n4,0\n5,0\n");
        change(&folder);
        folder
    };
    assert!(common::open(&folder(&|_| {}), "full", 0).is_ok());
    let with = |file: &str, bytes: &[u8], problem: &str| {
        expect_error(&folder(&|folder| drop(put(folder, file, bytes))), "full", file, problem);
    };
    let without = |file: &str| {
        let remove = |folder: &TempDir| std::fs::remove_file(folder.path().join(file)).unwrap();
        expect_error(&folder(&remove), "full", file, "No such file");
    };
    without("train.npy");
    without("train.csv");
    without("validation.csv");
    with("train.csv", b"class\n0\n1\n2\n0\n1\n", "5 labels for 6 images");
    with(
        "validation.csv",
        b"class\n0\n1\n3\n0\n1\n3\n",
        "label 3 of image 2 is not among 3 classes",
    );
    with("test.csv", b"class\n0\n1\n3\n0\n1\n3\n", "label 3 of image 2");
    with("validation.npy", &golden("colour.npy"), "4x4x3, the training images are 4x4x1");
    with("test.npy", &golden("rows-u1.npy")[..200], "claims");
    with("sample_submission.csv", b"id,class\n0,0\n", "1 rows for 6 test images");
    with("sample_submission.csv", b"id\n0\n", "no column class");
}

#[test]
fn pictures() {
    let parse = |bytes: &[u8]| parse_picture(bytes, "dir/file");
    expect(parse(b""), "is empty");
    expect(parse(b"GIF88a"), "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture");
    let (png, jpeg) = (golden("palette.png"), golden("colour.jpg"));
    expect(parse(&png[..9]), "is a damaged PNG picture");
    expect(parse(&png[..png.len() - 30]), "is a damaged PNG picture");
    expect(parse(&jpeg[..20]), "is a damaged JPEG picture");
    expect(parse(&jpeg[..jpeg.len() - 30]), "is a damaged JPEG picture");
    expect(parse(&golden("transparent.png")), "is transparent in places");
    expect(parse(&claim_size(golden("grey.png"), 2_000_000_000)), "over the limit of 4096");
}

/// The PNG picture with another width and height in its header, and the matching checksum.
fn claim_size(mut png: Vec<u8>, side: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    png
}

#[test]
fn folders_of_pictures() {
    let folder = |level: &str| {
        let folder = TempDir::new().unwrap();
        for class in ["boot", "coat"] {
            put(&folder, &format!("{level}{class}/1.png"), &golden("grey.png"));
            put(&folder, &format!("{level}{class}/2.png"), &golden("colour.png"));
        }
        folder
    };
    let with = |level: &str, file: &str, bytes: &[u8], named: &str, problem: &str| {
        let folder = folder(level);
        put(&folder, file, bytes);
        expect_error(&folder, "2/1/1", named, problem);
    };
    assert!(common::open(&folder(""), "2/1/1", 0).is_ok());
    let beside = folder("train/");
    put(&beside, "val/coat/3.png", &golden("grey.png"));
    put(&beside, "extra/3.png", &golden("grey.png"));
    expect_error(&beside, "2/1/1", "extra", "is a folder beside train");
    with(
        "train/",
        "val/hat/3.png",
        &golden("grey.png"),
        "hat",
        "is not a class of the training part",
    );
    let single = TempDir::new().unwrap();
    put(&single, "boot/1.png", &golden("grey.png"));
    expect_error(&single, "1/0/0", &single.path().display().to_string(), "has 1 sub-folders");
}
