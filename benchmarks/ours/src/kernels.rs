//! Serves one kernel with the protocol, for `instructions.py`.

use modiste_cpu::Isa;
use modiste_kernels::gemm::{Strided, gemm};
use modiste_kernels::optimizer::{AdamStep, adam};

use crate::protocol::{self, Outcome};

/// Rows, columns and depth of the product; none is a multiple of a tile's size.
const PRODUCT: (usize, usize, usize) = (61, 48, 83);
/// Number of parameters that Adam updates.
const PARAMETERS: usize = 10_000;
/// Calls of the kernel per step, so that the work around them hardly counts.
const CALLS: usize = 20;

/// Serves steps of the kernel `name`.
///
/// # Errors
/// If there is no such kernel, or the protocol fails.
pub fn serve(name: &str, isa: Isa) -> Outcome<()> {
    match name {
        "gemm" => {
            let (m, n, k) = PRODUCT;
            let (a, b, mut c) = (vec![0.5; m * k], vec![0.5; k * n], vec![0.0; m * n]);
            let left = Strided { values: &a, row: k, column: 1 };
            protocol::serve(name, 0, 1, |_| {
                (0..CALLS).for_each(|_| gemm(isa, PRODUCT, left, &b, n, &mut c, n, false));
                Ok(vec![c[0]])
            })
        }
        "adam" => {
            let (beta1, keep1, beta2, keep2) = (0.9, 0.1, 0.999, 0.001);
            let (rate, root, epsilon, shrink) = (1e-3, 1.0, 1e-8, 1.0);
            let step = AdamStep { beta1, beta2, keep1, keep2, rate, root, epsilon, shrink };
            let g = vec![1.0; PARAMETERS];
            let (mut p, mut m, mut v) = (g.clone(), vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
            protocol::serve(name, 0, 1, |_| {
                (0..CALLS).for_each(|_| adam(isa, step, &g, &mut p, &mut m, &mut v));
                Ok(vec![p[0]])
            })
        }
        other => Err(format!("--kernel {other} is neither gemm nor adam").into()),
    }
}
