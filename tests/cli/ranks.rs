//! Several ranks, as far as a build without MPI supports them; `benchmarks/machines/mpi.py` tests
//! the rest.

use crate::util::{Folder, Said};

#[test]
fn a_build_without_mpi_refuses_to_be_one_of_several_ranks() {
    if cfg!(feature = "mpi") {
        return;
    }
    let folder = Folder::new();
    for variables in [
        [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "2")],
        // As srun --mpi=pmix sets them.
        [("PMIX_RANK", "1"), ("SLURM_STEP_NUM_TASKS", "2")],
    ] {
        let mut command = folder.command(&["train", "--out", "r", "--quiet"]);
        let said = Said::new("one of two ranks".into(), command.envs(variables).output().unwrap());
        said.expect_error(2, &["started as one of 2 ranks", "--features mpi"]);
    }
    assert!(!folder.path("r").exists());
}

#[test]
fn tasks_of_srun_without_mpi_are_told_that_they_are_alone() {
    let folder = Folder::new();
    let mut command = folder.command(&["evaluate", "nothing"]);
    let output = command.env("SLURM_STEP_NUM_TASKS", "2").env_remove("PMIX_RANK").output().unwrap();
    let said = Said::new("a task of two".into(), output).expect(1);
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("2 tasks without MPI"), "{}", said.stderr);
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
