//! An exchange between threads of one process: each rank is an engine on its own thread.
//!
//! It shows, without a cluster, that any number of ranks gives the same bits as one.

use modiste_spec::engine::Exchange;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One rank of a team of threads.
#[derive(Debug)]
pub struct ThreadExchange {
    rank: usize,
    team: Arc<Team>,
}

#[derive(Debug)]
struct Team {
    ranks: usize,
    table: Mutex<Table>,
    changed: Condvar,
}

/// The shared table where ranks deposit and fetch parts.
#[derive(Debug, Default)]
struct Table {
    values: Vec<f32>,
    /// Number of ranks that have deposited their part.
    laid: usize,
    /// Number of ranks that have fetched the others' parts; when all have, the table is free again.
    fetched: usize,
    /// Whether a rank has given up, so that the others must not wait.
    broken: bool,
}

impl ThreadExchange {
    /// The exchanges of `ranks` ranks, in order; at least one.
    pub fn team(ranks: usize) -> Vec<Self> {
        let ranks = ranks.max(1);
        let (table, changed) = (Mutex::default(), Condvar::new());
        let team = Arc::new(Team { ranks, table, changed });
        (0..ranks).map(|rank| Self { rank, team: team.clone() }).collect()
    }

    /// Waits until `ready`, or until a rank has given up.
    fn wait(&self, ready: impl Fn(&Table) -> bool) -> Result<MutexGuard<'_, Table>> {
        let mut table = self.table();
        while !ready(&table) {
            if table.broken {
                let text = "another rank has ended or failed";
                return Err(Error::new(ErrorKind::BrokenPipe, text));
            }
            table = self.team.changed.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(table)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.team.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange for ThreadExchange {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.team.ranks
    }

    fn gather(&mut self, values: &mut [f32], cuts: &[usize]) -> Result<()> {
        let ranks = self.team.ranks;
        let own = cuts[self.rank]..cuts[self.rank + 1];
        let mut table = self.wait(|table| table.fetched == 0 && table.laid < ranks)?;
        if table.laid == 0 {
            table.values.resize(values.len(), 0.0);
        }
        if table.values.len() != values.len() {
            table.broken = true;
            self.team.changed.notify_all();
            let text = format!("{} values, others have {}", values.len(), table.values.len());
            return Err(Error::new(ErrorKind::InvalidData, text));
        }
        table.values[own.clone()].copy_from_slice(&values[own.clone()]);
        table.laid += 1;
        self.team.changed.notify_all();
        drop(table);
        let mut table = self.wait(|table| table.laid == ranks)?;
        values[..own.start].copy_from_slice(&table.values[..own.start]);
        values[own.end..].copy_from_slice(&table.values[own.end..]);
        table.fetched += 1;
        if table.fetched == ranks {
            (table.laid, table.fetched) = (0, 0);
            self.team.changed.notify_all();
        }
        Ok(())
    }
}

impl Drop for ThreadExchange {
    fn drop(&mut self) {
        self.table().broken = true;
        self.team.changed.notify_all();
    }
}
