//! The operations on one image in f32, forward and backward, in evaluation mode.
//!
//! Maps are (h, w, c). Loops run over neighbouring channels innermost, which the compiler turns into
//! vector instructions; nothing here is tuned further, since one image at a time is asked for.

use modiste_spec::Shape;

/// A convolution's or pool's window, and the maps it goes between.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of padding on each side.
    pub padding: usize,
    /// The map it moves over.
    pub from: Shape,
    /// The map of its places.
    pub to: Shape,
}

impl Window {
    /// Calls `visit` for each place of the window and each pixel under it, with the first position
    /// of the place in the output, that of the pixel in the input, and the pixel's number within
    /// the window. Padding is left out.
    pub fn each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { kernel, stride, padding, from, to } = *self;
        for row in 0..to.height {
            for column in 0..to.width {
                let place = (row * to.width + column) * to.channels;
                for i in 0..kernel * kernel {
                    let h = (row * stride + i / kernel).wrapping_sub(padding);
                    let w = (column * stride + i % kernel).wrapping_sub(padding);
                    if h < from.height && w < from.width {
                        visit(place, (h * from.width + w) * from.channels, i);
                    }
                }
            }
        }
    }
}

/// y += factor * x.
fn add_scaled(y: &mut [f32], factor: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// (k, c, place) to (place, c, k): the channels of an output lie side by side.
pub(crate) fn by_output(weight: &[f32], c: usize, area: usize) -> Vec<f32> {
    let k = weight.len() / (c * area);
    (0..weight.len()).map(|i| weight[(i % k * c + i / k % c) * area + i / (k * c)]).collect()
}

/// (k, c, place) to (place, k, c): the channels of an input lie side by side.
fn by_input(weight: &[f32], c: usize, area: usize) -> Vec<f32> {
    let k = weight.len() / (c * area);
    (0..weight.len()).map(|i| weight[(i / c % k * c + i % c) * area + i / (k * c)]).collect()
}

/// Cross-correlation; `weight` is (k, c, kernel, kernel).
pub(crate) fn conv_forward(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    window: Window,
) -> Vec<f32> {
    let (c, k) = (window.from.channels, window.to.channels);
    let weight = by_output(weight, c, window.kernel * window.kernel);
    let mut y = match bias {
        Some(bias) => bias.repeat(window.to.pixels()),
        None => vec![0.0; window.to.len()],
    };
    window.each(|to, from, place| {
        let y = &mut y[to..][..k];
        let weight = weight[place * c * k..][..c * k].chunks_exact(k);
        for (&x, weight) in x[from..][..c].iter().zip(weight) {
            // Half of all values are zeros of a ReLU.
            if x != 0.0 {
                add_scaled(y, x, weight);
            }
        }
    });
    y
}

/// The gradient by the input.
pub(crate) fn conv_backward(dy: &[f32], weight: &[f32], window: Window) -> Vec<f32> {
    let (c, k) = (window.from.channels, window.to.channels);
    let weight = by_input(weight, c, window.kernel * window.kernel);
    let mut dx = vec![0.0; window.from.len()];
    window.each(|to, from, place| {
        let dx = &mut dx[from..][..c];
        let weight = weight[place * c * k..][..c * k].chunks_exact(c);
        for (&dy, weight) in dy[to..][..k].iter().zip(weight) {
            if dy != 0.0 {
                add_scaled(dx, dy, weight);
            }
        }
    });
    dx
}

/// What normalisation with running statistics multiplies each channel by.
pub(crate) fn norm_scale(variance: &[f32], epsilon: f64) -> Vec<f32> {
    variance.iter().map(|&v| (1.0 / (f64::from(v) + epsilon).sqrt()) as f32).collect()
}

/// (x - mean) * scale + shift.
pub(crate) fn norm_forward(x: &[f32], mean: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
    let c = mean.len();
    let channel = |(i, x): (usize, &f32)| (x - mean[i % c]) * scale[i % c] + shift[i % c];
    x.iter().enumerate().map(channel).collect()
}

/// The gradient by the input: running statistics are constants.
pub(crate) fn norm_backward(dy: &[f32], scale: &[f32]) -> Vec<f32> {
    dy.iter().enumerate().map(|(i, dy)| dy * scale[i % scale.len()]).collect()
}

/// Positions of the maxima, the first of equals in row-major order.
fn maxima(x: &[f32], window: Window) -> Vec<usize> {
    let c = window.from.channels;
    let mut best = vec![usize::MAX; window.to.len()];
    window.each(|to, from, _| {
        for (best, at) in best[to..][..c].iter_mut().zip(from..) {
            if *best == usize::MAX || x[at] > x[*best] {
                *best = at;
            }
        }
    });
    best
}

/// Maximum of each window.
pub(crate) fn max_pool_forward(x: &[f32], window: Window) -> Vec<f32> {
    maxima(x, window).into_iter().map(|at| x[at]).collect()
}

/// Each window's gradient goes to its maximum.
pub(crate) fn max_pool_backward(x: &[f32], dy: &[f32], window: Window) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    for (at, dy) in maxima(x, window).into_iter().zip(dy) {
        dx[at] += dy;
    }
    dx
}

/// Mean of each window.
pub(crate) fn mean_forward(x: &[f32], window: Window) -> Vec<f32> {
    let c = window.from.channels;
    let part = 1.0 / (window.kernel * window.kernel) as f32;
    let mut y = vec![0.0; window.to.len()];
    window.each(|to, from, _| add_scaled(&mut y[to..][..c], part, &x[from..][..c]));
    y
}

/// Each window's gradient in equal parts.
pub(crate) fn mean_backward(dy: &[f32], window: Window) -> Vec<f32> {
    let c = window.from.channels;
    let part = 1.0 / (window.kernel * window.kernel) as f32;
    let mut dx = vec![0.0; window.from.len()];
    window.each(|to, from, _| add_scaled(&mut dx[from..][..c], part, &dy[to..][..c]));
    dx
}

/// Mean over all pixels.
pub(crate) fn global_mean_forward(x: &[f32], channels: usize) -> Vec<f32> {
    let part = channels as f32 / x.len() as f32;
    let mut y = vec![0.0; channels];
    x.chunks_exact(channels).for_each(|pixel| add_scaled(&mut y, part, pixel));
    y
}

/// Every pixel gets an equal part.
pub(crate) fn global_mean_backward(dy: &[f32], pixels: usize) -> Vec<f32> {
    let part = 1.0 / pixels as f32;
    dy.iter().map(|dy| dy * part).collect::<Vec<_>>().repeat(pixels)
}

/// The inputs' channels one after the other.
pub(crate) fn concat_forward(inputs: &[&[f32]], pixels: usize) -> Vec<f32> {
    let pixel =
        |i: usize| inputs.iter().flat_map(move |x| &x[x.len() / pixels * i..][..x.len() / pixels]);
    (0..pixels).flat_map(pixel).copied().collect()
}

/// The gradient by the input whose `channels` begin at channel `start`.
pub(crate) fn concat_backward(dy: &[f32], all: usize, start: usize, channels: usize) -> Vec<f32> {
    dy.chunks_exact(all).flat_map(|pixel| &pixel[start..][..channels]).copied().collect()
}
