//! Paths that are not regular files: pipes, devices, sockets, loops of links, names that are not
//! Unicode. Each is refused at once in one line; output goes where it should.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::util::{Folder, bytes};

/// Longer than any of these commands needs to refuse its input, even on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn pipes_and_devices_are_refused_wherever_a_file_is_read() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    fifo(&folder.path("pipe"));
    fs::create_dir_all(folder.path("classes/a")).unwrap();
    fs::create_dir_all(folder.path("classes/b")).unwrap();
    for class in ["a", "b"] {
        fifo(&folder.path(&format!("classes/{class}/x.png")));
    }
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    let begun = Instant::now();
    for (args, text) in [
        (&["train", "--config", "pipe"][..], "pipe: is a named pipe, not a file"),
        (&["train", "--config", "socket"], "socket: is a socket, not a file"),
        (&["train", "--config", "/dev/zero"], "/dev/zero: is a device, not a file"),
        (&["summary", "pipe"], "pipe: is a named pipe, not a file"),
        (&["evaluate", "pipe"], "pipe: is a named pipe, not a file"),
        (&["predict", "run", "pipe"], "pipe: is a named pipe, not a file"),
        (&["predict", "run", "/dev/zero"], "/dev/zero: is a device, not a file"),
        (&["explain", "run", "pipe"], "pipe: is a named pipe, not a file"),
        (&["export", "pipe"], "pipe: is a named pipe, not a file"),
        (
            &["serve", "run", "--listen", "127.0.0.1:0", "--token-file", "pipe"],
            "pipe: is a named pipe",
        ),
        (&["serve", "pipe", "--listen", "127.0.0.1:0"], "pipe: is a named pipe"),
        (&["data", "info", "--data", "classes"], "classes"),
        (&["predict", "run", "--submission", "s.csv", "--sample", "pipe"], "pipe: is a named pipe"),
    ] {
        folder.run(args).expect_error(1, &[text]);
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_run_folder_with_pipes_instead_of_files_is_refused() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    for (file, command) in [
        ("config.toml", &["report", "run"][..]),
        ("metrics.csv", &["report", "run"]),
        ("evaluation.json", &["report", "run"]),
        ("best.safetensors", &["evaluate", "run"]),
        ("last.ckpt", &["train", "--resume", "run"]),
        ("log.txt", &["train", "--resume", "run"]),
        (".lock", &["train", "--resume", "run"]),
    ] {
        let [path, kept] =
            [format!("run/{file}"), "kept".to_owned()].map(|name| folder.path(&name));
        fs::rename(&path, &kept).unwrap();
        fifo(&path);
        let begun = Instant::now();
        folder.run(command).expect_error(1, &[file, "is a named pipe, not a file"]);
        assert!(begun.elapsed() < SOON, "{file}: {:?}", begun.elapsed());
        fs::rename(&kept, &path).unwrap();
    }
}

#[test]
fn loops_of_links_end() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    fs::create_dir_all(folder.path("pictures/deep")).unwrap();
    folder.run(&["data", "samples", "--out", "pictures/deep/x.png"]).expect(0);
    for link in ["pictures/one", "pictures/deep/two", "pictures/deep/three"] {
        symlink(folder.path("pictures"), folder.path(link)).unwrap();
    }
    let said = folder.run(&["predict", "run", "pictures"]).expect(1);
    let line = "pictures/one: is a link to a folder that was read before";
    assert_eq!(said.stderr.matches("not answered: ").count(), 3, "{}", said.stderr);
    assert!(said.stderr.contains(line), "{}", said.stderr);
    assert_eq!(said.stdout.matches("x.png").count(), 1, "{}", said.stdout);
    symlink("self", folder.path("self")).unwrap();
    for args in [
        &["train", "--config", "self"][..],
        &["evaluate", "self"],
        &["data", "info", "--data", "self"],
    ] {
        folder.run(args).expect_error(1, &["self: "]);
    }
}

#[test]
fn a_class_whose_folder_is_no_unicode_is_named() {
    let folder = Folder::new();
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    for class in [odd, "tea".as_ref()] {
        fs::create_dir_all(folder.path("classes").join(class)).unwrap();
    }
    let said = folder.run(&["data", "info", "--data", "classes"]);
    said.expect_error(1, &["classes/caf", "is not a Unicode name", "rename the folder"]);
}

#[test]
fn a_csv_file_keeps_its_mode_and_a_planted_link_is_not_followed() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    fs::write(folder.path("victim"), "mine").unwrap();
    symlink("victim", folder.path(".p.csv.tmp")).unwrap();
    let command = ["predict", "run", "--part", "validation", "--csv", "p.csv"];
    folder.run(&command).expect(0);
    let first = bytes(&folder.path("p.csv"));
    assert_eq!(bytes(&folder.path("victim")), b"mine");
    fs::set_permissions(folder.path("p.csv"), PermissionsExt::from_mode(0o640)).unwrap();
    folder.run(&command).expect(0);
    assert_eq!(folder.path("p.csv").metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert!(bytes(&folder.path("p.csv")) == first);
}

#[test]
fn two_writers_of_one_csv_file_do_not_mix() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let part = |name| ["predict", "run", "--part", name, "--csv", "p.csv"];
    let alone = ["train", "validation"].map(|name| {
        folder.run(&part(name)).expect(0);
        bytes(&folder.path("p.csv"))
    });
    for _ in 0..3 {
        let children = ["train", "validation"].map(|name| {
            let mut command = folder.command(&part(name));
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        });
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        assert!(alone.contains(&bytes(&folder.path("p.csv"))), "two writers were mixed");
    }
    let left = fs::read_dir(folder.path("")).unwrap().count();
    assert_eq!(left, 2, "a temporary file was left");
}
