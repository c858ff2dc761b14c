//! Positions of the maps in memory; maps that are needed at the same time never overlap.

use super::{Program, ValueId};

/// The steps during which a map is needed: from the one that writes it to the last that reads it.
struct Lifetime {
    value: ValueId,
    first: usize,
    last: usize,
}

impl Program {
    /// Assigns a position to every map and computes the size of the memory: largest maps first, each at the
    /// first free position.
    pub(super) fn place(&mut self) {
        let mut lives = self.lives();
        let size = |life: &Lifetime| self.values[life.value].shape.len();
        lives.sort_by_key(|life| std::cmp::Reverse(size(life)));
        let mut placed: Vec<Lifetime> = Vec::new();
        for life in lives {
            let length = self.values[life.value].shape.len();
            let together = |other: &&Lifetime| other.first <= life.last && life.first <= other.last;
            let mut taken: Vec<(usize, usize)> = placed
                .iter()
                .filter(together)
                .map(|other| self.values[other.value])
                .map(|value| (value.offset, value.offset + value.shape.len()))
                .collect();
            taken.sort_unstable();
            let mut offset = 0;
            for (start, end) in taken {
                if offset + length <= start {
                    break;
                }
                offset = offset.max(end);
            }
            self.values[life.value].offset = offset;
            self.memory = self.memory.max(offset + length);
            placed.push(life);
        }
    }

    /// The lifetime of each map. The image exists before the first step, the logits after the last.
    fn lives(&self) -> Vec<Lifetime> {
        let mut lives: Vec<Lifetime> =
            (0..self.values.len()).map(|value| Lifetime { value, first: 0, last: 0 }).collect();
        for (at, step) in self.steps.iter().enumerate() {
            lives[step.output].first = at + 1;
            lives[step.output].last = at + 1;
            for &input in &step.inputs {
                lives[input].last = at + 1;
            }
        }
        lives[self.logits].last = self.steps.len() + 1;
        lives
    }
}
