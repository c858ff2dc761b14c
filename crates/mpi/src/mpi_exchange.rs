//! [`Exchange`] over MPI.
//!
//! MPI is set to return error codes, so an error becomes one line from this rank instead of MPI's report.

use crate::StallHandler;
use crate::watchdog::Watchdog;
use modiste_spec::engine::Exchange;
use mpi::environment::Universe;
use mpi::topology::{Communicator, SimpleCommunicator};
use mpi::traits::AsRaw;
use mpi::{Threading, ffi};
use std::ffi::c_int;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running MPI.
pub(crate) struct Session {
    /// MPI ends when this is dropped.
    universe: Mutex<Option<Universe>>,
    dog: Arc<Watchdog>,
}

impl Session {
    /// Starts MPI.
    ///
    /// # Errors
    /// If it does not start, or accepts calls only from its first thread.
    pub fn begin(patience: Duration, stalled: StallHandler) -> Result<Self, String> {
        let started = mpi::initialize_with_threading(Threading::Serialized);
        let (universe, threading) = started.ok_or("MPI was started before")?;
        if threading < Threading::Serialized {
            return Err("this MPI accepts calls only from its first thread".into());
        }
        // SAFETY: MPI is running, the communicator is valid, and the handler is predefined by MPI.
        unsafe { ffi::MPI_Comm_set_errhandler(world().as_raw(), ffi::RSMPI_ERRORS_RETURN) };
        let universe = Mutex::new(Some(universe));
        Ok(Self { universe, dog: Watchdog::begin(patience, stalled) })
    }

    pub fn rank(&self) -> usize {
        world().rank() as usize
    }

    pub fn ranks(&self) -> usize {
        world().size() as usize
    }

    pub fn host(&self) -> String {
        mpi::environment::processor_name().unwrap_or_else(|_| "unknown host".into())
    }

    pub fn exchange(&self) -> MpiExchange {
        let dog = self.dog.clone();
        let (rank, ranks) = (self.rank(), self.ranks());
        let comm = world().as_raw();
        MpiExchange { comm, rank, ranks, dog, own: Vec::new(), others: Vec::new() }
    }

    pub fn end(&self) {
        drop(self.universe.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub fn abort(&self, status: u8) -> ! {
        world().abort(c_int::from(status))
    }
}

/// The communicator of all ranks.
fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

/// A handle of the communicator of all ranks.
pub(crate) struct MpiExchange {
    comm: ffi::MPI_Comm,
    rank: usize,
    ranks: usize,
    dog: Arc<Watchdog>,
    /// A copy of what this rank sends, because MPI may not send from a buffer that it also writes to.
    own: Vec<f32>,
    /// What the others send, before it is copied to its position.
    others: Vec<f32>,
}

// SAFETY: the handle is a number or an address that stays valid until MPI ends, and MPI was started in
// a mode in which any thread may call it, one at a time.
unsafe impl Send for MpiExchange {}

impl Exchange for MpiExchange {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    fn gather(&mut self, values: &mut [f32], cuts: &[usize]) -> io::Result<()> {
        assert!(cuts.len() == self.ranks + 1 && cuts[self.ranks] <= values.len());
        let starts = counts(cuts.iter().copied())?;
        let lens = counts(cuts.windows(2).map(|cut| cut[1] - cut[0]))?;
        self.own.clear();
        self.own.extend_from_slice(&values[cuts[self.rank]..cuts[self.rank + 1]]);
        let Self { comm, rank, own, dog, .. } = self;
        // SAFETY: `own` holds as many floats as are sent; starts and lengths follow from `cuts`, which
        // end within `values`; the buffers do not overlap and live during the call.
        let code = dog.watch(|| unsafe {
            ffi::MPI_Allgatherv(
                own.as_ptr().cast(),
                lens[*rank],
                ffi::RSMPI_FLOAT,
                values.as_mut_ptr().cast(),
                lens.as_ptr(),
                starts.as_ptr(),
                ffi::RSMPI_FLOAT,
                *comm,
            )
        });
        checked(code)
    }

    fn turn(
        &mut self,
        values: &mut [f32],
        width: usize,
        rows: &[usize],
        columns: &[usize],
    ) -> io::Result<()> {
        let (rank, ranks) = (self.rank, self.ranks);
        assert!(rows.len() == ranks + 1 && columns.len() == ranks + 1 && columns[ranks] == width);
        let own_rows = rows[rank]..rows[rank + 1];
        let own_columns = columns[rank]..columns[rank + 1];
        // To each rank this rank's rows of its columns; from each rank its rows of this rank's columns.
        let block = |r: usize| columns[r]..columns[r + 1];
        self.own.clear();
        for r in (0..ranks).filter(|&r| r != rank) {
            for row in own_rows.clone() {
                self.own.extend_from_slice(&values[row * width..][block(r)]);
            }
        }
        let sent = |r: usize| if r == rank { 0 } else { own_rows.len() * block(r).len() };
        let received =
            |r: usize| if r == rank { 0 } else { (rows[r + 1] - rows[r]) * own_columns.len() };
        let (send_lens, send_starts) = layout((0..ranks).map(sent))?;
        let (lens, starts) = layout((0..ranks).map(received))?;
        self.others.resize((0..ranks).map(received).sum(), 0.0);
        let Self { comm, own, others, dog, .. } = self;
        // SAFETY: both buffers are as long as starts and lengths say, do not overlap and live during the call.
        let code = dog.watch(|| unsafe {
            ffi::MPI_Alltoallv(
                own.as_ptr().cast(),
                send_lens.as_ptr(),
                send_starts.as_ptr(),
                ffi::RSMPI_FLOAT,
                others.as_mut_ptr().cast(),
                lens.as_ptr(),
                starts.as_ptr(),
                ffi::RSMPI_FLOAT,
                *comm,
            )
        });
        checked(code)?;
        let mut pieces = others.chunks_exact(own_columns.len().max(1));
        for row in (0..rows[ranks]).filter(|row| !own_rows.contains(row)) {
            if let Some(piece) = pieces.next() {
                values[row * width..][own_columns.clone()].copy_from_slice(piece);
            }
        }
        Ok(())
    }
}

/// Lengths and starts of consecutive parts.
fn layout(lens: impl Iterator<Item = usize> + Clone) -> io::Result<(Vec<c_int>, Vec<c_int>)> {
    let starts = lens.clone().scan(0, |end, len| {
        *end += len;
        Some(*end - len)
    });
    Ok((counts(lens)?, counts(starts)?))
}

/// Converts sizes to MPI's integers.
fn counts(numbers: impl Iterator<Item = usize>) -> io::Result<Vec<c_int>> {
    let too_many = |_| io::Error::other("more than 2^31 values cannot be exchanged at once");
    numbers.map(|n| c_int::try_from(n).map_err(too_many)).collect()
}

/// MPI's text for an error code.
fn checked(code: c_int) -> io::Result<()> {
    if code == 0 {
        return Ok(());
    }
    let mut text = [0_u8; ffi::MPI_MAX_ERROR_STRING as usize];
    let mut len = 0;
    // SAFETY: the buffer has the length that MPI asks for.
    let known = unsafe { ffi::MPI_Error_string(code, text.as_mut_ptr().cast(), &mut len) } == 0;
    let len = if known { (len as usize).min(text.len()) } else { 0 };
    let text = String::from_utf8_lossy(&text[..len]);
    Err(io::Error::other(format!("MPI error {code}: {}", text.trim())))
}
