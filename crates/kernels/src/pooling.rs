//! Maximum and mean of windows, with their gradients, one image at a time.

use crate::LANES;
use crate::isa::{Isa, Kernel, vectorised};
use crate::patches::Window;
use crate::simd::Simd;
use crate::view::{Activation, Map, MapMut, ensure_alike};
use std::ops::Range;

/// Panics unless `y` has a pixel for each window of `x`.
fn ensure_windows(x: Map<'_>, y: Map<'_>, window: Window) {
    x.ensure();
    y.ensure();
    window.ensure((x.height, x.width), (y.height, y.width));
    assert!(x.channels == y.channels, "{} channels from {}", y.channels, x.channels);
}

/// Panics unless `y` has a pixel for each whole window of `x`.
fn ensure_means(x: Map<'_>, y: Map<'_>, kernel: (usize, usize)) {
    x.ensure();
    y.ensure();
    let fitting = (x.height.checked_div(kernel.0), x.width.checked_div(kernel.1));
    let outputs = (Some(y.height), Some(y.width));
    assert!(outputs == fitting, "means of {outputs:?} for {fitting:?} windows");
    assert!(x.channels == y.channels, "{} channels from {}", y.channels, x.channels);
}

/// Maximum of each window; the padding never wins, NaN always does.
///
/// The activation, if any, is applied to the values as they are read.
///
/// # Panics
/// If sizes do not fit together or channels are no multiple of [`LANES`].
pub fn max_forward(
    isa: Isa,
    x: Map<'_>,
    activation: Option<Activation<'_>>,
    window: Window,
    y: MapMut<'_>,
) {
    ensure_windows(x, y.as_map(), window);
    let input = Input::new(x, activation, window);
    isa.run(MaxForward { input, y });
}

/// Adds the gradient of each window's maximum to the first value equal to it.
///
/// # Panics
/// If sizes do not fit together or channels are no multiple of [`LANES`].
pub fn max_backward(
    isa: Isa,
    x: Map<'_>,
    activation: Option<Activation<'_>>,
    (y, dy): (Map<'_>, Map<'_>),
    window: Window,
    dx: MapMut<'_>,
) {
    ensure_windows(x, y, window);
    ensure_alike([y, dy]);
    ensure_alike([x, dx.as_map()]);
    let input = Input::new(x, activation, window);
    isa.run(MaxBackward { input, y, dy, dx });
}

/// A map seen through windows, and how its values are read.
struct Input<'a> {
    x: Map<'a>,
    activation: Option<Activation<'a>>,
    window: Window,
}

impl<'a> Input<'a> {
    fn new(x: Map<'a>, activation: Option<Activation<'a>>, window: Window) -> Self {
        let c = x.channels;
        assert!(c.is_multiple_of(LANES), "{c} channels are no multiple of {LANES}");
        activation.iter().for_each(|activation| activation.ensure(c));
        Self { x, activation, window }
    }

    /// Scale, shift and floor of the register of channels from `c` on, if there is an activation.
    #[inline(always)]
    fn lane<S: Simd>(&self, simd: S, c: usize) -> [S::V; 3] {
        match &self.activation {
            // SAFETY: `Input::new` checked that the channels are there.
            Some(activation) => unsafe { activation.of(simd, c) },
            None => [simd.splat(0.0); 3],
        }
    }

    /// The channels from `c` on of a pixel.
    ///
    /// # Safety
    /// The pixel and the channels must be there.
    #[inline(always)]
    unsafe fn load<S: Simd, const ACTIVATE: bool>(
        &self,
        simd: S,
        [scale, shift, floor]: [S::V; 3],
        pixel: usize,
        c: usize,
    ) -> S::V {
        // SAFETY: the caller vouches for the pixel, the map lies within its slice.
        let value = unsafe { simd.load(self.x.values.as_ptr().add(pixel * self.x.stride + c)) };
        match ACTIVATE {
            // The roundings of `norm::activate`.
            true => simd.max(floor, simd.add(simd.mul(value, scale), shift)),
            false => value,
        }
    }

    /// Whether windows are two by two pixels and do not overlap.
    fn in_pairs(&self) -> bool {
        self.window == Window { kernel: 2, stride: 2, padding: 0 }
    }

    /// The rows and columns of the map under output pixel (`oy`, `ox`).
    #[inline(always)]
    fn under<const PAIRS: bool>(&self, oy: usize, ox: usize) -> [Range<usize>; 2] {
        match PAIRS {
            // Loops of a known length, which compile to four loads.
            true => [2 * oy..2 * oy + 2, 2 * ox..2 * ox + 2],
            false => [under(self.window, oy, self.x.height), under(self.window, ox, self.x.width)],
        }
    }
}

/// The part of 0 .. `size` under window `out`.
#[inline(always)]
fn under(window: Window, out: usize, size: usize) -> Range<usize> {
    let start = window.start(out);
    let end = start + window.kernel as isize;
    start.clamp(0, size as isize) as usize..end.clamp(0, size as isize) as usize
}

/// The rows and columns of all pixels, in order.
#[inline(always)]
fn pixels(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |row| (0..width).map(move |column| (row, column)))
}

