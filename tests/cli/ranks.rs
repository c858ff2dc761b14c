//! Several ranks, as far as a build without MPI supports them; `benchmarks/machines/mpi.py` tests
//! the rest.

use crate::util::{Folder, Said};

#[test]
fn a_build_without_mpi_refuses_to_be_one_of_several_ranks() {
    if cfg!(feature = "mpi") {
        return;
    }
    let folder = Folder::new();
    let output = folder
        .command(&["train", "--out", "r", "--quiet"])
        .env("OMPI_COMM_WORLD_SIZE", "2")
        .env("OMPI_COMM_WORLD_RANK", "1")
        .output()
        .unwrap();
    let said = Said::new("one of two ranks".into(), output);
    said.expect_error(2, &["started as one of 2 ranks", "--features mpi"]);
    assert!(!folder.path("r").exists());
}

#[test]
fn wrong_usage_is_told_once() {
    let folder = Folder::new();
    for (rank, tells) in [("0", true), ("1", false)] {
        let command = &["train", "--no-such-option"];
        let output = folder.command(command).env("OMPI_COMM_WORLD_RANK", rank).output().unwrap();
        let said = Said::new(format!("rank {rank}"), output).expect(2);
        assert_eq!(!said.stderr.is_empty(), tells, "rank {rank}: {}", said.stderr);
    }
}
