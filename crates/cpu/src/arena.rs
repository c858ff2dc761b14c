//! Where each buffer lies in the arena: buffers that live at different times share their memory.

use crate::plan::{Buffer, BufferId, Step};

/// One stretch of memory, wanted from one moment to another (both included).
struct Wish {
    len: usize,
    from: usize,
    to: usize,
    start: usize,
}

/// Gives every buffer (and for training its gradient) its start, in values of one image, and returns
/// the arena's length.
///
/// Time runs from 0 (the images) over the steps to the loss and, for training, back.
pub(crate) fn assign(
    buffers: &mut [Buffer],
    steps: &[Step],
    logits: BufferId,
    training: bool,
) -> usize {
    let loss = steps.len() + 1;
    let back = |i: usize| 2 * loss - (i + 1);
    let mut values: Vec<Wish> = buffers.iter().map(|b| wish(b.image())).collect();
    let mut gradients: Vec<Wish> = buffers.iter().map(|b| wish(b.image())).collect();
    values[0].from = 0;
    for (i, step) in steps.iter().enumerate() {
        let to = step.to.buffer;
        values[to].live(i + 1, if training { back(i) } else { i + 1 });
        gradients[to].live(back(i), back(i));
        for source in step.sources() {
            let from = source.place.buffer;
            values[from].live(i + 1, if training { back(i) } else { i + 1 });
            gradients[from].live(back(i), back(i));
        }
    }
    values[0].live(0, 0);
    values[logits].live(loss, loss);
    gradients[logits].live(loss, loss);
    let mut placed: Vec<Wish> = Vec::new();
    for (buffer, mut wish) in buffers.iter_mut().zip(values) {
        wish.place(&placed);
        buffer.start = wish.start;
        placed.push(wish);
    }
    // The largest first, as they are the hardest to fit in.
    let mut order: Vec<BufferId> = (0..buffers.len()).collect();
    order.sort_by_key(|&b| std::cmp::Reverse(gradients[b].len));
    for b in order {
        if !training || !buffers[b].trained {
            continue;
        }
        let mut wish = std::mem::replace(&mut gradients[b], empty());
        wish.place(&placed);
        buffers[b].gradient_start = wish.start;
        placed.push(wish);
    }
    placed.iter().map(|w| w.start + w.len).max().unwrap_or(0)
}

fn empty() -> Wish {
    wish(0)
}

fn wish(len: usize) -> Wish {
    Wish { len, from: usize::MAX, to: 0, start: 0 }
}

impl Wish {
    fn live(&mut self, from: usize, to: usize) {
        self.from = self.from.min(from);
        self.to = self.to.max(to);
    }

    /// Takes the lowest start at which no stretch of the same time lies.
    fn place(&mut self, placed: &[Wish]) {
        let mut others: Vec<&Wish> =
            placed.iter().filter(|w| w.from <= self.to && self.from <= w.to).collect();
        others.sort_by_key(|w| w.start);
        for other in others {
            if self.start + self.len <= other.start {
                return;
            }
            self.start = self.start.max(other.start + other.len);
        }
    }
}
