//! Augmentation for photographs: turns, zooms, shears, and changes of brightness, contrast and colour.
//!
//! The changes are drawn by position, like all augmentation, and applied by [`Warp`] and
//! [`Colour`], which use no random numbers. Both are tested against torchvision
//! (`golden/make_augment.py`).

mod colour;
mod warp;

use modiste_spec::Shape;
use modiste_spec::random::{Purpose, Stream};

pub use self::colour::Colour;
pub use self::warp::Warp;
use crate::Augmentation;

/// First item of the random numbers, distinct from those of shifts, squares and mixtures.
const WARP: u32 = 16;
const COLOUR: u32 = 17;

/// The augmentation of photographs in one epoch, with a buffer.
pub(crate) struct Photographs {
    settings: Augmentation,
    warp: Stream,
    colour: Stream,
    source: Vec<u8>,
}

impl Photographs {
    /// `None` if `settings` ask for none of these changes.
    pub(crate) fn new(settings: &Augmentation, seed: u64, epoch: u64) -> Option<Self> {
        let stream = |item| Stream::new(seed, Purpose::Augment, item, epoch);
        (settings.warps() || settings.colours()).then(|| Self {
            settings: *settings,
            warp: stream(WARP),
            colour: stream(COLOUR),
            source: Vec::new(),
        })
    }

    /// Changes the image (h, w, c) at `index` of the data.
    pub(crate) fn apply(&mut self, image: &mut [u8], shape: Shape, index: u32) {
        let settings = &self.settings;
        if settings.warps() {
            let [turn, zoom, shear, _] = self.warp.block(index).map(either_way);
            let warp = Warp {
                turn: settings.turn * turn,
                zoom: (1.0 + settings.zoom).powf(zoom),
                shear: settings.shear * shear,
                edge: settings.shift_edge,
            };
            self.source.clear();
            self.source.extend_from_slice(image);
            warp.apply(&self.source, image, shape);
        }
        if settings.colours() {
            let [brightness, contrast, colour, _] = self.colour.block(index).map(either_way);
            Colour {
                brightness: 1.0 + settings.brightness * brightness,
                contrast: 1.0 + settings.contrast * contrast,
                saturation: 1.0 + settings.colour * colour,
            }
            .apply(image, shape.channels);
        }
    }
}

/// A number in [-1, 1) from 32 random bits.
fn either_way(bits: u32) -> f64 {
    f64::from(bits) / 2_147_483_648.0 - 1.0
}
