//! The other ranks that train the same network, if there are any.

use crate::machine::Extent;
use modiste_spec::engine::{EngineError, Exchange};

/// What this engine shares its work with.
#[derive(Default)]
pub(crate) struct Ranks {
    exchange: Option<Box<dyn Exchange>>,
    /// Where the ranks' parts of an array begin, and its end.
    cuts: Vec<usize>,
}

impl Ranks {
    pub fn new(exchange: Box<dyn Exchange>) -> Self {
        Self { exchange: Some(exchange), cuts: Vec::new() }
    }

    /// This rank and how many there are.
    pub fn position(&self) -> (usize, usize) {
        self.exchange.as_ref().map_or((0, 1), |exchange| (exchange.rank(), exchange.ranks()))
    }

    /// What this rank takes of a batch of `all` images.
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

    /// Fetches the others' parts of `values`; `cut` gives where the part of a rank begins.
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
