//! Prepares pictures for a network: photographs of any size, on any background.
//!
//! The [`Preparation`] is chosen when training starts and stored with the model. A picture of the
//! network's own size is used as it is. Any other one is turned upright, put on a background if it
//! is transparent, and fitted; the rest of the image gets the border's colour. For models of
//! Fashion-MNIST, pictures are prepared like the images of that set (Xiao, Rasul, Vollgraf 2017,
//! figure 1): the object is bright on black, trimmed, its longer edge as long as the image, and
//! centred. Whether the picture must be inverted is inferred from the border, at any size.

mod background;
mod fit;
mod plane;
mod preparation;

use background::{Border, Span, content};
pub use fit::Fit;
use fit::fit;
use modiste_spec::Shape;
use plane::Plane;
pub use preparation::{Preparation, TransparencyFill};

pub use crate::picture::{Limits, size};

use crate::DataError;
use crate::picture::Decoded;
use crate::variants::named;

/// Pictures with fewer rows or columns are refused, unless they have the network's own size.
const MIN_SIDE: usize = 8;

/// Background of a picture, for networks trained on bright objects on black.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// Inferred from the border of the picture; a picture of the network's own size is not trimmed.
    /// For models of other data than Fashion-MNIST, the same as `Keep`.
    #[default]
    Auto,
    /// Bright: the picture is inverted.
    Bright,
    /// Dark: the picture is not inverted.
    Dark,
    /// Pictures are neither inverted nor trimmed. Always used for networks that take colours.
    Keep,
}

named!(Background, "a background: auto, bright, dark or keep":
    Auto "auto", Bright "bright", Dark "dark", Keep "keep");

/// A picture prepared for a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Pixels (h, w, c) of the network's shape.
    pub pixels: Vec<u8>,
    /// The steps taken, as in `600 x 800 photograph, bright background inverted, cropped to 480 x 300`
    /// (rows x columns); empty if the picture was used as it is.
    pub note: String,
    /// Whether the picture was inverted.
    pub inverted: bool,
}

/// Prepares the picture file `bytes` for a network of input `shape` trained on garments on black, see
/// [`Preparation::picture`].
///
/// # Errors
/// As [`Preparation::picture`].
pub fn prepare(
    bytes: &[u8],
    name: &str,
    shape: Shape,
    background: Background,
    limits: &Limits,
) -> Result<Prepared, DataError> {
    let garments = Preparation { garments: true, ..Preparation::of(shape) };
    garments.picture(bytes, name, background, limits)
}

fn convert(
    picture: &Decoded,
    preparation: &Preparation,
    background: Background,
) -> Result<Prepared, String> {
    let Preparation { shape, fit: how, ground, .. } = *preparation;
    let coloured = shape.channels == 3;
    let (plane, backed) = Plane::of(picture, coloured, ground, background == Background::Dark);
    let own_size = (plane.height, plane.width) == (shape.height, shape.width);
    if plane.height.min(plane.width) < MIN_SIDE && !own_size {
        let (h, w) = (plane.height, plane.width);
        return Err(format!("is {h} x {w} pixels, too small to show anything"));
    }
    let mut steps = Steps::new(&plane, own_size);
    steps.and(backed);
    if own_size {
        return Ok(take_as_it_is(plane, background, steps));
    }
    if coloured || background == Background::Keep {
        let border = Border::of(&plane);
        let whole = Span::whole(&plane);
        let pixels = fit(&plane, whole, shape, how, &border.colour);
        return Ok(Prepared { pixels, note: steps.text, inverted: false });
    }
    on_black(plane, shape, background, steps)
}

/// Uses a picture of the network's own size as it is, inverted if requested or if its border is bright.
fn take_as_it_is(mut plane: Plane, background: Background, mut steps: Steps) -> Prepared {
    let grey = plane.channels == 1;
    let inverted = grey
        && match background {
            Background::Auto => Border::of(&plane).is_bright(),
            Background::Bright => true,
            Background::Dark | Background::Keep => false,
        };
    if inverted {
        plane.invert();
        steps.and("bright background inverted");
    }
    Prepared { pixels: plane.pixels, note: steps.text, inverted }
}

/// Makes the object of a grey picture bright on black, trimmed and centred.
fn on_black(
    mut plane: Plane,
    shape: Shape,
    background: Background,
    mut steps: Steps,
) -> Result<Prepared, String> {
    let mut border = Border::of(&plane);
    let inverted = match background {
        Background::Bright => true,
        Background::Dark => false,
        Background::Auto | Background::Keep => border.is_bright(),
    };
    if inverted {
        plane.invert();
        border.invert();
    }
    steps.and(if inverted { "bright background inverted" } else { "dark background" });
    if !border.is_even() {
        steps.and("background uneven");
    }
    let span = content(&plane, &border).ok_or("shows nothing that differs from its background")?;
    if span != Span::whole(&plane) {
        let Span { height, width, .. } = span;
        steps.and(&format!("cropped to {height} x {width}"));
    }
    plane.darken(border.colour[0]);
    let pixels = fit(&plane, span, shape, Fit::Pad, &[0]);
    Ok(Prepared { pixels, note: steps.text, inverted })
}

/// Collects the steps taken.
struct Steps {
    text: String,
}

impl Steps {
    fn new(plane: &Plane, own_size: bool) -> Self {
        let text = if own_size {
            String::new()
        } else {
            format!("{} x {} photograph", plane.height, plane.width)
        };
        Self { text }
    }

    fn and(&mut self, what: &str) {
        if !self.text.is_empty() && !what.is_empty() {
            self.text.push_str(", ");
        }
        self.text.push_str(what);
    }
}
