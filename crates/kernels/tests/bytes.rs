//! Compares inner products of bytes on every instruction set with the sum in 64 bits.

mod common;

use common::instruction_sets;
use modiste_kernels::bytes::dots;
use modiste_spec::random::{Purpose, Stream};

fn bytes(n: usize, seed: u32) -> Vec<u8> {
    let stream = Stream::new(0x6b65_726e, Purpose::Initialisation, seed, 2);
    (0..n as u64).map(|i| stream.below(i, 256) as u8).collect()
}

#[test]
fn inner_products_are_exact() {
    for (length, rows) in [(0, 3), (1, 4), (7, 5), (784, 9), (785, 2), (32_769, 2), (100_000, 1)] {
        let (mut x, mut y) = (bytes(length, 0), bytes(length * rows, 1));
        for full in [false, true] {
            if full {
                x.fill(255);
                y.fill(255);
            }
            let row = |i: usize| &y[i * length..][..length];
            let dot = |i| x.iter().zip(row(i)).map(|(&a, &b)| u64::from(a) * u64::from(b)).sum();
            let want: Vec<u64> = (0..rows).map(dot).collect();
            for isa in instruction_sets() {
                let mut out = vec![u64::MAX; rows];
                dots(isa, &x, &y, &mut out);
                assert_eq!(out, want, "{} {length} x {rows}", isa.name());
            }
        }
    }
}
