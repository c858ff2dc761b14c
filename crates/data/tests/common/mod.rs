//! Helpers that write the tests' files and folders.
#![allow(dead_code, reason = "each test program uses only some of these")]

use std::path::{Path, PathBuf};

use modiste_data::{DataError, Dataset, Source, Split, load, write_idx_gz};
use tempfile::TempDir;

/// An IDX file of `data`, not compressed.
pub fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| file.extend(dim.to_be_bytes()));
    file.extend(data);
    file
}

/// Pixels of image `i` of a made-up data set; the first 65,536 all differ.
pub fn pixels(i: usize, size: usize) -> Vec<u8> {
    let [low, high] = (i as u16).to_le_bytes();
    (0..size).map(|p| [low, high, (i * 7 + p) as u8][p.min(2)]).collect()
}

/// A folder of the four IDX files with images of 3 x 4 pixels: `train` and `test` are the number of images
/// of each class, in the order of [`interleave`].
pub fn idx_folder(train: &[usize], test: &[usize]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut first = 0;
    for (stem, counts) in [("train", train), ("t10k", test)] {
        let labels = interleave(counts);
        let images: Vec<u8> = (first..first + labels.len()).flat_map(|i| pixels(i, 12)).collect();
        first += labels.len();
        let dims = [labels.len() as u32, 3, 4];
        put(&folder, &format!("{stem}-images-idx3-ubyte"), &idx(&dims, &images));
        let packed = write_idx_gz(&[labels.len()], &labels);
        put(&folder, &format!("{stem}-labels-idx1-ubyte.gz"), &packed);
    }
    folder
}

/// Labels with these counts per class, the classes in turn until each is used up.
pub fn interleave(counts: &[usize]) -> Vec<u8> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let turns = (0..most).flat_map(|turn| (0..counts.len()).map(move |class| (turn, class)));
    turns.filter(|&(turn, class)| turn < counts[class]).map(|(_, class)| class as u8).collect()
}

/// Writes a file into a folder and creates the folders of its path.
pub fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Bytes of a file that NumPy or Pillow wrote.
pub fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    std::fs::read(folder.join(name)).unwrap()
}

/// Loads a folder.
pub fn open(folder: &TempDir, split: &str, seed: u64) -> Result<Dataset, DataError> {
    load(&Source::Folder(folder.path().into()), &split.parse::<Split>().unwrap(), seed)
}

/// Loading must fail with one line that names `file` and contains `problem`.
pub fn expect_error(folder: &TempDir, split: &str, file: &str, problem: &str) {
    let error = open(folder, split, 1).expect_err(problem).to_string();
    expect_line(&error, file, problem);
}

/// `error` must be one line that names `file` and contains `problem`.
pub fn expect_line(error: &str, file: &str, problem: &str) {
    assert!(error.contains(problem), "{error:?} does not say {problem:?}");
    assert!(error.contains(file), "{error:?} does not name {file:?}");
    assert!(!error.contains('\n'), "{error:?} is not one line");
}

/// An npy file of `data` with this element type, in C order.
pub fn npy(element: &str, dims: &[usize], data: &[u8]) -> Vec<u8> {
    let dims: String = dims.iter().map(|dim| format!("{dim}, ")).collect();
    npy_with(
        &format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({dims}), }}"),
        data,
    )
}

/// An npy file with this header.
pub fn npy_with(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}
