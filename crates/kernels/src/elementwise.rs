//! Elementwise loops: a block's sum and ReLU, biases, conversion, accumulation.

use crate::isa::vectorised;
use crate::view::{Map, MapMut, ensure_alike, ensure_len, ensure_vector, product};

vectorised! {
    /// out = pixel / 255: bytes to floats in [0, 1].
    pub fn from_bytes(pixels: &[u8], out: &mut [f32]) {
        ensure_len("bytes", pixels.len(), out.len());
        for (to, &from) in out.iter_mut().zip(pixels) {
            *to = f32::from(from) / 255.0;
        }
    }
}

vectorised! {
    /// to += from.
    pub fn add_assign(to: MapMut<'_>, from: Map<'_>) {
        ensure_alike([from, to.as_map()]);
        let c = from.channels;
        for pixel in 0..from.pixels() {
            let from = &from.values[pixel * from.stride..][..c];
            let to = &mut to.values[pixel * to.stride..][..c];
            for i in 0..c {
                to[i] += from[i];
            }
        }
    }
}

vectorised! {
    /// to = from.
    pub fn copy(to: MapMut<'_>, from: Map<'_>) {
        ensure_alike([from, to.as_map()]);
        let c = from.channels;
        for pixel in 0..from.pixels() {
            to.values[pixel * to.stride..][..c]
                .copy_from_slice(&from.values[pixel * from.stride..][..c]);
        }
    }
}

vectorised! {
    /// y = max(y + bias, floor), per channel.
    pub fn bias_floor(y: MapMut<'_>, bias: &[f32], floor: f32) {
        y.ensure();
        ensure_vector("biases", bias, y.channels);
        let c = y.channels;
        let bias = &bias[..c];
        for pixel in 0..y.height * y.width {
            let y = &mut y.values[pixel * y.stride..][..c];
            for i in 0..c {
                let v = y[i] + bias[i];
                y[i] = if v < floor { floor } else { v };
            }
        }
    }
}

vectorised! {
    /// y = max(x + scale * (y + bias), floor), per channel: the end of a residual block.
    pub fn residual(y: MapMut<'_>, x: Map<'_>, bias: &[f32], scale: f32, floor: f32) {
        ensure_alike([x, y.as_map()]);
        ensure_vector("biases", bias, x.channels);
        let c = x.channels;
        let bias = &bias[..c];
        for pixel in 0..x.pixels() {
            let x = &x.values[pixel * x.stride..][..c];
            let y = &mut y.values[pixel * y.stride..][..c];
            for i in 0..c {
                let v = x[i] + scale * (y[i] + bias[i]);
                y[i] = if v < floor { floor } else { v };
            }
        }
    }
}

vectorised! {
    /// out = scale * dy where y is above the floor, else 0: the gradient of a ReLU, given its output.
    pub fn relu_gradient(dy: Map<'_>, y: Map<'_>, scale: f32, floor: f32, out: MapMut<'_>) {
        ensure_alike([y, dy, out.as_map()]);
        let c = y.channels;
        for pixel in 0..y.pixels() {
            let y = &y.values[pixel * y.stride..][..c];
            let dy = &dy.values[pixel * dy.stride..][..c];
            let out = &mut out.values[pixel * out.stride..][..c];
            for i in 0..c {
                out[i] = if y[i] > floor { scale * dy[i] } else { 0.0 };
            }
        }
    }
}

vectorised! {
    /// out += scale * dy where y is above the floor.
    pub fn add_relu_gradient(dy: Map<'_>, y: Map<'_>, scale: f32, floor: f32, out: MapMut<'_>) {
        ensure_alike([y, dy, out.as_map()]);
        let c = y.channels;
        for pixel in 0..y.pixels() {
            let y = &y.values[pixel * y.stride..][..c];
            let dy = &dy.values[pixel * dy.stride..][..c];
            let out = &mut out.values[pixel * out.stride..][..c];
            for i in 0..c {
                out[i] += if y[i] > floor { scale * dy[i] } else { 0.0 };
            }
        }
    }
}

vectorised! {
    /// Adds the sum of each channel to `sum`.
    pub fn accumulate_sums(x: Map<'_>, sum: &mut [f32]) {
        x.ensure();
        ensure_vector("sums", sum, x.channels);
        let c = x.channels;
        let sum = &mut sum[..c];
        for pixel in 0..x.pixels() {
            let x = &x.values[pixel * x.stride..][..c];
            for i in 0..c {
                sum[i] += x[i];
            }
        }
    }
}

vectorised! {
    /// y = max(y, floor).
    pub fn floor(y: MapMut<'_>, floor: f32) {
        y.ensure();
        let c = y.channels;
        for pixel in 0..y.height * y.width {
            for v in &mut y.values[pixel * y.stride..][..c] {
                *v = if *v < floor { floor } else { *v };
            }
        }
    }
}

vectorised! {
    /// y *= factor, with factors as (pixels, channels).
    pub fn multiply_rows(y: MapMut<'_>, factor: &[f32]) {
        y.ensure();
        ensure_len("factors", factor.len(), product([y.height, y.width, y.channels]));
        let c = y.channels;
        for pixel in 0..y.height * y.width {
            let factor = &factor[pixel * c..][..c];
            let y = &mut y.values[pixel * y.stride..][..c];
            for i in 0..c {
                y[i] *= factor[i];
            }
        }
    }
}
