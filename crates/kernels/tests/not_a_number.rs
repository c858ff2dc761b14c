//! NaN must not vanish in a maximum: a diverged training run is stopped by its loss, so the loss must
//! become NaN, too.

mod common;

use common::{Guarded, instruction_sets};
use modiste_kernels::elementwise::{bias_floor, floor, residual};
use modiste_kernels::norm::activate;
use modiste_kernels::patches::{Window, gather};
use modiste_kernels::pooling::max_forward;
use modiste_kernels::view::Activation;
use modiste_kernels::winograd::{Block, transform_input};

/// A map (4, 4, 16) of ones whose first pixel is NaN in channel 3.
fn diverged() -> Guarded {
    let mut values = vec![1.0; 256];
    values[3] = f32::NAN;
    Guarded::of((4, 4, 16, 16), &values)
}

/// Fails unless channel 3 has NaN values and no other channel has.
#[track_caller]
fn check_nan_kept(kernel: &str, values: &[f32]) {
    for (i, value) in values.iter().enumerate() {
        assert!(i % 16 == 3 || !value.is_nan(), "{kernel}: value {i}");
    }
    assert!(values.iter().any(|v| v.is_nan()), "{kernel} hides NaN");
}

#[test]
fn maxima_keep_nan() {
    let (x, ones, zeros) = (diverged(), [1.0; 16], [0.0; 16]);
    let activation = Activation { scale: &ones, shift: &zeros, floor: &zeros };
    let window = Window { kernel: 3, stride: 2, padding: 1 };
    for isa in instruction_sets() {
        let mut out = Guarded::empty(4, 4, 16, 16);
        activate(isa, x.map(), activation, out.map_mut());
        check_nan_kept("activate", &out.written());
        let block = Block::new(1, (4, 4), 0..1);
        let mut out = Guarded::empty_array(block.len(16));
        let mut scratch = vec![0.0; block.scratch()];
        let a = Some(activation);
        transform_input(isa, x.map(), a, (&block, 0), out.slice_mut(), &mut scratch);
        check_nan_kept("transform_input", &out.written());
        let mut out = Guarded::empty_array(4 * 9 * 16);
        gather(isa, x.map(), Some(activation), window, 0..2, 2, out.slice_mut());
        check_nan_kept("gather", &out.written());
        let mut out = Guarded::empty(2, 2, 16, 16);
        max_forward(isa, x.map(), None, window, out.map_mut());
        check_nan_kept("max_forward", &out.written());
        let mut out = x.clone();
        floor(isa, out.map_mut(), 0.0);
        check_nan_kept("floor", &out.written());
        let mut out = x.clone();
        bias_floor(isa, out.map_mut(), &zeros, 0.0);
        check_nan_kept("bias_floor", &out.written());
        let mut out = Guarded::random((4, 4, 16, 16), 1);
        residual(isa, out.map_mut(), x.map(), &zeros, 0.2, 0.0);
        check_nan_kept("residual", &out.written());
    }
}
