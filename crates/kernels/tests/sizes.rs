//! Every kernel panics if sizes do not fit together; the text says which.

mod common;

use modiste_kernels::bytes::dots;
use modiste_kernels::elementwise::*;
use modiste_kernels::isa::Isa;
use modiste_kernels::mask::{MaskKey, fill};
use modiste_kernels::norm::*;
use modiste_kernels::patches::{Window, gather, scatter};
use modiste_kernels::pooling::*;
use modiste_kernels::view::{Activation, Gradient, Map, MapMut, NormGradient};
use modiste_kernels::winograd::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Number of values of a map of [`HEIGHT`] x [`WIDTH`] pixels of [`CHANNELS`] channels.
const VALUES: usize = HEIGHT * WIDTH * CHANNELS;
const HEIGHT: usize = 3;
const WIDTH: usize = 4;
const CHANNELS: usize = 16;

/// Runs `work` with the fastest instruction set; expects a panic whose message contains `text`.
#[track_caller]
fn check_refused(text: &str, work: impl FnOnce(Isa)) {
    let payload = catch_unwind(AssertUnwindSafe(|| work(Isa::best()))).expect_err("no panic");
    let got = payload.downcast_ref::<String>().cloned();
    let got = got.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()));
    assert!(got.as_ref().is_some_and(|got| got.contains(text)), "{got:?} without {text:?}");
}

/// A map with these values and this number of channels.
fn map(values: &[f32], channels: usize) -> Map<'_> {
    Map { values, height: HEIGHT, width: WIDTH, channels, stride: channels }
}

/// A map to write to.
fn to(values: &mut [f32], channels: usize) -> MapMut<'_> {
    MapMut { values, height: HEIGHT, width: WIDTH, channels, stride: channels }
}

/// An activation whose shift has this many channels; its scale and floor have the right number.
fn activation(shift: usize) -> Activation<'static> {
    Activation {
        scale: &[1.0; CHANNELS],
        shift: &[0.0; CHANNELS][..shift],
        floor: &[0.0; CHANNELS],
    }
}

const FULL: [f32; VALUES] = [0.0; VALUES];
const SHORT: [f32; VALUES - 1] = [0.0; VALUES - 1];
const VECTOR: [f32; CHANNELS] = [0.0; CHANNELS];
const BEYOND: &str = "a map beyond its slice of 191";
const UNLIKE: &str = "12 pixels of 15 channels, not (12, 16)";

#[test]
fn loops_over_two_maps_need_the_same_size() {
    let (a, other) = (map(&FULL, 16), map(&FULL, 15));
    check_refused(UNLIKE, |isa| add_assign(isa, to(&mut FULL.clone(), 15), a));
    check_refused(BEYOND, |isa| add_assign(isa, to(&mut SHORT.clone(), 16), a));
    check_refused(BEYOND, |isa| add_assign(isa, to(&mut FULL.clone(), 16), map(&SHORT, 16)));
    check_refused(UNLIKE, |isa| copy(isa, to(&mut FULL.clone(), 15), a));
    check_refused(BEYOND, |isa| copy(isa, to(&mut SHORT.clone(), 16), a));
    check_refused(UNLIKE, |isa| residual(isa, to(&mut FULL.clone(), 15), a, &VECTOR, 1.0, 0.0));
    check_refused(UNLIKE, |isa| relu_gradient(isa, other, a, 1.0, 0.0, to(&mut FULL.clone(), 16)));
    check_refused(UNLIKE, |isa| relu_gradient(isa, a, a, 1.0, 0.0, to(&mut FULL.clone(), 15)));
    let out = || FULL;
    check_refused(UNLIKE, |isa| add_relu_gradient(isa, other, a, 1.0, 0.0, to(&mut out(), 16)));
    check_refused(UNLIKE, |isa| add_relu_gradient(isa, a, a, 1.0, 0.0, to(&mut out(), 15)));
}

#[test]
fn loops_over_one_map_stay_within_it() {
    check_refused(BEYOND, |isa| bias_floor(isa, to(&mut SHORT.clone(), 16), &VECTOR, 0.0));
    check_refused(BEYOND, |isa| accumulate_sums(isa, map(&SHORT, 16), &mut VECTOR.clone()));
    check_refused(BEYOND, |isa| floor(isa, to(&mut SHORT.clone(), 16), 0.0));
    check_refused(BEYOND, |isa| multiply_rows(isa, to(&mut SHORT.clone(), 16), &FULL));
}

