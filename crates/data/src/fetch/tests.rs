//! Downloads from servers on this machine that behave well, badly, or not at all.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// The length of the file that is downloaded.
const LENGTH: usize = 150_000;

/// How a server answers.
#[derive(Clone, Copy)]
enum Manner {
    /// As it should.
    Proper,
    /// The whole file, whatever range is asked for.
    NoRanges,
    /// At most so many bytes of what it announces, then it hangs up.
    BreaksOff(usize),
    /// Another file of the same length.
    WrongFile,
    /// The same, and at most so many bytes of it.
    WrongPieces(usize),
    /// Some text instead, as a network does that wants a login first.
    Portal,
    /// Only that status.
    Status(u16),
}

/// A server on this machine.
struct Server {
    url: String,
    /// The header `Range` of each request, empty where there was none.
    ranges: Arc<Mutex<Vec<String>>>,
}

/// Some bytes that do not repeat soon.
fn content() -> Vec<u8> {
    (0..LENGTH as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn file() -> OfficialFile {
    OfficialFile {
        name: "some-file.gz",
        bytes: LENGTH as u64,
        md5: "5a600e73461157df79b6f83f2d024367",
    }
}

/// Starts a server that answers every request in that manner, until the tests end.
fn serve(manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/data/", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = ranges.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that hangs up early is the client's affair.
            let _ = answer(stream.unwrap(), manner, &seen);
        }
    });
    Server { url, ranges }
}

fn answer(
    mut stream: TcpStream,
    manner: Manner,
    ranges: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut range = String::new();
    for (i, line) in BufReader::new(stream.try_clone()?).lines().enumerate() {
        let line = line?;
        if i == 0 {
            assert_eq!(line, "GET /data/some-file.gz HTTP/1.1");
        }
        if let Some((_, value)) = line.split_once(": ").filter(|(name, _)| *name == "range") {
            range = value.to_owned();
        }
        if line.is_empty() {
            break;
        }
    }
    ranges.lock().unwrap().push(range.clone());
    let mut body = content();
    let start = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
    let mut status = if start > 0 { 206 } else { 200 };
    let mut limit = usize::MAX;
    match manner {
        Manner::Proper => drop(body.drain(..start)),
        Manner::NoRanges => status = 200,
        Manner::BreaksOff(most) => {
            body.drain(..start);
            limit = most;
        }
        Manner::WrongFile => {
            body.reverse();
            body.drain(..start);
        }
        Manner::WrongPieces(most) => {
            body.reverse();
            body.drain(..start);
            limit = most;
        }
        Manner::Portal => (status, body) = (200, b"<html>".to_vec()),
        Manner::Status(other) => (status, body) = (other, b"<html>".to_vec()),
    }
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    stream.write_all(&body[..limit.min(body.len())])
}

/// A downloader from those sources that does not wait.
fn downloader(sources: &[&str]) -> Downloader {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(20)))
        .build();
    let sources = sources.iter().map(|&source| source.to_owned()).collect();
    Downloader { agent: config.into(), sources, pause: Duration::ZERO }
}

fn download(folder: &TempDir, sources: &[&str]) -> Result<Vec<u64>, DataError> {
    let mut seen = Vec::new();
    let fetched = downloader(sources).fetch_all(folder.path(), &[file()], &mut |progress| {
        seen.push(progress.done);
    });
    fetched.map(|()| seen)
}

/// The file must be there, whole, alone.
fn expect_complete(folder: &TempDir) {
    assert!(std::fs::read(folder.path().join(file().name)).unwrap() == content());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

/// The error, which must be one line that names the file and says what to do.
fn expect_failure(folder: &TempDir, sources: &[&str], said: &str) {
    let error = download(folder, sources).expect_err(said).to_string();
    assert!(error.contains(said), "{error:?} does not say {said:?}");
    assert!(error.contains("some-file.gz"), "{error:?} does not name the file");
    assert!(error.contains("--data embedded") && !error.contains('\n'), "{error:?}");
    assert!(!folder.path().join(file().name).exists());
}

#[test]
fn a_whole_file() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::Proper));
    let seen = download(&folder, &[&server.url]).unwrap();
    expect_complete(&folder);
    assert!(seen.is_sorted() && seen[0] == 0 && seen.last() == Some(&(LENGTH as u64)));
    // What is there is not downloaded again.
    assert_eq!(download(&folder, &[&server.url]).unwrap(), [LENGTH as u64]);
    assert_eq!(*server.ranges.lock().unwrap(), [""]);
}

