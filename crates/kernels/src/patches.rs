//! Convolution of any kernel and stride as a matrix product over patches ("im2col").

use crate::isa::vectorised;
use crate::view::{Activation, Map, MapMut, ensure_len, product};

/// The windows of a convolution or pooling: side, step and padding on each edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Rows and columns of padding on each edge.
    pub padding: usize,
}

impl Window {
    /// Number of windows that fit into `size` rows (or columns).
    ///
    /// # Panics
    /// If none fits.
    pub fn outputs(&self, size: usize) -> usize {
        let Self { kernel, stride, padding } = *self;
        let room = padding.checked_mul(2).and_then(|edges| edges.checked_add(size));
        let room = room.and_then(|room| room.checked_sub(kernel));
        let room = room.filter(|_| kernel > 0 && stride > 0);
        room.unwrap_or_else(|| panic!("no {self:?} fits into {size}")) / stride + 1
    }

    /// Panics unless `outputs` is the number of windows of a map of size `x`.
    pub(crate) fn ensure(&self, x: (usize, usize), outputs: (usize, usize)) {
        let fitting = (self.outputs(x.0), self.outputs(x.1));
        assert!(outputs == fitting, "outputs of {outputs:?} for {x:?}, not {fitting:?}");
    }

    /// First input row (or column) of output row `out`, possibly negative.
    pub fn start(&self, out: usize) -> isize {
        (out * self.stride) as isize - self.padding as isize
    }

    /// The part of window `out` within 0 .. `size`, relative to the window's start.
    pub fn inside(&self, out: usize, size: usize) -> std::ops::Range<usize> {
        let start = self.start(out);
        let from = (-start).max(0) as usize;
        let to = (size as isize - start).clamp(0, self.kernel as isize) as usize;
        from.min(to)..to
    }
}

vectorised! {
    /// The patch of every output pixel in the output rows `rows`: (pixels, kernel, kernel, channels).
    ///
    /// The activation, if any, is applied on reading; the padding is zero.
    pub fn gather(
        x: Map<'_>,
        activation: Option<Activation<'_>>,
        window: Window,
        rows: std::ops::Range<usize>,
        across: usize,
        out: &mut [f32],
    ) {
        x.ensure();
        activation.iter().for_each(|activation| activation.ensure(x.channels));
        let down = window.outputs(x.height);
        assert!(rows.start <= rows.end && rows.end <= down, "rows {rows:?} of {down}");
        window.ensure((x.height, x.width), (down, across));
        let c = x.channels;
        let all = product([rows.len(), across, window.kernel, window.kernel, c]);
        ensure_len("patches", out.len(), all);
        let patch = window.kernel * window.kernel * c;
        for (oy, ox) in rows.clone().flat_map(|oy| (0..across).map(move |ox| (oy, ox))) {
            let at = ((oy - rows.start) * across + ox) * patch;
            let to = &mut out[at..][..patch];
            let (ys, xs) = (window.inside(oy, x.height), window.inside(ox, x.width));
            let (y0, x0) = (window.start(oy), window.start(ox));
            for ky in 0..window.kernel {
                for kx in 0..window.kernel {
                    let to = &mut to[(ky * window.kernel + kx) * c..][..c];
                    if !ys.contains(&ky) || !xs.contains(&kx) {
                        to.fill(0.0);
                        continue;
                    }
                    let (y, column) = ((y0 + ky as isize) as usize, (x0 + kx as isize) as usize);
                    let from = &x.values[(y * x.width + column) * x.stride..][..c];
                    let Some(a) = &activation else {
                        to.copy_from_slice(from);
                        continue;
                    };
                    let (scale, shift, floor) = (&a.scale[..c], &a.shift[..c], &a.floor[..c]);
                    for i in 0..c {
                        let v = from[i] * scale[i] + shift[i];
                        to[i] = if v < floor[i] { floor[i] } else { v };
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds every patch (pixels, kernel, kernel, channels) back to where [`gather`] read it.
    pub fn scatter(patches: &[f32], window: Window, down: usize, across: usize, dx: MapMut<'_>) {
        dx.ensure();
        window.ensure((dx.height, dx.width), (down, across));
        let all = product([down, across, window.kernel, window.kernel, dx.channels]);
        ensure_len("patches", patches.len(), all);
        let c = dx.channels;
        let patch = window.kernel * window.kernel * c;
        for (oy, ox) in (0..down).flat_map(|oy| (0..across).map(move |ox| (oy, ox))) {
            let from = &patches[(oy * across + ox) * patch..][..patch];
            let (y0, x0) = (window.start(oy), window.start(ox));
            for ky in window.inside(oy, dx.height) {
                for kx in window.inside(ox, dx.width) {
                    let from = &from[(ky * window.kernel + kx) * c..][..c];
                    let (y, column) = ((y0 + ky as isize) as usize, (x0 + kx as isize) as usize);
                    let to = &mut dx.values[(y * dx.width + column) * dx.stride..][..c];
                    for i in 0..c {
                        to[i] += from[i];
                    }
                }
            }
        }
    }
}
