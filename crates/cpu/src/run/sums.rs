//! Sums over pixels, image by image while the image is in the cache, then into the shard.
//!
//! Summing each image separately first keeps the rounding error of single precision small.

use crate::plan::Region;
use modiste_kernels::isa::Isa;
use modiste_kernels::norm::{
    accumulate_centred_gradient_sums, accumulate_gradient_sums, accumulate_moments,
};
use modiste_kernels::view::{Activation, Map};

/// Clears both sums of a place's lanes; `sums` is (2, lanes of the buffer).
pub(super) fn begin_sums(sums: &mut [f32], place: Region) {
    let (first, second) = sums.split_at_mut(sums.len() / 2);
    first[place.range()].fill(0.0);
    second[place.range()].fill(0.0);
}

/// Adds one image's sums of z - pilot and its square.
pub(super) fn add_moments(
    isa: Isa,
    z: Map<'_>,
    pilot: &[f32],
    place: Region,
    sums: &mut [f32],
    small: &mut [f32],
) {
    let (sum, square) = cleared(small, place.lanes);
    accumulate_moments(isa, z, pilot, sum, square);
    add_pair(place, sum, square, sums);
}

/// Adds one image's sums of g and of g times the normalised, shifted value, or with `centre`, of g
/// times the distance from it.
pub(super) fn add_gradient_sums(
    isa: Isa,
    da: Map<'_>,
    z: Map<'_>,
    (activation, centre): (Activation<'_>, Option<&[f32]>),
    place: Region,
    sums: &mut [f32],
    small: &mut [f32],
) {
    let (sum, product) = cleared(small, place.lanes);
    match centre {
        None => accumulate_gradient_sums(isa, da, z, activation, sum, product),
        Some(centre) => {
            accumulate_centred_gradient_sums(isa, da, z, activation, centre, sum, product);
        }
    }
    add_pair(place, sum, product, sums);
}

fn cleared(small: &mut [f32], lanes: usize) -> (&mut [f32], &mut [f32]) {
    small[..2 * lanes].fill(0.0);
    small[..2 * lanes].split_at_mut(lanes)
}

fn add_pair(place: Region, first: &[f32], second: &[f32], sums: &mut [f32]) {
    let (to_first, to_second) = sums.split_at_mut(sums.len() / 2);
    for (to, from) in [(to_first, first), (to_second, second)] {
        for (to, from) in to[place.range()].iter_mut().zip(from) {
            *to += from;
        }
    }
}
