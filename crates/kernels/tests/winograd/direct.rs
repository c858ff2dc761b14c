//! The 3x3 convolution at stride 1 and its gradients in f64, by definition.

/// Height, width, channels of the input and of the output.
pub type Shape = (usize, usize, usize, usize);

/// Calls `f(y, x, v, u, t)` for each output pixel (y, x) and each tap t whose input pixel (v, u)
/// lies inside the map.
fn taps(height: usize, width: usize, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
    for y in 0..height {
        for x in 0..width {
            for t in 0..9 {
                let (v, u) = ((y + t / 3).wrapping_sub(1), (x + t % 3).wrapping_sub(1));
                if v < height && u < width {
                    f(y, x, v, u, t);
                }
            }
        }
    }
}

/// Output (height, width, k) of input (height, width, c) and filter (3, 3, c, k).
pub fn reference_forward((h, w, c, k): Shape, input: &[f64], filter: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; h * w * k];
    taps(h, w, |y, x, v, u, t| {
        let out = &mut out[(y * w + x) * k..][..k];
        for i in 0..c {
            let value = input[(v * w + u) * c + i];
            let filter = &filter[(t * c + i) * k..][..k];
            (0..k).for_each(|o| out[o] += value * filter[o]);
        }
    });
    out
}

/// Gradient (height, width, c) of the input from that of the output (height, width, k).
pub fn reference_input_gradient((h, w, c, k): Shape, dy: &[f64], filter: &[f64]) -> Vec<f64> {
    let mut dx = vec![0.0; h * w * c];
    taps(h, w, |y, x, v, u, t| {
        let dy = &dy[(y * w + x) * k..][..k];
        for i in 0..c {
            let filter = &filter[(t * c + i) * k..][..k];
            let products = dy.iter().zip(filter).map(|(d, f)| d * f);
            dx[(v * w + u) * c + i] += products.sum::<f64>();
        }
    });
    dx
}

/// Gradient (3, 3, c, k) of the filter.
pub fn reference_filter_gradient((h, w, c, k): Shape, input: &[f64], dy: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; 9 * c * k];
    taps(h, w, |y, x, v, u, t| {
        let dy = &dy[(y * w + x) * k..][..k];
        for i in 0..c {
            let value = input[(v * w + u) * c + i];
            let gradient = &mut gradient[(t * c + i) * k..][..k];
            (0..k).for_each(|o| gradient[o] += value * dy[o]);
        }
    });
    gradient
}
