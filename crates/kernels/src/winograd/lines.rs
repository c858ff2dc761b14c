//! One direction of every transform, for tiles of four outputs and for short ones of two.
//!
//! F(2, 3) on the points 0, 1, -1 and infinity needs the filter's values at those points times 1,
//! 1/2, 1/2 and 1; F(4, 3) has them times 1/4, -1/6, -1/6 and 1. The input transform compensates
//! for the factor.

use crate::simd::Simd;

/// B' d.
#[inline(always)]
pub(super) fn input<S: Simd, const SHORT: bool>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    if SHORT {
        let (four, three, zero) = (s.splat(4.0), s.splat(3.0), s.splat(0.0));
        let (sum, difference) = (s.add(d[1], d[2]), s.sub(d[1], d[2]));
        return [
            s.mul(s.sub(d[0], d[2]), four),
            s.mul(sum, s.splat(-3.0)),
            s.mul(difference, three),
            zero,
            zero,
            s.sub(d[1], d[3]),
        ];
    }
    let (two, four, five) = (s.splat(2.0), s.splat(4.0), s.splat(-5.0));
    let minus_four = s.splat(-4.0);
    let even = s.fma(d[2], minus_four, d[4]);
    let odd = s.fma(d[1], minus_four, d[3]);
    let outer = s.sub(d[4], d[2]);
    let inner = s.mul(s.sub(d[3], d[1]), two);
    [
        s.fma(d[0], four, s.fma(d[2], five, d[4])),
        s.add(even, odd),
        s.sub(even, odd),
        s.add(outer, inner),
        s.sub(outer, inner),
        s.fma(d[1], four, s.fma(d[3], five, d[5])),
    ]
}

/// B q, the transpose of [`input`].
#[inline(always)]
pub(super) fn input_gradient<S: Simd, const SHORT: bool>(s: S, q: [S::V; 6]) -> [S::V; 6] {
    let (four, zero) = (s.splat(4.0), s.splat(0.0));
    let (sum1, dif1) = (s.add(q[1], q[2]), s.sub(q[1], q[2]));
    if SHORT {
        let minus_three = s.splat(-3.0);
        return [
            s.mul(q[0], four),
            s.fma(dif1, minus_three, q[5]),
            s.fma(sum1, minus_three, s.mul(q[0], s.splat(-4.0))),
            s.sub(zero, q[5]),
            zero,
            zero,
        ];
    }
    let (sum2, dif2) = (s.add(q[3], q[4]), s.sub(q[3], q[4]));
    let (two, minus_five) = (s.splat(2.0), s.splat(-5.0));
    [
        s.mul(q[0], four),
        s.fma(s.sub(q[5], dif1), four, s.mul(dif2, s.splat(-2.0))),
        s.sub(s.fma(q[0], minus_five, s.mul(sum1, s.splat(-4.0))), sum2),
        s.fma(q[5], minus_five, s.fma(dif2, two, dif1)),
        s.add(q[0], s.add(sum1, sum2)),
        q[5],
    ]
}

/// A' m.
#[inline(always)]
pub(super) fn output<S: Simd, const SHORT: bool>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let (sum1, dif1) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    if SHORT {
        let zero = s.splat(0.0);
        return [s.add(m[0], sum1), s.sub(dif1, m[5]), zero, zero];
    }
    let (sum2, dif2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(sum1, sum2)),
        s.fma(dif2, s.splat(2.0), dif1),
        s.fma(sum2, s.splat(4.0), sum1),
        s.add(s.fma(dif2, s.splat(8.0), dif1), m[5]),
    ]
}

/// A y, the transpose of [`output`].
#[inline(always)]
pub(super) fn output_gradient<S: Simd, const SHORT: bool>(s: S, y: [S::V; 4]) -> [S::V; 6] {
    if SHORT {
        let zero = s.splat(0.0);
        return [y[0], s.add(y[0], y[1]), s.sub(y[0], y[1]), zero, zero, s.sub(zero, y[1])];
    }
    let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
    let even2 = s.fma(y[2], s.splat(4.0), y[0]);
    let odd2 = s.mul(s.fma(y[3], s.splat(4.0), y[1]), s.splat(2.0));
    [y[0], s.add(even, odd), s.sub(even, odd), s.add(even2, odd2), s.sub(even2, odd2), y[3]]
}

/// G g.
#[inline(always)]
pub(super) fn filter<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    let sixth = s.splat(-1.0 / 6.0);
    let outer = s.mul(s.add(g[0], g[2]), sixth);
    let middle = s.mul(g[1], sixth);
    let far = s.fma(g[2], s.splat(1.0 / 6.0), s.mul(g[0], s.splat(1.0 / 24.0)));
    let half = s.mul(g[1], s.splat(1.0 / 12.0));
    [
        s.mul(g[0], s.splat(0.25)),
        s.add(outer, middle),
        s.sub(outer, middle),
        s.add(far, half),
        s.sub(far, half),
        g[2],
    ]
}

/// G' u, the transpose of [`filter`].
#[inline(always)]
pub(super) fn filter_gradient<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 3] {
    let sixth = s.splat(1.0 / 6.0);
    let (sum1, dif1) = (s.mul(s.add(u[1], u[2]), sixth), s.mul(s.sub(u[2], u[1]), sixth));
    let (sum2, dif2) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
    let near =
        s.fma(u[0], s.splat(0.25), s.fma(sum2, s.splat(1.0 / 24.0), s.mul(sum1, s.splat(-1.0))));
    [
        near,
        s.fma(dif2, s.splat(1.0 / 12.0), dif1),
        s.add(s.fma(sum2, sixth, s.mul(sum1, s.splat(-1.0))), u[5]),
    ]
}
