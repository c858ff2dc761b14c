//! What the environment says of how this process was started.

/// How this process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Whether `mpirun`, `mpiexec` or `srun` with an MPI plug-in started it.
    pub by_a_launcher: bool,
    /// Number of this rank, from 0, as far as it is known before MPI starts.
    pub rank: usize,
    /// Number of ranks, as far as it is known before MPI starts.
    pub ranks: Option<usize>,
}

/// Variables with the rank: of Open MPI's mpirun, of PMIx (srun, Open MPI 5), of PMI (MPICH, srun).
const RANK: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"];
/// Variables with the number of ranks.
const RANKS: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

impl Launch {
    /// That of this process.
    pub fn of_environment() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let number =
            |names: &[&str]| names.iter().find_map(|&name| variable(name)?.parse::<usize>().ok());
        let (rank, ranks) = (number(&RANK), number(&RANKS));
        Self { by_a_launcher: rank.is_some(), rank: rank.unwrap_or(0), ranks }
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
        assert_eq!(of(&[]), Launch { by_a_launcher: false, rank: 0, ranks: None });
        let open_mpi = of(&[("OMPI_COMM_WORLD_RANK", "2"), ("OMPI_COMM_WORLD_SIZE", "3")]);
        assert_eq!(open_mpi, Launch { by_a_launcher: true, rank: 2, ranks: Some(3) });
        assert_eq!(of(&[("PMIX_RANK", "1")]).rank, 1);
        // A Slurm job without MPI is no launch of ranks.
        assert!(!of(&[("SLURM_PROCID", "1"), ("SLURM_NTASKS", "4")]).by_a_launcher);
    }
}