struct MaxForward<'a> {
    input: Input<'a>,
    y: MapMut<'a>,
}

impl Kernel for MaxForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        match (self.input.activation.is_some(), self.input.in_pairs()) {
            (true, true) => self.windows::<S, true, true>(simd),
            (true, false) => self.windows::<S, true, false>(simd),
            (false, true) => self.windows::<S, false, true>(simd),
            (false, false) => self.windows::<S, false, false>(simd),
        }
    }
}

impl MaxForward<'_> {
    #[inline(always)]
    fn windows<S: Simd, const ACTIVATE: bool, const PAIRS: bool>(&mut self, simd: S) {
        for c in (0..self.y.channels).step_by(S::WIDTH) {
            let lane = self.input.lane(simd, c);
            for (oy, ox) in pixels(self.y.height, self.y.width) {
                let out = oy * self.y.width + ox;
                let [rows, columns] = self.input.under::<PAIRS>(oy, ox);
                let mut most = simd.splat(f32::NEG_INFINITY);
                for row in rows {
                    for column in columns.clone() {
                        let pixel = row * self.input.x.width + column;
                        // SAFETY: rows and columns lie inside the map.
                        let v = unsafe { self.input.load::<S, ACTIVATE>(simd, lane, pixel, c) };
                        most = simd.larger(v, most);
                    }
                }
                let at = out * self.y.stride + c;
                // SAFETY: the pixel lies inside the map, the map within its slice.
                unsafe { simd.store(self.y.values.as_mut_ptr().add(at), most) };
            }
        }
    }
}

struct MaxBackward<'a> {
    input: Input<'a>,
    y: Map<'a>,
    dy: Map<'a>,
    dx: MapMut<'a>,
}

impl Kernel for MaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        match (self.input.activation.is_some(), self.input.in_pairs()) {
            (true, true) => self.windows::<S, true, true>(simd),
            (true, false) => self.windows::<S, true, false>(simd),
            (false, true) => self.windows::<S, false, true>(simd),
            (false, false) => self.windows::<S, false, false>(simd),
        }
    }
}

impl MaxBackward<'_> {
    #[inline(always)]
    fn windows<S: Simd, const ACTIVATE: bool, const PAIRS: bool>(&mut self, simd: S) {
        for c in (0..self.y.channels).step_by(S::WIDTH) {
            let lane = self.input.lane(simd, c);
            for (oy, ox) in pixels(self.y.height, self.y.width) {
                let out = oy * self.y.width + ox;
                let [rows, columns] = self.input.under::<PAIRS>(oy, ox);
                // SAFETY: `ensure_windows` and `ensure_alike` checked that every output pixel is there
                // in `y` and `dy`, and every input pixel, which those of a window are, in `x` and `dx`.
                unsafe {
                    let most = simd.load(self.y.values.as_ptr().add(out * self.y.stride + c));
                    let mut open = simd.load(self.dy.values.as_ptr().add(out * self.dy.stride + c));
                    for row in rows {
                        for column in columns.clone() {
                            let pixel = row * self.input.x.width + column;
                            let v = self.input.load::<S, ACTIVATE>(simd, lane, pixel, c);
                            let (taken, left) = simd.split(v, most, open);
                            let to = self.dx.values.as_mut_ptr().add(pixel * self.dx.stride + c);
                            simd.store(to, simd.add(simd.load(to), taken));
                            open = left;
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Mean of windows (side and step `kernel`, no padding).
    pub fn mean_forward(x: Map<'_>, kernel: (usize, usize), y: MapMut<'_>) {
        ensure_means(x, y.as_map(), kernel);
        let c = x.channels;
        let share = 1.0 / (kernel.0 * kernel.1) as f32;
        for (oy, ox) in (0..y.height).flat_map(|oy| (0..y.width).map(move |ox| (oy, ox))) {
            let to = &mut y.values[(oy * y.width + ox) * y.stride..][..c];
            to.fill(0.0);
            for ky in 0..kernel.0 {
                for kx in 0..kernel.1 {
                    let pixel = (oy * kernel.0 + ky) * x.width + ox * kernel.1 + kx;
                    let from = &x.values[pixel * x.stride..][..c];
                    for i in 0..c {
                        to[i] += from[i];
                    }
                }
            }
            for v in to {
                *v *= share;
            }
        }
    }
}

vectorised! {
    /// Adds to each value its share of its window's gradient.
    pub fn mean_backward(dy: Map<'_>, kernel: (usize, usize), dx: MapMut<'_>) {
        ensure_means(dx.as_map(), dy, kernel);
        let c = dy.channels;
        let share = 1.0 / (kernel.0 * kernel.1) as f32;
        for (oy, ox) in (0..dy.height).flat_map(|oy| (0..dy.width).map(move |ox| (oy, ox))) {
            let from = &dy.values[(oy * dy.width + ox) * dy.stride..][..c];
            for ky in 0..kernel.0 {
                for kx in 0..kernel.1 {
                    let pixel = (oy * kernel.0 + ky) * dx.width + ox * kernel.1 + kx;
                    let to = &mut dx.values[pixel * dx.stride..][..c];
                    for i in 0..c {
                        to[i] += share * from[i];
                    }
                }
            }
        }
    }
}
