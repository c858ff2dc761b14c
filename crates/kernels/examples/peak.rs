//! Peak of the matrix product and Winograd.
use modiste_kernels::{gemm::*, simd::Isa, view::*, winograd::*};
use std::time::Instant;
fn time(reps: usize, mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..10 {
        let t = Instant::now();
        for _ in 0..reps {
            f()
        }
        best = best.min(t.elapsed().as_secs_f64() / reps as f64);
    }
    best
}
fn main() {
    for isa in Isa::available() {
        for (h, c, k) in
            [(28, 80, 96), (28, 48, 80), (28, 32, 48), (28, 32, 32), (14, 80, 96), (14, 32, 32)]
        {
            let x = vec![1.0f32; h * h * c];
            let s = vec![1.0f32; 96];
            let act = Activation { scale: &s, shift: &s, floor: &s };
            let mut z = vec![1.0f32; h * h * k];
            let t = tiles(h) * tiles(h);
            let mut v = vec![0.0f32; 36 * t * c];
            let mut m = vec![0.0f32; 36 * t * k];
            let mut u = vec![0.0f32; 36 * c * k];
            let w = vec![0.1f32; 9 * c * k];
            let map = Map { values: &x, height: h, width: h, channels: c, stride: c };
            let t_in = time(20, || transform_input(isa, map, Some(act), (0, tiles(h)), &mut v));
            let t_f = time(20, || transform_filter(isa, &w, &mut u));
            let t_g = time(20, || {
                for f in 0..36 {
                    gemm(
                        isa,
                        (t, k, c),
                        Strided { values: &v[f * t * c..][..t * c], row: c, column: 1 },
                        &u[f * c * k..][..c * k],
                        k,
                        &mut m[f * t * k..][..t * k],
                        k,
                        false,
                    );
                }
            });
            let t_o = time(20, || {
                transform_output(
                    isa,
                    &m,
                    (0, tiles(h)),
                    h,
                    MapMut { values: &mut z, height: h, width: h, channels: k, stride: k },
                    false,
                )
            });
            let t_d = time(20, || {
                transform_gradient(
                    isa,
                    Map { values: &z, height: h, width: h, channels: k, stride: k },
                    &mut m,
                )
            });
            let t_w = time(20, || {
                for f in 0..36 {
                    gemm(
                        isa,
                        (c, k, t),
                        Strided { values: &v[f * t * c..][..t * c], row: 1, column: c },
                        &m[f * t * k..][..t * k],
                        k,
                        &mut u[f * c * k..][..c * k],
                        k,
                        true,
                    );
                }
            });
            let ops = 2.0 * (h * h * 9 * c * k) as f64;
            let us = |x: f64| x * 1e6;
            println!(
                "{} {h} {c}->{k}: in {:.0} filter {:.0} gemm {:.0} ({:.0} GF) out {:.0} dtrans {:.0} wgemm {:.0} us; forward {:.0} GFLOP/s direct",
                isa.name(),
                us(t_in),
                us(t_f),
                us(t_g),
                2.0 * 36.0 * (t * c * k) as f64 / t_g / 1e9,
                us(t_o),
                us(t_d),
                us(t_w),
                ops / (t_in + t_g + t_o) / 1e9
            );
        }
    }
}
