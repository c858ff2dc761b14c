//! The other ranks that train the same network, if any.

use crate::machine::Extent;
use modiste_kernels::isa::Isa;
use modiste_kernels::optimizer::sum_shards;
use modiste_spec::engine::{EngineError, Exchange};

/// The ranks with which this engine shares its work.
#[derive(Default)]
pub(crate) struct Ranks {
    exchange: Option<Box<dyn Exchange>>,
    /// Starts of the ranks' parts of an array, and its end.
    cuts: Vec<usize>,
}

impl Ranks {
    pub fn new(exchange: Box<dyn Exchange>) -> Self {
        Self { exchange: Some(exchange), cuts: Vec::new() }
    }

    /// The number of this rank, and the number of ranks.
    pub fn position(&self) -> (usize, usize) {
        self.exchange.as_ref().map_or((0, 1), |exchange| (exchange.rank(), exchange.ranks()))
    }

    /// This rank's share of a batch of `all` images.
    pub fn extent(&self, all: usize) -> Extent {
        let (rank, ranks) = self.position();
        Extent::of_rank(all, rank, ranks)
    }

    /// Fetches the rows of the other ranks' shards; `values` are (shards, row).
    ///
    /// # Errors
    /// If the others cannot be reached.
    pub fn gather_shards(
        &mut self,
        extent: Extent,
        values: &mut [f32],
        row: usize,
    ) -> Result<(), EngineError> {
        let values = &mut values[..extent.shards * row];
        self.gather(values, |rank, ranks| rank * extent.shards / ranks * row)
    }

    /// Adds up the rows of all ranks' shards; `values` are (shards, row), and the first row becomes
    /// the sum. Each rank adds up one stretch, in the order of the shards, and fetches the others'
    /// sums.
    ///
    /// # Errors
    /// If the others cannot be reached.
    pub fn sum_shards(
        &mut self,
        isa: Isa,
        extent: Extent,
        values: &mut [f32],
        row: usize,
    ) -> Result<(), EngineError> {
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let (rank, ranks) = (exchange.rank(), exchange.ranks());
        // With a single rank, the optimiser adds them up.
        if ranks == 1 {
            return Ok(());
        }
        let cuts =
            |count: usize| -> Vec<usize> { (0..=ranks).map(|r| r * count / ranks).collect() };
        let (rows, columns) = (cuts(extent.shards), cuts(row));
        exchange.turn(&mut values[..extent.shards * row], row, &rows, &columns)?;
        let (sum, others) = values[..extent.shards * row].split_at_mut(row);
        let own = columns[rank]..columns[rank + 1];
        for other in others.chunks_exact(row) {
            sum_shards(isa, &mut sum[own.clone()], &other[own.clone()]);
        }
        Ok(exchange.gather(sum, &columns)?)
    }

    /// Fetches the rows of the other ranks' images; `values` are (images of the batch, row).
    ///
    /// # Errors
    /// If the others cannot be reached.
    pub fn gather_images(
        &mut self,
        extent: Extent,
        values: &mut [f32],
        row: usize,
    ) -> Result<(), EngineError> {
        self.gather(values, |rank, ranks| match rank < ranks {
            true => Extent::of_rank(extent.all, rank, ranks).first * row,
            false => extent.all * row,
        })
    }

    /// Whether `wish` is true on any rank.
    ///
    /// # Errors
    /// If the others cannot be reached.
    pub fn any(&mut self, wish: bool) -> Result<bool, EngineError> {
        let (rank, ranks) = self.position();
        if ranks == 1 {
            return Ok(wish);
        }
        let mut wishes = vec![0.0; ranks];
        wishes[rank] = f32::from(u8::from(wish));
        self.gather(&mut wishes, |rank, _| rank)?;
        Ok(wishes.iter().any(|&wish| wish > 0.0))
    }

    /// Fetches the others' parts of `values`; `cut` gives the start of a rank's part.
    ///
    /// # Errors
    /// If the others cannot be reached.
    pub fn gather(
        &mut self,
        values: &mut [f32],
        cut: impl Fn(usize, usize) -> usize,
    ) -> Result<(), EngineError> {
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let ranks = exchange.ranks();
        self.cuts.clear();
        self.cuts.extend((0..=ranks).map(|rank| cut(rank, ranks)));
        Ok(exchange.gather(values, &self.cuts)?)
    }
}
