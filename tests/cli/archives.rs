//! Data that claims to be far larger than it is, or is far larger than it claims, is refused in one
//! line with status 1, quickly and with little memory.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::util::Folder;

/// A zip archive of uncompressed entries, each with the length that its header claims.
fn zip(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, data, announced) in entries {
        let start = bytes.len() as u32;
        let numbers = |mark: &[u8]| {
            let mut head = mark.to_vec();
            head.extend([0; 6]); // flags, method: stored, time
            head.extend([0; 2]); // date
            head.extend(crc32fast::hash(data).to_le_bytes());
            head.extend((data.len() as u32).to_le_bytes());
            head.extend(announced.to_le_bytes());
            head.extend((name.len() as u16).to_le_bytes());
            head
        };
        bytes.extend(numbers(b"PK\x03\x04\x14\x00"));
        bytes.extend([0; 2]);
        bytes.extend(name.as_bytes());
        bytes.extend(*data);
        list.extend(numbers(b"PK\x01\x02\x14\x00\x14\x00"));
        list.extend([0; 12]); // extra, comment, disk, attributes
        list.extend(start.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (start, length) = (bytes.len() as u32, list.len() as u32);
    bytes.extend(list);
    bytes.extend(end(entries.len() as u16, length, start));
    bytes
}

/// The last record of a zip archive.
fn end(entries: u16, length: u32, start: u32) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\x00\x00\x00\x00".to_vec();
    bytes.extend([entries.to_le_bytes(); 2].concat());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// The header of an npy file of bytes.
fn npy(dims: &str) -> Vec<u8> {
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({dims}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// A gzip file of one uncompressed block that is cut off after it.
fn gzip_begin(data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x00".to_vec();
    let length = data.len() as u16;
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A file of `bytes` followed by zeros up to `length`, which take no disk space.
fn sparse(folder: &Folder, name: &str, bytes: &[u8], length: u64) {
    let mut file = fs::File::create(folder.path(name)).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(length).unwrap();
}

#[track_caller]
fn expect_refusal(folder: &Folder, data: &str, words: &[&str]) {
    let begun = Instant::now();
    // 1.2 GB of address space.
    let script = format!("ulimit -v 1200000; \"$MODISTE\" data info --data {data}");
    folder.shell(&script).expect_error(1, words);
    // Far longer than it takes, because other tests run at the same time.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?} for {data}", begun.elapsed());
}

#[test]
fn arrays_larger_than_memory_are_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.path("arrays")).unwrap();
    let header = npy("4000000, 28, 28");
    let length = header.len() as u64 + 4_000_000 * 28 * 28;
    sparse(&folder, "arrays/x_train.npy", &header, length);
    fs::write(folder.path("arrays/y_train.npy"), npy("4000000")).unwrap();
    expect_refusal(&folder, "arrays", &["x_train.npy: needs 3.1 GB of memory, ", " is free"]);
    let idx: Vec<u8> = [[0, 0, 8, 3], [0, 30, 0, 0], [0, 0, 0, 28], [0, 0, 0, 28]].concat();
    let labels = [0, 0, 8, 1, 0, 30, 0, 0];
    fs::create_dir(folder.path("idx")).unwrap();
    sparse(&folder, "idx/train-images-idx3-ubyte", &idx, 16 + 0x1e0000 * 28 * 28);
    fs::write(folder.path("idx/train-labels-idx1-ubyte"), labels).unwrap();
    expect_refusal(&folder, "idx", &["train-images-idx3-ubyte: needs 1.5 GB of memory, "]);
    // Compressed so well that the contents may be complete.
    fs::remove_file(folder.path("idx/train-images-idx3-ubyte")).unwrap();
    let begin = gzip_begin(&[&idx[..], &[0; 60_000]].concat());
    sparse(&folder, "idx/train-images-idx3-ubyte.gz", &begin, 4 << 20);
    expect_refusal(&folder, "idx", &["train-images-idx3-ubyte.gz: needs 1.5 GB of memory, "]);
}

#[test]
fn entries_that_are_not_as_long_as_they_announce_are_refused() {
    let folder = Folder::new();
    let images = [npy("1, 28, 28"), vec![0; 784]].concat();
    let huge = zip(&[("x_train.npy", &images, 4_000_000_000), ("y_train.npy", b"", 0)]);
    fs::write(folder.path("huge.npz"), huge).unwrap();
    expect_refusal(&folder, "huge.npz", &["huge.npz", "x_train.npy: ", "4.0 GB"]);
    let long = zip(&[("x_train.npy", &images, 10), ("y_train.npy", b"", 0)]);
    fs::write(folder.path("long.npz"), &long).unwrap();
    expect_refusal(&folder, "long.npz", &["long.npz", "x_train.npy: "]);
    fs::write(folder.path("long.zip"), &long).unwrap();
    expect_refusal(&folder, "long.zip", &["long.zip/x_train.npy: "]);
}

#[test]
fn archives_of_too_many_entries_or_too_long_names_are_refused() {
    let folder = Folder::new();
    let mut many = zip(&[("a.txt", b"a", 1)]);
    many.truncate(many.len() - 22);
    let at = many.len() as u64;
    // The records of a large archive: two million entries.
    many.extend(b"PK\x06\x06");
    many.extend(44_u64.to_le_bytes());
    many.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    many.extend([2_000_000_u64, 2_000_000, 52, at - 52].map(u64::to_le_bytes).concat());
    many.extend(b"PK\x06\x07\x00\x00\x00\x00");
    many.extend(at.to_le_bytes());
    many.extend(1_u32.to_le_bytes());
    many.extend(end(u16::MAX, u32::MAX, u32::MAX));
    fs::write(folder.path("many.zip"), many).unwrap();
    expect_refusal(&folder, "many.zip", &["many.zip: holds more than 1000000 files"]);
    // A long name in the format of GNU tar.
    let mut head = vec![0; 512];
    head[..13].copy_from_slice(b"././@LongLink");
    head[124..136].copy_from_slice(b"00010000000\0"); // 2 MiB
    head[156..157].copy_from_slice(b"L");
    head[257..265].copy_from_slice(b"ustar  \0");
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    sparse(&folder, "long.tar", &head, 512 + (2 << 20) + 1024);
    let words = ["long.tar: holds a name or attributes of 2097152 bytes"];
    expect_refusal(&folder, "long.tar", &words);
}
