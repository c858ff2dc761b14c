//! Downloading the official files: several sources, resumed, checked by length and MD5.
//!
//! A file is written beside its place with the ending `.part`, which the next attempt, at once or
//! another day, goes on from; it gets its name when its checksum is right.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};
use ureq::Agent;

use crate::DataError;

#[cfg(test)]
mod tests;

/// One of the official files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficialFile {
    /// Its name, the same at every source.
    pub name: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its published MD5 sum, in hexadecimal.
    pub md5: &'static str,
}

/// The four files of Fashion-MNIST.
pub const OFFICIAL_FILES: [OfficialFile; 4] = [
    OfficialFile {
        name: "train-images-idx3-ubyte.gz",
        bytes: 26_421_880,
        md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    },
    OfficialFile {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 29_515,
        md5: "25c81989df183df01b3e8a0aad5dffbe",
    },
    OfficialFile {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 4_422_102,
        md5: "bef4ecab320f06d8554ea6380940ec79",
    },
    OfficialFile {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 5_148,
        md5: "bb300cfdad3c16e7a12a480ee83cd310",
    },
];

/// Where they lie: the authors' repository, the authors' bucket, the copy that Keras uses.
const SOURCES: [&str; 3] = [
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
];

/// Attempts at one source that bring nothing before the next source is tried.
const ATTEMPTS: u32 = 2;

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file.
    pub file: OfficialFile,
    /// Its bytes that are there.
    pub done: u64,
}

/// Downloads into `folder`, made if need be, what of the four official files is not there yet.
///
/// A file of that name with other content is an error and stays as it is. `progress` is told when a
/// file begins, about every 64 KiB, and when it is complete.
pub fn fetch(folder: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), DataError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        // A download that is slower, or that stalls, is taken up again where it ended.
        .timeout_recv_body(Some(Duration::from_secs(120)))
        .build();
    let sources = SOURCES.map(str::to_owned).to_vec();
    let downloader = Downloader { agent: config.into(), sources, pause: Duration::from_secs(1) };
    downloader.fetch_all(folder, &OFFICIAL_FILES, progress)
}

/// What the official download and the tests differ in.
struct Downloader {
    agent: Agent,
    sources: Vec<String>,
    /// The wait before a second attempt at the same source.
    pause: Duration,
}

/// Why an attempt failed.
enum Failure {
    /// Another attempt here may do better.
    Passing(String),
    /// The whole has the wrong checksum, though its beginning may be to blame, which was there before.
    Spoiled(String),
    /// This source will not have it.
    Lasting(String),
    /// The file cannot be written.
    Local(DataError),
}

impl Downloader {
    /// Every file in turn.
    fn fetch_all(
        &self,
        folder: &Path,
        files: &[OfficialFile],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), DataError> {
        std::fs::create_dir_all(folder).map_err(|error| DataError::io(folder, error))?;
        for file in files {
            self.fetch_file(folder, *file, progress)?;
        }
        Ok(())
    }

    /// One file, from the first source that has it.
    fn fetch_file(
        &self,
        folder: &Path,
        file: OfficialFile,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), DataError> {
        let target = folder.join(file.name);
        if target.exists() {
            progress(Progress { file, done: file.bytes });
            return check_present(&target, file);
        }
        let part = folder.join(format!("{}.part", file.name));
        let mut failures = Vec::new();
        for source in &self.sources {
            match self.try_source(source, &part, file, progress) {
                Ok(()) => return put_in_place(&part, &target, folder),
                Err(Failure::Local(error)) => return Err(error),
                Err(Failure::Passing(text) | Failure::Spoiled(text) | Failure::Lasting(text)) => {
                    failures.push(format!("{}: {text}", host(source)));
                }
            }
        }
        Err(DataError::Fetch {
            file: target.display().to_string(),
            attempts: failures.join("; "),
            advice: format!(
                "put the four official files into {}, or use --data embedded, which needs none",
                folder.display()
            ),
        })
    }

