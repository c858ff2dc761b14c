//! Messages of bytes between ranks, over any [`Exchange`].

use modiste_spec::engine::Exchange;
use std::io;

/// Messages between ranks outside of training steps. All ranks must call the same functions in the same
/// order.
pub trait RankMessages: Exchange {
    /// Gives every rank the bytes of all ranks, in the order of the ranks.
    ///
    /// # Errors
    /// As [`Exchange::gather`].
    fn all(&mut self, bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let (rank, ranks) = (self.rank(), self.ranks());
        // Send the lengths first, in two halves of 16 bits, which a float holds exactly.
        let mut halves = vec![0.0; 2 * ranks];
        let len = u32::try_from(bytes.len())
            .map_err(|_| io::Error::other("more than 4 GiB cannot be sent to the other ranks"))?;
        halves[2 * rank] = (len >> 16) as f32;
        halves[2 * rank + 1] = (len & 0xffff) as f32;
        let cuts: Vec<usize> = (0..=ranks).map(|r| 2 * r).collect();
        self.gather(&mut halves, &cuts)?;
        let lens: Vec<usize> =
            halves.chunks_exact(2).map(|h| ((h[0] as usize) << 16) + h[1] as usize).collect();
        let mut cuts = vec![0];
        for len in &lens {
            cuts.push(cuts[cuts.len() - 1] + len);
        }
        // Each byte becomes one float, because an exchange of floats may change the bits of NaN.
        let mut values = vec![0.0; cuts[ranks]];
        for (value, &byte) in values[cuts[rank]..].iter_mut().zip(bytes) {
            *value = f32::from(byte);
        }
        self.gather(&mut values, &cuts)?;
        let bytes = |cut: &[usize]| values[cut[0]..cut[1]].iter().map(|&v| v as u8).collect();
        Ok(cuts.windows(2).map(bytes).collect())
    }

    /// Gives every rank the bytes of rank 0; the bytes of the others are ignored.
    ///
    /// # Errors
    /// As [`Exchange::gather`].
    fn of_first(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let own = if self.rank() == 0 { bytes } else { &[] };
        Ok(self.all(own)?.swap_remove(0))
    }
}

impl<E: Exchange + ?Sized> RankMessages for E {}

/// The first fact in which a rank differs from rank 0: the rank, the name of the fact, and both values.
/// `all` holds for each rank the same facts in the same order.
pub fn first_difference(all: &[Vec<(String, String)>]) -> Option<(usize, &str, [&str; 2])> {
    let first = all.first()?;
    all.iter().enumerate().find_map(|(rank, facts)| {
        let (mine, theirs) = first.iter().zip(facts).find(|(a, b)| a != b)?;
        Some((rank, mine.0.as_str(), [mine.1.as_str(), theirs.1.as_str()]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_cpu::ThreadExchange;

    #[test]
    fn every_rank_receives_all_bytes() {
        let told = |rank: usize| (0..rank * 300).map(|i| (i * 7) as u8).collect::<Vec<u8>>();
        std::thread::scope(|scope| {
            for mut exchange in ThreadExchange::team(3) {
                scope.spawn(move || {
                    let rank = exchange.rank();
                    let all = exchange.all(&told(rank)).unwrap();
                    assert_eq!(all, [0, 1, 2].map(told));
                    let first = exchange.of_first(format!("rank {rank}").as_bytes()).unwrap();
                    assert_eq!(first, b"rank 0");
                });
            }
        });
    }

    #[test]
    fn a_difference_names_rank_and_fact() {
        let facts = |seed: &str| vec![("binary".into(), "a".into()), ("seed".into(), seed.into())];
        assert_eq!(first_difference(&[facts("0"), facts("0")]), None);
        let all = [facts("0"), facts("0"), facts("1")];
        assert_eq!(first_difference(&all), Some((2, "seed", ["0", "1"])));
    }
}