#[test]
fn vectors_need_every_channel() {
    let (a, short) = (map(&FULL, 16), [0.0; CHANNELS - 1]);
    let biases = "biases: 15 values for 16 channels";
    check_refused(biases, |isa| bias_floor(isa, to(&mut FULL.clone(), 16), &short, 0.0));
    check_refused(biases, |isa| residual(isa, to(&mut FULL.clone(), 16), a, &short, 1.0, 0.0));
    let sums = "sums: 15 values for 16 channels";
    check_refused(sums, |isa| accumulate_sums(isa, a, &mut short.clone()));
    let [mut x, mut y, mut less] = [VECTOR.to_vec(), VECTOR.to_vec(), short.to_vec()];
    check_refused(sums, |isa| accumulate_moments(isa, a, &VECTOR, &mut less, &mut y));
    check_refused("pilots: 15", |isa| accumulate_moments(isa, a, &short, &mut x, &mut y));
    check_refused("squares: 15", |isa| accumulate_moments(isa, a, &VECTOR, &mut x, &mut less));
    let all = activation(16);
    check_refused(sums, |isa| accumulate_gradient_sums(isa, a, a, all, &mut less, &mut y));
    check_refused("products: 15", |isa| {
        accumulate_gradient_sums(isa, a, a, all, &mut x, &mut less);
    });
    let dz = || FULL;
    check_refused("slopes: 15", |isa| gradient(isa, a, a, all, &short, &x, to(&mut dz(), 16)));
    check_refused("offsets: 15", |isa| gradient(isa, a, a, all, &x, &short, to(&mut dz(), 16)));
}

#[test]
fn normalisations_need_maps_and_activations_of_one_size() {
    let (a, other, text) = (map(&FULL, 16), map(&FULL, 15), "an activation of 15 channels for 16");
    let (less, all) = (activation(15), activation(16));
    let [mut x, mut y] = [VECTOR; 2];
    check_refused(BEYOND, |isa| {
        accumulate_moments(isa, map(&SHORT, 16), &VECTOR, &mut x, &mut y);
    });
    check_refused(text, |isa| activate(isa, a, less, to(&mut FULL.clone(), 16)));
    check_refused(UNLIKE, |isa| activate(isa, a, all, to(&mut FULL.clone(), 15)));
    check_refused(text, |isa| accumulate_gradient_sums(isa, a, a, less, &mut x, &mut y));
    check_refused(UNLIKE, |isa| accumulate_gradient_sums(isa, other, a, all, &mut x, &mut y));
    let dz = || FULL;
    check_refused(text, |isa| gradient(isa, a, a, less, &x, &y, to(&mut dz(), 16)));
    check_refused(UNLIKE, |isa| gradient(isa, other, a, all, &x, &y, to(&mut dz(), 16)));
    check_refused(UNLIKE, |isa| gradient(isa, a, a, all, &x, &y, to(&mut dz(), 15)));
}

#[test]
fn flat_arrays_need_the_same_length() {
    check_refused("bytes: 3 values, not 4", |isa| from_bytes(isa, &[0; 3], &mut [0.0; 4]));
    check_refused("bytes: 4 values, not 3", |isa| from_bytes(isa, &[0; 4], &mut [0.0; 3]));
    check_refused("factors: 191 values, not 192", |isa| {
        multiply_rows(isa, to(&mut FULL.clone(), 16), &SHORT);
    });
    check_refused("rows: 7 values, not 6", |isa| dots(isa, &[1, 2, 3], &[0; 7], &mut [0; 2]));
}

#[test]
fn masks_begin_at_a_counter_and_end_before_the_last() {
    let key = MaskKey { key: [0; 2], tail: [0; 3], threshold: 0, kept: 1.0 };
    check_refused("a mask from element 4 on", |isa| fill(isa, key, 4, &mut [0.0; 8]));
    let last = (1 << 32) * 8 - 8;
    fill(Isa::best(), key, last, &mut [0.0; 8]);
    check_refused("beyond the last counter", |isa| fill(isa, key, last, &mut [0.0; 9]));
}

#[test]
fn patches_must_match_the_map() {
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    let (x, all) = (map(&FULL, 16), VALUES * 9);
    let gather = |isa, x, activation, window, rows, across, len| {
        gather(isa, x, activation, window, rows, across, &mut vec![0.0; len]);
    };
    gather(Isa::best(), x, None, window, 0..3, 4, all);
    for len in [all - 1, all + 1] {
        let text = format!("patches: {len} values, not {all}");
        check_refused(&text, |isa| gather(isa, x, None, window, 0..3, 4, len));
    }
    check_refused(BEYOND, |isa| gather(isa, map(&SHORT, 16), None, window, 0..3, 4, all));
    check_refused("rows 1..4 of 3", |isa| gather(isa, x, None, window, 1..4, 4, all));
    check_refused("(3, 3) for (3, 4)", |isa| gather(isa, x, None, window, 0..3, 3, all));
    let less = Some(activation(15));
    check_refused("an activation of 15", |isa| gather(isa, x, less, window, 0..3, 4, all));
    let large = Window { kernel: 7, ..window };
    check_refused("fits into 3", |isa| gather(isa, x, None, large, 0..3, 4, all));
    let standing = Window { stride: 0, ..window };
    check_refused("fits into 3", |isa| gather(isa, x, None, standing, 0..3, 4, all));
    let scatter = |isa, len, down, values: &[f32]| {
        scatter(isa, &vec![0.0; len], window, down, 4, to(&mut values.to_vec(), 16));
    };
    scatter(Isa::best(), all, 3, &FULL);
    check_refused("patches: 1727 values", |isa| scatter(isa, all - 1, 3, &FULL));
    check_refused("(2, 4) for (3, 4)", |isa| scatter(isa, all, 2, &FULL));
    check_refused(BEYOND, |isa| scatter(isa, all, 3, &SHORT));
}

