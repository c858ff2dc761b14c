//! Several processes or threads (*ranks*) that train one network with the bits of one.
//!
//! Sums over a batch are taken in shards and added up in the order of the shards. Each rank computes
//! a range of the shards; before sums are added up, each rank fills in what the others computed. So
//! the order of additions, and with it every bit, is the same as in a single process.

use std::io;
use std::ops::Range;

/// Exchange of results between ranks.
pub trait Exchange: Send {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks, at least 1.
    fn ranks(&self) -> usize;

    /// Fills in the others' parts of `values`, of which rank r has computed those from `cuts[r]` to
    /// `cuts[r + 1]`. All ranks call this together, with arrays of the same length and cuts.
    ///
    /// # Errors
    /// If another rank cannot be reached, or has given up.
    fn gather(&mut self, values: &mut [f32], cuts: &[usize]) -> io::Result<()>;

    /// Fills in, of the rows that others have computed, the columns that are this rank's: `values` are rows
    /// of `width` values, of which rank r has computed those from `rows[r]` to `rows[r + 1]`, and its columns
    /// are those from `columns[r]` to `columns[r + 1]`. What else becomes of others' rows is left open, so
    /// that an exchange can send each value to the one rank that needs it.
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

/// Part `index` of `parts` nearly equal parts of `count` things.
pub fn part(count: usize, index: usize, parts: usize) -> Range<usize> {
    index * count / parts..(index + 1) * count / parts
}