#[test]
fn a_part_is_gone_on_from() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::Proper));
    std::fs::write(folder.path().join("some-file.gz.part"), &content()[..70_000]).unwrap();
    let seen = download(&folder, &[&server.url]).unwrap();
    expect_complete(&folder);
    assert_eq!(seen[0], 70_000);
    assert_eq!(*server.ranges.lock().unwrap(), ["bytes=70000-"]);
}

#[test]
fn a_server_without_ranges_begins_again() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::NoRanges));
    std::fs::write(folder.path().join("some-file.gz.part"), &content()[..70_000]).unwrap();
    download(&folder, &[&server.url]).unwrap();
    expect_complete(&folder);
}

#[test]
fn a_transfer_that_breaks_off_is_taken_up_as_long_as_it_gets_on() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::BreaksOff(40_000)));
    download(&folder, &[&server.url]).unwrap();
    expect_complete(&folder);
    let ranges = server.ranges.lock().unwrap();
    assert_eq!(*ranges, ["", "bytes=40000-", "bytes=80000-", "bytes=120000-"]);
}

#[test]
fn a_part_that_was_wrong_is_downloaded_anew() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::Proper));
    for length in [9, LENGTH, LENGTH + 5] {
        std::fs::write(folder.path().join("some-file.gz.part"), vec![7; length]).unwrap();
        download(&folder, &[&server.url]).unwrap();
        expect_complete(&folder);
        std::fs::remove_file(folder.path().join(file().name)).unwrap();
    }
}

#[test]
fn a_wrong_file_is_not_taken() {
    let (folder, wrong) = (TempDir::new().unwrap(), serve(Manner::WrongFile));
    expect_failure(&folder, &[&wrong.url], "127.0.0.1");
    expect_failure(&folder, &[&wrong.url], "wrong checksum");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let (pieces, portal) = (serve(Manner::WrongPieces(70_000)), serve(Manner::Portal));
    expect_failure(&folder, &[&pieces.url], "wrong checksum");
    expect_failure(&folder, &[&portal.url], "announced 6 bytes, not 150000");
    let proper = serve(Manner::Proper);
    download(&folder, &[&wrong.url, &pieces.url, &portal.url, &proper.url]).unwrap();
    expect_complete(&folder);
}

#[test]
fn every_source_that_fails_is_named() {
    let folder = TempDir::new().unwrap();
    let (missing, broken) = (serve(Manner::Status(404)), serve(Manner::Status(503)));
    let idle = serve(Manner::BreaksOff(0));
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let sources = [&missing.url, &broken.url, &idle.url, &refused].map(String::as_str);
    for said in ["answered 404", "answered 503", "broke off after 0 of 150000", "refused"] {
        expect_failure(&folder, &sources, said);
    }
    assert_eq!(missing.ranges.lock().unwrap().len(), 4, "a missing file is asked for once");
    assert_eq!(broken.ranges.lock().unwrap().len(), 8, "a broken server twice");
}

#[test]
fn another_file_of_that_name_stays_as_it_is() {
    let (folder, server) = (TempDir::new().unwrap(), serve(Manner::Proper));
    let target = folder.path().join(file().name);
    std::fs::write(&target, b"mine").unwrap();
    let error = download(&folder, &[&server.url]).unwrap_err().to_string();
    assert!(error.contains("some-file.gz: is there already"), "{error}");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("taken"), b"").unwrap();
    let error = fetch(&folder.path().join("taken/below"), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("taken/below"), "{error}");
}
