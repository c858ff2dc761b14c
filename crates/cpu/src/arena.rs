//! The layout of buffers in the arena: buffers that live at different times share memory.

use crate::plan::{Buffer, BufferId, Step};

/// A stretch of memory needed from one time to another, both inclusive.
struct Request {
    len: usize,
    from: usize,
    to: usize,
    start: usize,
}

/// Assigns every buffer (and for training its gradient) its start, in values of one image, and returns
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
    let mut values: Vec<Request> = buffers.iter().map(|b| request(b.image())).collect();
    let mut gradients: Vec<Request> = buffers.iter().map(|b| request(b.image())).collect();
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
    let mut placed = Placed::default();
    for (buffer, request) in buffers.iter_mut().zip(values) {
        buffer.start = placed.place(request);
    }
    // The largest first, because they are the hardest to fit in.
    let mut order: Vec<BufferId> = (0..buffers.len()).collect();
    order.sort_by_key(|&b| std::cmp::Reverse(gradients[b].len));
    for b in order {
        if !training || !buffers[b].trained {
            continue;
        }
        buffers[b].gradient_start = placed.place(std::mem::replace(&mut gradients[b], request(0)));
    }
    placed.end
}

fn request(len: usize) -> Request {
    Request { len, from: usize::MAX, to: 0, start: 0 }
}

impl Request {
    fn live(&mut self, from: usize, to: usize) {
        self.from = self.from.min(from);
        self.to = self.to.max(to);
    }
}

/// The stretches placed so far, by start, and their common end.
#[derive(Default)]
struct Placed {
    requests: Vec<Request>,
    end: usize,
}

impl Placed {
    /// Places a stretch at the lowest start that is free at its times.
    fn place(&mut self, mut request: Request) -> usize {
        for other in self.requests.iter().filter(|w| w.from <= request.to && request.from <= w.to) {
            if request.start + request.len <= other.start {
                break;
            }
            request.start = request.start.max(other.start + other.len);
        }
        let start = request.start;
        self.end = self.end.max(start + request.len);
        let at = self.requests.partition_point(|other| other.start <= start);
        self.requests.insert(at, request);
        start
    }
}
