//! Compares dropout masks on every instruction set with the rule of `modiste_spec::random`.

mod common;

use common::{Guarded, check_bits, instruction_sets};
use modiste_kernels::mask::{MaskKey, PER_COUNTER, fill};
use modiste_spec::random::{Purpose, Stream, dropout_keeps, dropout_threshold};

fn key(stream: &Stream, rate: f64) -> MaskKey {
    let (key, tail) = stream.words();
    let kept = (1.0 / (1.0 - rate)) as f32;
    MaskKey { key, tail, threshold: dropout_threshold(rate), kept }
}

#[test]
fn masks_follow_the_rule_element_by_element() {
    let streams = [(0, 0, 0), (7, 5, 9), (u64::MAX, (1 << 24) - 1, u64::MAX - 3)]
        .map(|(seed, node, step)| Stream::new(seed, Purpose::Dropout, node, step));
    let sizes = [1, 7, 8, 9, 127, 128, 129, 1000, 12_544];
    let firsts = [0, 8, 128, 1000, 3 << 20].map(|first: u64| first.next_multiple_of(8));
    for (stream, rate) in streams.iter().flat_map(|s| [0.3, 0.5, 0.123_456].map(|r| (s, r))) {
        let key = key(stream, rate);
        for (n, first) in sizes.iter().flat_map(|&n| firsts.map(|f| (n, f))) {
            let value = |i| {
                let keep = dropout_keeps(stream, first + i as u64, key.threshold);
                if keep { key.kept } else { 0.0 }
            };
            let want: Vec<f32> = (0..n).map(value).collect();
            for isa in instruction_sets() {
                let mut mask = Guarded::empty_array(n);
                fill(isa, key, first as usize, mask.slice_mut());
                check_bits(&format!("{} {n} {first}", isa.name()), &mask.written(), &want);
            }
        }
    }
}

/// The last counters before 2^32, which end a mask.
#[test]
fn masks_reach_the_last_counter() {
    let stream = Stream::new(3, Purpose::Dropout, 1, 1);
    let key = key(&stream, 0.5);
    let first = ((1u64 << 32) - 2) * PER_COUNTER as u64;
    for isa in instruction_sets() {
        let mut mask = [f32::NAN; 16];
        fill(isa, key, first as usize, &mut mask);
        for (i, value) in mask.into_iter().enumerate() {
            let keep = dropout_keeps(&stream, first + i as u64, key.threshold);
            assert_eq!(value, if keep { key.kept } else { 0.0 }, "{} {i}", isa.name());
        }
    }
}

#[test]
fn rate_zero_keeps_everything() {
    let stream = Stream::new(4, Purpose::Dropout, 1, 1);
    for isa in instruction_sets() {
        let mut mask = Guarded::empty_array(1001);
        fill(isa, key(&stream, 0.0), 0, mask.slice_mut());
        assert!(mask.written().iter().all(|&v| v == 1.0), "{}", isa.name());
    }
}
