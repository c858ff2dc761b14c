//! Training of one network by several processes or threads (*ranks*) with the same bits as by one.
//!
//! Sums over a batch are computed in shards and added up in the order of the shards. Each rank computes
//! a range of the shards; before sums are added up, each rank receives the results of the others. So the
//! order of additions, and with it every bit, is the same as in a single process.

use std::io;
use std::ops::Range;

/// Exchange of results between ranks.
pub trait Exchange: Send {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks, at least 1.
    fn ranks(&self) -> usize;

    /// Fills in the other ranks' parts of `values`: rank r has computed those from `cuts[r]` to
    /// `cuts[r + 1]`. All ranks call this together, with the same length of `values` and the same cuts.
    ///
    /// # Errors
    /// If another rank cannot be reached or has given up.
    fn gather(&mut self, values: &mut [f32], cuts: &[usize]) -> io::Result<()>;

    /// Fills in this rank's columns of the rows that other ranks have computed. `values` are rows
    /// of `width` values; rank r has computed the rows from `rows[r]` to `rows[r + 1]`, and its
    /// columns are those from `columns[r]` to `columns[r + 1]`. The other columns of others' rows
    /// are unspecified, so an exchange can send each value only to the rank that needs it.
    ///
    /// # Errors
    /// As [`Self::gather`].
    fn turn(
        &mut self,
        values: &mut [f32],
        width: usize,
        rows: &[usize],
        columns: &[usize],
    ) -> io::Result<()> {
        debug_assert_eq!((rows.len(), columns.last()), (columns.len(), Some(&width)));
        let cuts: Vec<usize> = rows.iter().map(|row| row * width).collect();
        self.gather(values, &cuts)
    }
}

/// Range `index` of `parts` nearly equal ranges of `count` items.
pub fn part(count: usize, index: usize, parts: usize) -> Range<usize> {
    index * count / parts..(index + 1) * count / parts
}