#[test]
fn pooling_needs_a_pixel_for_each_window() {
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    let (x, other) = (map(&FULL, 16), map(&FULL, 15));
    let max = |isa, x, values: &[f32], channels| {
        max_forward(isa, x, None, window, to(&mut values.to_vec(), channels));
    };
    check_refused("15 channels from 16", |isa| max(isa, x, &FULL, 15));
    check_refused(BEYOND, |isa| max(isa, x, &SHORT, 16));
    check_refused(BEYOND, |isa| max(isa, map(&SHORT, 16), &FULL, 16));
    check_refused("(3, 4) for (2, 4)", |isa| max(isa, Map { height: 2, ..x }, &FULL, 16));
    check_refused("15 channels are no multiple", |isa| max(isa, other, &FULL, 15));
    check_refused("an activation of 15", |isa| {
        max_forward(isa, x, Some(activation(15)), window, to(&mut FULL.clone(), 16));
    });
    let back = |isa, y, dy, channels| {
        max_backward(isa, x, None, (y, dy), window, to(&mut FULL.clone(), channels));
    };
    back(Isa::best(), x, x, 16);
    check_refused("15 channels from 16", |isa| back(isa, other, x, 16));
    check_refused(UNLIKE, |isa| back(isa, x, other, 16));
    check_refused(UNLIKE, |isa| back(isa, x, x, 15));
    let halves = || MapMut { values: &mut [], height: 1, width: 2, channels: 16, stride: 16 };
    let mean = |isa, kernel, values: &mut [f32], channels| {
        mean_forward(isa, x, kernel, MapMut { values, channels, ..halves() });
    };
    mean(Isa::best(), (2, 2), &mut FULL.clone(), 16);
    for kernel in [(1, 2), (2, 1), (0, 2)] {
        check_refused("means of", |isa| mean(isa, kernel, &mut FULL.clone(), 16));
    }
    check_refused("15 channels from 16", |isa| mean(isa, (2, 2), &mut FULL.clone(), 15));
    check_refused("a map beyond", |isa| mean(isa, (2, 2), &mut [0.0; 31], 16));
    check_refused("means of", |isa| mean_backward(isa, x, (2, 2), to(&mut FULL.clone(), 16)));
}

#[test]
fn filters_need_full_lanes_and_36_frequencies() {
    let text = "72 values of a 3x3 filter in lanes of 16";
    check_refused(text, |isa| transform_filter(isa, &[0.0; 9 * 8], &mut [0.0; 36 * 8]));
    let text = "frequencies: 560 values, not 576";
    check_refused(text, |isa| transform_filter(isa, &[0.0; 9 * 16], &mut [0.0; 35 * 16]));
    let text = "560 frequencies in lanes of 16";
    check_refused(text, |isa| transform_filter_gradient(isa, &[0.0; 560], &mut [0.0; 144], 16));
    let text = "a filter's gradient of 144 values in 143";
    check_refused(text, |isa| transform_filter_gradient(isa, &[0.0; 576], &mut [0.0; 143], 16));
    let text = "planes of 16 values that are 15 apart overlap";
    check_refused(text, |isa| transform_filter_gradient(isa, &[0.0; 576], &mut [0.0; 144], 15));
}

#[test]
fn gradients_in_frequencies_need_whole_normalisations() {
    let z = map(&FULL, 16);
    let carry = |isa, z, activation, slope, offset| {
        let slope = &VECTOR[..slope];
        let norm = Some(NormGradient { z, activation, slope, offset: &VECTOR[..offset] });
        let block = Block::new(1, (HEIGHT, WIDTH), 0..1);
        let [mut out, mut scratch] = [block.len(16), block.scratch()].map(|n| vec![0.0; n]);
        let gradient = Gradient { map: map(&FULL, 16), norm };
        transform_gradient(isa, gradient, (&block, 0), &mut out, &mut scratch);
    };
    let all = activation(16);
    carry(Isa::best(), z, all, 16, 16);
    check_refused(UNLIKE, |isa| carry(isa, map(&FULL, 15), all, 16, 16));
    check_refused("an activation of 15", |isa| carry(isa, z, activation(15), 16, 16));
    check_refused("slopes: 15 values", |isa| carry(isa, z, all, 15, 16));
    check_refused("offsets: 15 values", |isa| carry(isa, z, all, 16, 15));
}
