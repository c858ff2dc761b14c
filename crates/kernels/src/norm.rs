//! Batch normalisation with its ReLU, as passes over rows of pixels (rows, channels).
//!
//! The forward pass stores only the raw values z; readers apply max(z * scale + shift, floor)
//! ([`crate::view::Activation`]) as they load them. The backward pass needs two sums per channel
//! over the whole batch and then gives the gradient of z.

use crate::isa::vectorised;
use crate::view::{Activation, Map, MapMut, ensure_alike, ensure_vector};

vectorised! {
    /// Adds to `sum` and `square` the sums of z - pilot and (z - pilot)^2 of each channel.
    ///
    /// With a pilot near the mean, no digits are lost to cancellation.
    pub fn accumulate_moments(z: Map<'_>, pilot: &[f32], sum: &mut [f32], square: &mut [f32]) {
        z.ensure();
        ensure_vector("pilots", pilot, z.channels);
        ensure_vector("sums", sum, z.channels);
        ensure_vector("squares", square, z.channels);
        let c = z.channels;
        let (pilot, sum, square) = (&pilot[..c], &mut sum[..c], &mut square[..c]);
        for pixel in 0..z.pixels() {
            let row = &z.values[pixel * z.stride..][..c];
            for i in 0..c {
                let d = row[i] - pilot[i];
                sum[i] += d;
                square[i] += d * d;
            }
        }
    }
}

vectorised! {
    /// out = max(z * scale + shift, floor).
    pub fn activate(z: Map<'_>, activation: Activation<'_>, out: MapMut<'_>) {
        ensure_alike([z, out.as_map()]);
        activation.ensure(z.channels);
        let c = z.channels;
        let (scale, shift) = (&activation.scale[..c], &activation.shift[..c]);
        let floor = &activation.floor[..c];
        for pixel in 0..z.pixels() {
            let row = &z.values[pixel * z.stride..][..c];
            let to = &mut out.values[pixel * out.stride..][..c];
            for i in 0..c {
                let x = row[i] * scale[i] + shift[i];
                to[i] = if x < floor[i] { floor[i] } else { x };
            }
        }
    }
}

vectorised! {
    /// Adds to `sum` the sums of g and to `product` those of g * (z * scale + shift) of each
    /// channel, where g is the gradient `da` of the activated values, or 0 where the floor applied.
    pub fn accumulate_gradient_sums(
        da: Map<'_>,
        z: Map<'_>,
        activation: Activation<'_>,
        sum: &mut [f32],
        product: &mut [f32],
    ) {
        ensure_alike([z, da]);
        activation.ensure(z.channels);
        ensure_vector("sums", sum, z.channels);
        ensure_vector("products", product, z.channels);
        let c = z.channels;
        let (scale, shift) = (&activation.scale[..c], &activation.shift[..c]);
        let (floor, sum, product) = (&activation.floor[..c], &mut sum[..c], &mut product[..c]);
        for pixel in 0..z.pixels() {
            let z = &z.values[pixel * z.stride..][..c];
            let da = &da.values[pixel * da.stride..][..c];
            for i in 0..c {
                let x = z[i] * scale[i] + shift[i];
                let g = if x > floor[i] { da[i] } else { 0.0 };
                sum[i] += g;
                product[i] += g * x;
            }
        }
    }
}

vectorised! {
    /// Like [`accumulate_gradient_sums`], but with products g * (z - centre), which are valid for
    /// any scale, including 0.
    pub fn accumulate_centred_gradient_sums(
        da: Map<'_>,
        z: Map<'_>,
        activation: Activation<'_>,
        centre: &[f32],
        sum: &mut [f32],
        product: &mut [f32],
    ) {
        ensure_alike([z, da]);
        activation.ensure(z.channels);
        ensure_vector("centres", centre, z.channels);
        ensure_vector("sums", sum, z.channels);
        ensure_vector("products", product, z.channels);
        let c = z.channels;
        let (scale, shift) = (&activation.scale[..c], &activation.shift[..c]);
        let (floor, sum, product) = (&activation.floor[..c], &mut sum[..c], &mut product[..c]);
        let centre = &centre[..c];
        for pixel in 0..z.pixels() {
            let z = &z.values[pixel * z.stride..][..c];
            let da = &da.values[pixel * da.stride..][..c];
            for i in 0..c {
                let x = z[i] * scale[i] + shift[i];
                let g = if x > floor[i] { da[i] } else { 0.0 };
                sum[i] += g;
                product[i] += g * (z[i] - centre[i]);
            }
        }
    }
}

vectorised! {
    /// dz = g * scale - z * slope - offset, the gradient of z; g as above. `slope` and `offset`
    /// carry the batch's sums.
    pub fn gradient(
        da: Map<'_>,
        z: Map<'_>,
        activation: Activation<'_>,
        slope: &[f32],
        offset: &[f32],
        dz: MapMut<'_>,
    ) {
        ensure_alike([z, da, dz.as_map()]);
        activation.ensure(z.channels);
        ensure_vector("slopes", slope, z.channels);
        ensure_vector("offsets", offset, z.channels);
        let c = z.channels;
        let (scale, shift) = (&activation.scale[..c], &activation.shift[..c]);
        let (floor, slope, offset) = (&activation.floor[..c], &slope[..c], &offset[..c]);
        for pixel in 0..z.pixels() {
            let z = &z.values[pixel * z.stride..][..c];
            let da = &da.values[pixel * da.stride..][..c];
            let dz = &mut dz.values[pixel * dz.stride..][..c];
            for i in 0..c {
                let g = if z[i] * scale[i] + shift[i] > floor[i] { da[i] } else { 0.0 };
                dz[i] = g * scale[i] - z[i] * slope[i] - offset[i];
            }
        }
    }
}
