//! The second half of a Muon step: makes the directions of whole matrices orthogonal and applies them.

use crate::weights::Weights;
use modiste_kernels::isa::Isa;
use modiste_kernels::memory::Memory;
use modiste_kernels::optimizer::move_along;
use modiste_kernels::orthogonal::{NewtonSchulz, orthogonalise, scratch_len};
use modiste_kernels::pool::{Parts, Pool};
use modiste_spec::Parameter;
use modiste_spec::engine::{Muon, Step};

/// Number of matrices that one call of the pool handles, with two cuts each.
const AT_ONCE: usize = 1024;

/// One of [`Muon::matrices`] in the flat array.
struct Matrix {
    parameter: usize,
    rows: usize,
    columns: usize,
    scale: f64,
    /// The thread that handles it.
    thread: usize,
}

/// All matrices of a network, with work space.
#[derive(Default)]
pub(crate) struct Matrices {
    all: Vec<Matrix>,
    /// Start and end of each matrix.
    cuts: Vec<usize>,
    scratch: Memory,
    /// Size of the scratch memory of one thread.
    each: usize,
}

impl Matrices {
    /// The matrices of `parameters`, distributed over the threads.
    ///
    /// # Errors
    /// If the memory cannot be allocated.
    pub fn new(
        parameters: &[Parameter],
        weights: &Weights,
        threads: usize,
    ) -> std::io::Result<Self> {
        let mut these = Self::default();
        let chosen = Muon::matrices(parameters);
        for conv in weights.convs.iter().filter(|conv| chosen[conv.parameter]) {
            let parameter = conv.parameter;
            let (rows, columns) = (conv.taps * conv.c, conv.k);
            let scale = Muon::scale(&parameters[parameter].shape);
            these.all.push(Matrix { parameter, rows, columns, scale, thread: 0 });
            let range = weights.parameters[parameter].range();
            these.cuts.extend([range.start, range.end]);
            these.each = these.each.max(scratch_len((rows, columns)));
        }
        these.deal(threads);
        these.scratch = Memory::zeroed(these.each * threads)?;
        Ok(these)
    }

    /// Assigns each matrix, the largest first, to the thread with the least work.
    fn deal(&mut self, threads: usize) {
        let mut load = vec![0; threads];
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        let work = |m: &Matrix| m.rows * m.columns * m.rows.min(m.columns);
        order.sort_by_key(|&i| std::cmp::Reverse(work(&self.all[i])));
        for i in order {
            let least = (0..threads).min_by_key(|&thread| load[thread]).unwrap_or(0);
            self.all[i].thread = least;
            load[least] += work(&self.all[i]);
        }
    }

    /// Moves every matrix of `flat` along its orthogonalised direction, which replaces the direction.
    pub fn update(
        &mut self,
        isa: Isa,
        pool: &mut Pool,
        (muon, step): (Muon, &Step<'_>),
        directions: &mut [f32],
        flat: &mut [f32],
    ) {
        let by = NewtonSchulz {
            iterations: Muon::ITERATIONS,
            coefficients: Muon::COEFFICIENTS.map(|c| c as f32),
            least: Muon::EPSILON as f32,
        };
        let chunks = self.all.chunks(AT_ONCE).zip(self.cuts.chunks(2 * AT_ONCE));
        for (matrices, cuts) in chunks {
            let scratch = Parts::new(&mut self.scratch, self.each);
            let (directions, flat) = (Parts::at(directions, cuts), Parts::at(flat, cuts));
            pool.run(&|thread| {
                let scratch = scratch.take(thread);
                for (i, matrix) in matrices.iter().enumerate() {
                    let rate = step.rate(matrix.parameter);
                    if matrix.thread != thread || rate == 0.0 {
                        continue;
                    }
                    let direction = directions.take(2 * i);
                    orthogonalise(isa, (matrix.rows, matrix.columns), by, direction, scratch);
                    let rate = step.learning_rate * rate * muon.matrix_rate;
                    let shrink = (1.0 - rate * muon.weight_decay) as f32;
                    let rate = (rate * matrix.scale) as f32;
                    move_along(isa, shrink, rate, direction, flat.take(2 * i));
                }
            });
        }
    }
}
