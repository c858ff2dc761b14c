//! Occlusion: how the probability of a class falls when a part of the image is covered (Zeiler and
//! Fergus 2014).

use modiste_metrics::softmax_at;
use modiste_spec::engine::Weights;
use modiste_spec::{Engine, Shape};

use crate::{ExplainError, HeatMap};

/// The patch that covers the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occlusion {
    /// Side of the square patch, in pixels.
    pub patch: usize,
    /// Distance between patches, in pixels.
    pub stride: usize,
    /// Value of the patch's pixels.
    pub fill: u8,
    /// Divisor of the logits before softmax; 1 changes nothing.
    pub temperature: f64,
}

/// Bytes of covered images that are predicted together.
const TOGETHER: usize = 1 << 24;

impl Default for Occlusion {
    /// A patch of a quarter of 28 pixels, black like the background of the images.
    fn default() -> Self {
        Self { patch: 7, stride: 1, fill: 0, temperature: 1.0 }
    }
}

/// The heat map of one image (h, w, c) for the class at position `class`, of the image's size. Each
/// pixel has the mean fall of the class's probability over all patches that cover it; a rise counts
/// as 0.
///
/// # Errors
/// If the pixels are not one image, there is no such class, or the patch does not fit.
pub fn occlusion(
    engine: &mut dyn Engine,
    pixels: &[u8],
    class: usize,
    settings: Occlusion,
) -> Result<HeatMap, ExplainError> {
    let (shape, classes) = (engine.network().input_shape(), engine.network().classes());
    if pixels.len() != shape.len() {
        return Err(ExplainError::Image { bytes: pixels.len(), shape });
    }
    if class >= classes {
        return Err(ExplainError::Class { class, classes });
    }
    let Occlusion { patch, stride, fill, temperature } = settings;
    if !(1..=shape.height.min(shape.width)).contains(&patch) || !(1..=patch).contains(&stride) {
        return Err(ExplainError::Patch { patch, stride, shape });
    }
    let places = places(shape, patch, stride);
    let mut ask = |images: &[u8]| -> Result<Vec<f64>, ExplainError> {
        let logits = engine.predict(images, Weights::Current)?;
        let rows = logits.chunks_exact(classes);
        Ok(rows.map(|row| softmax_at(row, temperature)[class]).collect())
    };
    let whole = ask(pixels)?[0];
    let mut sums = vec![(0.0, 0.0); shape.pixels()];
    for places in places.chunks((TOGETHER / shape.len()).max(1)) {
        let mut images = pixels.repeat(places.len());
        for (image, place) in images.chunks_exact_mut(shape.len()).zip(places) {
            each_row(shape, *place, patch, |row| {
                image[row.start * shape.channels..row.end * shape.channels].fill(fill);
            });
        }
        for (covered, place) in ask(&images)?.into_iter().zip(places) {
            each_row(shape, *place, patch, |row| {
                sums[row].iter_mut().for_each(|(sum, count)| {
                    (*sum, *count) = (*sum + whole - covered, *count + 1.0)
                });
            });
        }
    }
    let mean = |&(sum, count): &(f64, f64)| (sum / count).max(0.0) as f32;
    Ok(HeatMap::new(shape.height, shape.width, sums.iter().map(mean).collect()))
}

/// Row and column of the upper left corner of every patch. The last ones end at the edge of the
/// image, so that every pixel is covered.
fn places(shape: Shape, patch: usize, stride: usize) -> Vec<[usize; 2]> {
    let along = |size: usize| {
        let last = size - patch;
        (0..last).step_by(stride).chain([last])
    };
    along(shape.height)
        .flat_map(|row| along(shape.width).map(move |column| [row, column]))
        .collect()
}

/// Calls `visit` with the pixels of each row of the patch at `place`.
fn each_row(
    shape: Shape,
    [top, left]: [usize; 2],
    patch: usize,
    mut visit: impl FnMut(std::ops::Range<usize>),
) {
    for row in top..top + patch {
        let start = row * shape.width + left;
        visit(start..start + patch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_cover_every_pixel_and_stay_inside() {
        for (height, width, patch, stride) in
            [(28, 28, 7, 1), (28, 28, 7, 5), (5, 9, 5, 3), (6, 4, 1, 1), (9, 9, 2, 2)]
        {
            let shape = Shape::new(height, width, 1);
            let mut covered = vec![0; shape.pixels()];
            for place in places(shape, patch, stride) {
                each_row(shape, place, patch, |row| {
                    assert_eq!(row.start / width, (row.end - 1) / width, "{shape} {place:?}");
                    covered[row].iter_mut().for_each(|count| *count += 1);
                });
            }
            assert!(covered.iter().all(|&count| count > 0), "{shape}, {patch}, {stride}");
        }
    }
}
