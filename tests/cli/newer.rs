//! Files of a run or a plan that are damaged or were written by a newer version are refused in one
//! line that names the file, the problem and, for newer files, the version that reads them.

use std::fs;

use crate::util::Folder;

/// A run, and how to change one of its files.
struct Changed {
    folder: Folder,
}

impl Changed {
    fn new() -> Self {
        let folder = Folder::new();
        folder.train(&["--out", "kept"]).expect(0);
        Self { folder }
    }

    /// Copies the kept run, changes a file of the copy, and expects that a command refuses it with
    /// these texts.
    fn refused(
        &self,
        file: &str,
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
        args: &[&str],
        texts: &[&str],
    ) {
        let run = self.folder.path("run");
        let _ = fs::remove_dir_all(&run);
        fs::create_dir(&run).unwrap();
        for entry in fs::read_dir(self.folder.path("kept")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), run.join(entry.file_name())).unwrap();
            }
        }
        let path = run.join(file);
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
        let said = self.folder.run(args).expect_error(1, texts);
        let name = format!("run/{file}");
        assert!(said.stderr.contains(&name), "{args:?}: {}", said.stderr);
    }
}

/// Replaces a text in the file.
fn with(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    }
}

fn cut(bytes: Vec<u8>) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 0x20;
    bytes
}

const RESUME: [&str; 4] = ["train", "--resume", "run", "--epochs=4"];
const VERIFY: [&str; 3] = ["verify", "run", "--quiet"];
const READS: &str = "if a newer version wrote the file, that one reads it";

#[test]
fn what_a_newer_version_wrote_is_refused_with_the_version() {
    let changed = Changed::new();
    let own = format!("modiste {} ", env!("CARGO_PKG_VERSION"));
    let model = with("modiste model 1", "modiste model 2");
    let newer = ["modiste model 2", &own, "which wrote it, reads it"];
    for args in [&["evaluate", "run"][..], &["export", "run"], &VERIFY, &["explain", "run"]] {
        changed.refused("best.safetensors", &model, args, &newer);
    }
    let newer = ["mdstckp2", &own, "a newer version of modiste reads it"];
    changed.refused("last.ckpt", with("mdstckp1", "mdstckp2"), &RESUME, &newer);
    changed.refused("last.ckpt", with("mdstckp1", "mdstckp2"), &VERIFY, &newer);
    let config = with("[training]\n", "[training]\nnovel = 3\n");
    for args in [&RESUME[..], &VERIFY, &["report", "run"], &["evaluate", "run"]] {
        changed.refused(
            "config.toml",
            &config,
            args,
            &["training.novel: no such field", &own, READS],
        );
    }
    let evaluation = with("modiste-evaluation-1", "modiste-evaluation-2");
    let newer =
        ["is in the format \"modiste-evaluation-2\"", "a newer version of modiste reads it"];
    changed.refused("evaluation.json", evaluation, &["report", "run"], &newer);
    let more =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace('\n', ",novel\n").into_bytes();
    for file in ["metrics.csv", "digests.csv"] {
        changed.refused(file, more, &VERIFY, &["unknown column \"novel\"", &own, READS]);
    }
}

#[test]
fn a_newer_run_names_the_version_that_wrote_it() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let path = folder.path("run/environment.json");
    let starts = fs::read_to_string(&path).unwrap();
    let own = format!("\"modiste\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(starts.contains(&own), "{starts}");
    let starts = starts.replace(&own, "\"modiste\": \"7.1.0\"").replace("\"cpu ", "\"cpu other-");
    fs::write(&path, starts).unwrap();
    // Version and instruction set do not matter here, but are named when bits are compared.
    let said = folder.run(&VERIFY).expect(0);
    for text in
        ["changed since: modiste", ", recorded 7.1.0", "instruction set ", ", recorded other-"]
    {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    let path = folder.path("run/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("[training]\n", "[training]\nnovel = 3\n")).unwrap();
    folder.run(&RESUME).expect_error(1, &["run/config.toml", "modiste 7.1.0 wrote the run"]);
}

#[test]
fn damaged_files_of_a_run_are_refused() {
    let changed = Changed::new();
    let damaged = ["the checksum differs: the file was damaged"];
    changed.refused("last.ckpt", cut, &RESUME, &damaged);
    changed.refused("last.ckpt", flipped, &RESUME, &damaged);
    changed.refused(
        "best.safetensors",
        cut,
        &["evaluate", "run"],
        &["is not a whole safetensors file"],
    );
    changed.refused("best.safetensors", flipped, &["evaluate", "run"], &["checksum"]);
    changed.refused("config.toml", cut, &RESUME, &["run/config.toml"]);
    changed.refused("metrics.csv", cut, &VERIFY, &["run/metrics.csv"]);
    changed.refused("evaluation.json", cut, &["report", "run"], &["is damaged"]);
    changed.refused("environment.json", cut, &VERIFY, &["is damaged"]);
}

#[test]
fn plans_that_are_newer_or_damaged_are_refused() {
    let folder = Folder::new();
    let plan =
        ["grid", "--preset", "light", "--over", "width=1,2", "--out", "g", "--plan", "parallel"];
    folder.run(&plan).expect(0);
    let refused =
        |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, args: &[&str], texts: &[&str]| {
            let path = folder.path("g").join(file);
            let kept = fs::read(&path).unwrap();
            fs::write(&path, change(kept.clone())).unwrap();
            folder.run(args).expect_error(1, &[&[&*format!("g/{file}")], texts].concat());
            fs::write(&path, kept).unwrap();
        };
    let newer = ["unknown field `novel`", READS];
    refused("grid.toml", &with("seeds = 1\n", "seeds = 1\nnovel = 1\n"), &plan, &newer);
    refused("grid.toml", &with("epochs = ", "novel = 1\nepochs = "), &plan, &newer);
    refused("grid.toml", &cut, &plan, &[]);
    let status = ["status", "g"];
    refused("elements.json", &with("{\"command\"", "{\"novel\":1,\"command\""), &status, &newer);
    refused("elements.json", &cut, &status, &[]);
}
