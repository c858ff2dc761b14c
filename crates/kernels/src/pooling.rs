//! Maximum and mean of windows, with their gradients, one image at a time.

use crate::isa::vectorised;
use crate::patches::Window;
use crate::view::{Map, MapMut, ensure_alike, ensure_vector};

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

vectorised! {
    /// Maximum of each window; the padding never wins, what is not a number always does.
    pub fn max_forward(x: Map<'_>, window: Window, y: MapMut<'_>) {
        ensure_windows(x, y.as_map(), window);
        let c = x.channels;
        for (oy, ox) in (0..y.height).flat_map(|oy| (0..y.width).map(move |ox| (oy, ox))) {
            let to = &mut y.values[(oy * y.width + ox) * y.stride..][..c];
            to.fill(f32::NEG_INFINITY);
            for ky in window.inside(oy, x.height) {
                for kx in window.inside(ox, x.width) {
                    let (row, column) = (window.start(oy) + ky as isize, window.start(ox) + kx as isize);
                    let at = (row as usize * x.width + column as usize) * x.stride;
                    let from = &x.values[at..][..c];
                    for i in 0..c {
                        let v = from[i];
                        to[i] = if v > to[i] || v.is_nan() { v } else { to[i] };
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds the gradient of each window's maximum to the first value that equals it.
    ///
    /// `open` is scratch of one value a channel.
    pub fn max_backward(
        x: Map<'_>,
        y: Map<'_>,
        dy: Map<'_>,
        window: Window,
        open: &mut [f32],
        dx: MapMut<'_>,
    ) {
        ensure_windows(x, y, window);
        ensure_alike([y, dy]);
        ensure_alike([x, dx.as_map()]);
        ensure_vector("scratch", open, x.channels);
        let c = x.channels;
        let open = &mut open[..c];
        for (oy, ox) in (0..y.height).flat_map(|oy| (0..y.width).map(move |ox| (oy, ox))) {
            let largest = &y.values[(oy * y.width + ox) * y.stride..][..c];
            open.copy_from_slice(&dy.values[(oy * dy.width + ox) * dy.stride..][..c]);
            for ky in window.inside(oy, x.height) {
                for kx in window.inside(ox, x.width) {
                    let (row, column) = (window.start(oy) + ky as isize, window.start(ox) + kx as isize);
                    let pixel = row as usize * x.width + column as usize;
                    let from = &x.values[pixel * x.stride..][..c];
                    let to = &mut dx.values[pixel * dx.stride..][..c];
                    for i in 0..c {
                        let hit = from[i] == largest[i];
                        to[i] += if hit { open[i] } else { 0.0 };
                        open[i] = if hit { 0.0 } else { open[i] };
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
