//! A dropout mask on one image, forward and backward (the same product).

use crate::plan::{Buffer, Dropout};
use modiste_kernels::elementwise::multiply_rows;
use modiste_kernels::isa::Isa;
use modiste_kernels::mask::{MaskKey, PER_COUNTER, fill};
use modiste_kernels::view::MapMut;
use modiste_spec::random::{Purpose, Stream, dropout_threshold};

/// Multiplies image `image` of the whole batch by its part of the mask of (seed, step).
///
/// The mask counts elements as (n, h, w, c) over channels; lanes without a channel stay zero.
pub(super) fn apply_mask(
    isa: Isa,
    dropout: &Dropout,
    (seed, step): (u64, u64),
    image: usize,
    buffer: &Buffer,
    mut map: MapMut<'_>,
    scratch: &mut [f32],
) {
    let stream = Stream::new(seed, Purpose::Dropout, dropout.key as u32, step);
    let (key, tail) = stream.words();
    let threshold = dropout_threshold(dropout.rate);
    let key = MaskKey { key, tail, threshold, kept: (1.0 / (1.0 - dropout.rate)) as f32 };
    let channels = dropout.channels.len();
    let first = image * buffer.pixels() * channels;
    let aligned = first / PER_COUNTER * PER_COUNTER;
    let mask = &mut scratch[..first - aligned + buffer.pixels() * channels];
    fill(isa, key, aligned, mask);
    let mask = &mask[first - aligned..];
    let side_by_side = dropout.channels.iter().enumerate().all(|(i, &lane)| i == lane);
    if side_by_side && channels == map.channels {
        return multiply_rows(isa, map.reborrow(), mask);
    }
    for (pixel, mask) in mask.chunks_exact(channels).enumerate() {
        let row = &mut map.values[pixel * map.stride..];
        for (&lane, factor) in dropout.channels.iter().zip(mask) {
            row[lane] *= factor;
        }
    }
}
