//! Finds out from the environment how this process was started.

/// How this process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Whether `mpirun`, `mpiexec` or `srun` with an MPI plug-in started it.
    pub by_a_launcher: bool,
    /// Number of this rank, from 0, as far as it is known before MPI starts.
    pub rank: usize,
    /// Number of ranks, as far as it is known before MPI starts.
    pub ranks: Option<usize>,
    /// Number of tasks, if `srun` started several without MPI; each of them then works alone.
    pub lone_tasks: Option<usize>,
}

/// Variables with the rank, set by Open MPI's mpirun, PMIx (srun, Open MPI 5) and PMI (MPICH, srun).
const RANK: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"];
/// Variables with the number of ranks.
const RANKS: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
/// Variable with the number of tasks that `srun` started; it is not set for the script of a job.
const TASKS: &str = "SLURM_STEP_NUM_TASKS";

impl Launch {
    /// How this process was started.
    pub fn of_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let number =
            |names: &[&str]| names.iter().find_map(|&name| variable(name)?.parse::<usize>().ok());
        let (rank, tasks) = (number(&RANK), number(&[TASKS]));
        let by_a_launcher = rank.is_some();
        // PMIx sets the rank, but not the number of ranks.
        let ranks = number(&RANKS).or(tasks.filter(|_| by_a_launcher));
        let lone_tasks = tasks.filter(|&tasks| !by_a_launcher && tasks > 1);
        Self { by_a_launcher, rank: rank.unwrap_or(0), ranks, lone_tasks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_known_by_their_variables() {
        let of = |pairs: &[(&str, &str)]| {
            Launch::new(|name| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_owned()))
        };
        let alone = Launch { by_a_launcher: false, rank: 0, ranks: None, lone_tasks: None };
        assert_eq!(of(&[]), alone);
        let open_mpi = of(&[("OMPI_COMM_WORLD_RANK", "2"), ("OMPI_COMM_WORLD_SIZE", "3")]);
        assert_eq!(open_mpi, Launch { by_a_launcher: true, rank: 2, ranks: Some(3), ..alone });
        let srun = of(&[("PMIX_RANK", "1"), ("SLURM_STEP_NUM_TASKS", "2")]);
        assert_eq!(srun, Launch { by_a_launcher: true, rank: 1, ranks: Some(2), ..alone });
        // Neither the script of a Slurm job nor tasks without MPI count as ranks.
        assert_eq!(of(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]), alone);
        let tasks = of(&[("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "4")]);
        assert_eq!(tasks, Launch { lone_tasks: Some(4), ..alone });
    }
}