    /// Attempts at one source, as long as they bring something.
    fn try_source(
        &self,
        source: &str,
        part: &Path,
        file: OfficialFile,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Failure> {
        let mut in_vain = 0;
        let mut begun_again = false;
        loop {
            let before = length(part);
            match self.attempt(source, part, file, progress) {
                Err(Failure::Spoiled(_)) if !begun_again => begun_again = true,
                Err(Failure::Passing(text)) => {
                    in_vain = if length(part) > before { 0 } else { in_vain + 1 };
                    if in_vain >= ATTEMPTS {
                        return Err(Failure::Passing(text));
                    }
                    std::thread::sleep(self.pause);
                }
                result => return result,
            }
        }
    }

    /// One request for what is missing of `part`, and the check of the whole.
    fn attempt(
        &self,
        source: &str,
        part: &Path,
        file: OfficialFile,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Failure> {
        let have = length(part);
        if have < file.bytes {
            self.download(source, part, file, progress)?;
        }
        let sum = md5_of(part).map_err(Failure::Local)?;
        if length(part) == file.bytes && sum == file.md5 {
            return Ok(());
        }
        std::fs::remove_file(part).map_err(|error| Failure::Local(DataError::io(part, error)))?;
        let wrong = format!("sent a file with the wrong checksum ({sum}, not {})", file.md5);
        Err(if have > 0 { Failure::Spoiled(wrong) } else { Failure::Lasting(wrong) })
    }

    /// Appends to `part` what is missing, or writes it anew where the source does not resume.
    fn download(
        &self,
        source: &str,
        part: &Path,
        file: OfficialFile,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Failure> {
        let have = length(part);
        let url = format!("{source}{}", file.name);
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let mut response = request.call().map_err(|error| Failure::Passing(error.to_string()))?;
        let done = match response.status().as_u16() {
            200 => 0,
            206 if have > 0 => have,
            status @ (500.. | 408 | 429) => {
                return Err(Failure::Passing(format!("answered {status}")));
            }
            status => return Err(Failure::Lasting(format!("answered {status}"))),
        };
        let (announced, wanted) = (response.body().content_length(), file.bytes - done);
        if let Some(length) = announced.filter(|&length| length != wanted) {
            return Err(Failure::Lasting(format!("announced {length} bytes, not {wanted}")));
        }
        append(&mut response.body_mut().as_reader(), part, file, done, progress)
    }
}

/// Copies what `body` brings behind the first `done` bytes of `part`, up to the length of `file`.
fn append(
    body: &mut dyn Read,
    part: &Path,
    file: OfficialFile,
    mut done: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let local = |error| Failure::Local(DataError::io(part, error));
    let open = OpenOptions::new().create(true).write(true).truncate(false).open(part);
    let mut out = open.map_err(local)?;
    out.set_len(done).and_then(|()| out.seek(SeekFrom::End(0))).map_err(local)?;
    let mut buffer = vec![0; 64 << 10];
    progress(Progress { file, done });
    while done < file.bytes {
        let most = buffer.len().min((file.bytes - done) as usize);
        let got = match body.read(&mut buffer[..most]) {
            Ok(0) => return Err(Failure::Passing(ended(done, file))),
            Ok(got) => got,
            Err(error) => {
                return Err(Failure::Passing(format!("{} ({error})", ended(done, file))));
            }
        };
        out.write_all(&buffer[..got]).map_err(local)?;
        done += got as u64;
        progress(Progress { file, done });
    }
    out.sync_all().map_err(local)
}

/// What to say of a transfer that broke off.
fn ended(done: u64, file: OfficialFile) -> String {
    format!("broke off after {done} of {} bytes", file.bytes)
}

/// The length of a file; 0 where there is none.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// The host of a source.
fn host(source: &str) -> &str {
    source.split('/').nth(2).unwrap_or(source)
}

/// Whether the file that is there is the official one.
fn check_present(path: &Path, file: OfficialFile) -> Result<(), DataError> {
    if length(path) == file.bytes && md5_of(path)? == file.md5 {
        return Ok(());
    }
    let problem = "is there already and is not the official file; move it away first";
    Err(DataError::file(path.display().to_string(), problem))
}

/// The MD5 sum of a file, in hexadecimal.
fn md5_of(path: &Path) -> Result<String, DataError> {
    let io = |error| DataError::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let mut sum = Md5::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            got => sum.update(&buffer[..got]),
        }
    }
}

/// Gives a complete file its name.
fn put_in_place(part: &Path, target: &PathBuf, folder: &Path) -> Result<(), DataError> {
    std::fs::rename(part, target).map_err(|error| DataError::io(target, error))?;
    // The name must last as the content does; not every system can sync a folder.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}
