//! Runs the binary in a temporary folder and checks its output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Options of a network and a run that take a second at most.
pub const TINY: [&str; 14] = [
    "--split",
    "120/40/20",
    "--length",
    "1",
    "--width",
    "1",
    "--stem-stride",
    "4",
    "--epochs",
    "3",
    "--batch",
    "16",
    "--preset",
    "light",
];

/// A temporary folder to run commands in.
pub struct Folder {
    dir: TempDir,
}

/// The output of a command.
pub struct Said {
    /// The command, for messages.
    command: String,
    /// Exit status; -1 if a signal ended it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: TempDir::with_prefix("modiste-test-").unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command `modiste ARGS`, to be run in the folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_modiste"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs `modiste ARGS`.
    pub fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said::new(format!("modiste {}", args.join(" ")), output)
    }

    /// Creates a folder of IDX files: twelve training and twelve test images per class, of `side` x
    /// `side` pixels, all different.
    pub fn idx(&self, name: &str, side: u8, classes: u8) {
        std::fs::create_dir(self.path(name)).unwrap();
        for (part, salt) in [("train", 0), ("t10k", 1)] {
            let labels: Vec<u8> = (0..12 * classes).map(|i| i % classes).collect();
            let size = usize::from(side) * usize::from(side);
            let pixel = |i: usize| (i * i * 7 + i / size * 31 + salt) as u8;
            let pixels: Vec<u8> = (0..labels.len() * size).map(pixel).collect();
            let n = [0, 0, 0, labels.len() as u8];
            let sides = [0, 0, 0, side, 0, 0, 0, side];
            let images = [&[0, 0, 8, 3][..], &n, &sides, &pixels].concat();
            let labels = [&[0, 0, 8, 1][..], &n, &labels].concat();
            let file = |kind: &str| self.path(name).join(format!("{part}-{kind}-ubyte"));
            std::fs::write(file("images-idx3"), images).unwrap();
            std::fs::write(file("labels-idx1"), labels).unwrap();
        }
    }

    /// Runs `modiste train` with [`TINY`] and these options.
    pub fn train(&self, args: &[&str]) -> Said {
        self.run(&[&["train"], &TINY[..], args].concat())
    }

    /// Runs a shell script in the folder; `$MODISTE` is the binary.
    pub fn shell(&self, script: &str) -> Said {
        let output = self.shell_command(script).output().unwrap();
        Said::new(script.to_owned(), output)
    }

    /// The command that runs such a script.
    pub fn shell_command(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("MODISTE", env!("CARGO_BIN_EXE_modiste"));
        command
    }
}

impl Said {
    pub fn new(command: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            command,
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Expects success and an empty stderr.
    #[track_caller]
    pub fn expect_quiet(self) -> Self {
        let said = self.expect(0);
        assert_eq!(said.stderr, "", "{}", said.command);
        said
    }

    /// Expects this status.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        let Self { command, stdout, stderr, .. } = &self;
        assert_eq!(self.status, status, "{command}\nstdout: {stdout}\nstderr: {stderr}");
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}: {}", self.command, self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Expects this status and one line, apart from notes, that begins with `modiste: ` and
    /// contains all of `texts`.
    #[track_caller]
    pub fn expect_error(self, status: i32, texts: &[&str]) -> Self {
        let said = self.expect(status);
        let is_error =
            |line: &&str| line.starts_with("modiste: ") && !line.starts_with("modiste: note: ");
        let mut lines = said.stderr.lines().filter(is_error);
        let line = lines.next().unwrap_or_else(|| panic!("{}: {}", said.command, said.stderr));
        assert_eq!(lines.next(), None, "{}: {}", said.command, said.stderr);
        for text in texts {
            assert!(line.contains(text), "{}: {text:?} is not in {line:?}", said.command);
        }
        assert!(!said.stderr.contains("panicked"), "{}: {}", said.command, said.stderr);
        said
    }
}

/// The bytes of a file.
#[track_caller]
pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
