//! Training one network in several processes (*ranks*): an [`Exchange`] over MPI, and messages between
//! ranks outside of training steps.
//!
//! [`Team::join`] finds out whether `mpirun` or `srun` started this process as one of several. Without the
//! feature `mpi` it then returns an error. This crate prints nothing.

mod launch;
mod messages;
#[cfg(feature = "mpi")]
mod mpi_exchange;
#[cfg(feature = "mpi")]
mod watchdog;

pub use launch::Launch;
pub use messages::{RankMessages, first_difference};

use modiste_spec::engine::Exchange;
use std::time::Duration;

/// Called on another thread when this rank has waited too long for the others; it should end the process.
pub type StallHandler = fn(Duration);

/// The ranks that this process belongs to.
pub struct Team {
    #[cfg(feature = "mpi")]
    session: mpi_exchange::Session,
    rank: usize,
    ranks: usize,
    host: String,
}

impl Team {
    /// Joins the other ranks; `None` if this process was started alone. If an exchange takes longer than
    /// `patience`, `stalled` is called.
    ///
    /// # Errors
    /// In one line, if MPI does not start.
    #[cfg(feature = "mpi")]
    pub fn join(patience: Duration, stalled: StallHandler) -> Result<Option<Self>, String> {
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
    /// If the process was started as one of several ranks, because this build has no MPI.
    #[cfg(not(feature = "mpi"))]
    pub fn join(_: Duration, _: StallHandler) -> Result<Option<Self>, String> {
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

    /// Host name of this rank's machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A handle for exchanges with the other ranks. Only one thread at a time may use any of the handles.
    pub fn exchange(&self) -> Box<dyn Exchange> {
        #[cfg(feature = "mpi")]
        return Box::new(self.session.exchange());
        #[cfg(not(feature = "mpi"))]
        unreachable!("a build without MPI has no team");
    }

    /// Ends MPI for this rank. All ranks must call this, and exchange nothing afterwards.
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
