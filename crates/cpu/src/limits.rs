//! Measures the two limits of a roofline with the engine's own loops.

use crate::machine::Machine;
use modiste_kernels::elementwise::copy;
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::pool::{Parts, Pool};
use modiste_kernels::view::{Map, MapMut};
use std::time::Instant;

/// The limits of all threads of an engine together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Matrix products in the first-level cache, in 10^9 operations per second.
    pub gflops: f64,
    /// Bytes read and written when copying arrays larger than any cache, in 10^9 bytes per second.
    pub gigabytes_per_second: f64,
}

/// Sizes of the product: some 26 KiB in total, in the micro-kernel's best shape.
const SIZES: (usize, usize, usize) = (32, 48, 64);
/// Products per round, some milliseconds.
const PRODUCTS: usize = 5_000;
/// Values that all threads together copy in a round, 128 MiB, and that each of many threads copies
/// at least, 16 MiB: more than their caches hold.
const COPIED: (usize, usize) = (1 << 25, 1 << 22);
/// Values of a copied row.
const LANES: usize = 1024;
/// The best of this many rounds counts, to exclude the effect of other processes.
const ROUNDS: usize = 12;

/// Measures for a few tenths of a second.
///
/// # Errors
/// If the memory for the copies cannot be allocated.
pub(crate) fn measure(machine: &mut Machine) -> std::io::Result<Limits> {
    let Machine { isa, pool, .. } = machine;
    let gflops = operations_per_second(*isa, pool) / 1e9;
    Ok(Limits { gflops, gigabytes_per_second: bytes_per_second(*isa, pool)? / 1e9 })
}

fn operations_per_second(isa: Isa, pool: &mut Pool) -> f64 {
    let (m, n, k) = SIZES;
    let operations = (2 * m * n * k * PRODUCTS * pool.threads()) as f64;
    let multiply = |_| {
        let (a, b, mut c) = (vec![0.5; m * k], vec![0.5; k * n], vec![0.0; m * n]);
        for _ in 0..PRODUCTS {
            let left = Strided { values: &a, row: k, column: 1 };
            gemm(isa, SIZES, left, &b, n, &mut c, n, false);
        }
        assert_eq!(c[0], 0.25 * k as f32, "a product of halves");
    };
    operations / best(|| pool.run(&multiply))
}

fn bytes_per_second(isa: Isa, pool: &mut Pool) -> std::io::Result<f64> {
    let width = (COPIED.0 / pool.threads()).max(COPIED.1) / LANES;
    let values = width * LANES; // of a thread
    let mut arrays = Memory::zeroed(2 * values * pool.threads())?;
    // Unwritten memory would all be read from one page of zeros.
    let parts = Parts::new(&mut arrays, 2 * values);
    pool.run(&|thread| parts.take(thread).fill(1.0));
    let seconds = best(|| {
        let parts = Parts::new(&mut arrays, 2 * values);
        pool.run(&|thread| {
            let (from, to) = parts.take(thread).split_at_mut(values);
            let (height, channels, stride) = (1, LANES, LANES);
            let to = MapMut { values: to, height, width, channels, stride };
            copy(isa, to, Map { values: from, height, width, channels, stride });
        });
    });
    Ok((2 * size_of_val(&arrays[..values]) * pool.threads()) as f64 / seconds)
}

/// Seconds of the best round.
fn best(mut round: impl FnMut()) -> f64 {
    let seconds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        round();
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}
