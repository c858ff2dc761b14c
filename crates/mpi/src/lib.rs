//! Training one network in several processes (*ranks*): an [`Exchange`] over MPI, and what the ranks tell
//! each other beside the steps.
//!
//! [`Team::join`] finds out whether this process was started by `mpirun` or `srun` as one of several.
//! Without the feature `mpi` it refuses that, and a process is always alone. Nothing is printed here.

mod launch;
#[cfg(feature = "mpi")]
mod mpi_exchange;
mod talk;
#[cfg(feature = "mpi")]
mod watchdog;

pub use launch::Launch;
pub use talk::{Talk, first_difference};

use modiste_spec::engine::Exchange;
use std::time::Duration;

/// Called by another thread when this rank has waited too long for the others; it should end the process.
pub type Stalled = fn(Duration);

/// The ranks that this process is one of.
pub struct Team {
    #[cfg(feature = "mpi")]
    session: mpi_exchange::Session,
    rank: usize,
    ranks: usize,
    host: String,
}

impl Team {
    /// Joins the other ranks; `None` if this process was started alone. After waiting for `patience` for
    /// the others in one exchange, `stalled` is called.
    ///
    /// # Errors
    /// In one line: this build has no MPI, or MPI does not start.
    #[cfg(feature = "mpi")]
    pub fn join(patience: Duration, stalled: Stalled) -> Result<Option<Self>, String> {
        if !Launch::of_environment().by_a_launcher {
            return Ok(None);
        }
        let session = mpi_exchange::Session::begin(patience, stalled)?;
        let (rank, ranks, host) = (session.rank(), session.ranks(), session.host());
        Ok((ranks > 1).then_some(Self { session, rank, ranks, host }))
    }

    /// Joins the other ranks; `None` if this process was started alone.
    ///
    /// # Errors
    /// If it was not: this build has no MPI.
    #[cfg(not(feature = "mpi"))]
    pub fn join(_: Duration, _: Stalled) -> Result<Option<Self>, String> {
        match Launch::of_environment().ranks {
            Some(ranks) if ranks > 1 => Err(format!(
                "was started as one of {ranks} ranks, but this build has no MPI; build it with \
                 --features mpi, or start one process"
            )),
            _ => Ok(None),
        }
    }

    /// Number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of ranks, at least 2.
    pub fn ranks(&self) -> usize {
        self.ranks
    }

    /// The name of this rank's machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A handle for exchanging with the other ranks. All handles are for one thread at a time.
    pub fn exchange(&self) -> Box<dyn Exchange> {
        #[cfg(feature = "mpi")]
        return Box::new(self.session.exchange());
        #[cfg(not(feature = "mpi"))]
        unreachable!("without MPI there is no team");
    }

    /// Ends this rank's part; all ranks do so, and exchange nothing afterwards.
    pub fn end(&self) {
        #[cfg(feature = "mpi")]
        self.session.end();
    }

    /// Ends all ranks at once, with this exit status.
    pub fn abort(&self, status: u8) -> ! {
        #[cfg(feature = "mpi")]
        self.session.abort(status);
        #[cfg(not(feature = "mpi"))]
        std::process::exit(i32::from(status))
    }
}
