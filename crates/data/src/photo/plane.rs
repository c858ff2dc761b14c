//! A picture's pixels without transparency, with the channels that the network takes.

use super::preparation::TransparencyFill;
use crate::picture::Decoded;

/// Pixels (h, w, c).
pub(super) struct Plane {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    pub pixels: Vec<u8>,
}

/// The visible part of a transparent picture counts as white from this mean brightness on; it would be
/// invisible on white.
const WHITE: u64 = 224;

impl Plane {
    /// The pixels of `picture`, `coloured` or grey, and a note about transparent ones. They are put
    /// on the `ground`: with `Auto`, on white like photographs of goods, or on black if the
    /// background is `dark` or the visible part is white.
    pub fn of(
        picture: &Decoded,
        coloured: bool,
        ground: TransparencyFill,
        dark: bool,
    ) -> (Self, &'static str) {
        let black = match ground {
            TransparencyFill::Auto => picture.alpha && (dark || visible_mean(picture) >= WHITE),
            TransparencyFill::White => false,
            TransparencyFill::Black => true,
        };
        let (behind, said) = match (picture.alpha, black) {
            (false, _) => (u8::MAX, ""),
            (true, true) => (0, "transparency on black"),
            (true, false) => (u8::MAX, "transparency on white"),
        };
        let channels = if coloured { 3 } else { 1 };
        let (height, width) = (picture.height, picture.width);
        let mut pixels = Vec::with_capacity(height * width * channels);
        let step = picture.channels + usize::from(picture.alpha);
        for pixel in picture.pixels.chunks_exact(step) {
            push(picture, pixel, behind, coloured, &mut pixels);
        }
        (Self { height, width, channels, pixels }, said)
    }

    /// Inverts all values.
    pub fn invert(&mut self) {
        self.pixels.iter_mut().for_each(|value| *value = u8::MAX - *value);
    }

    /// Stretches the values so that `black` and everything below become 0 and 255 stays.
    pub fn darken(&mut self, black: u8) {
        let span = f32::from(u8::MAX - black).max(1.0);
        let stretched = |value: u8| (f32::from(value.saturating_sub(black)) * 255.0 / span).round();
        let table: Vec<u8> = (0..=u8::MAX).map(|value| stretched(value) as u8).collect();
        self.pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
    }
}

/// Appends one pixel, blended with the background value `behind`.
fn push(picture: &Decoded, pixel: &[u8], behind: u8, coloured: bool, out: &mut Vec<u8>) {
    let opacity = if picture.alpha { pixel[picture.channels] } else { u8::MAX };
    let over = |value: u8| match opacity {
        u8::MAX => value,
        _ => {
            let (opacity, whole) = (u32::from(opacity), u32::from(u8::MAX));
            let sum = u32::from(value) * opacity + u32::from(behind) * (whole - opacity);
            ((sum + whole / 2) / whole) as u8
        }
    };
    match (picture.channels, coloured) {
        (1, false) => out.push(over(pixel[0])),
        (1, true) => out.extend([over(pixel[0]); 3]),
        (_, true) => out.extend([pixel[0], pixel[1], pixel[2]].map(over)),
        (_, false) => out.push(over(brightness(pixel))),
    }
}

/// The luma of ITU-R BT.601, with the integer weights of Pillow's `convert("L")`.
fn brightness(pixel: &[u8]) -> u8 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((19_595 * r + 38_470 * g + 7_471 * b + 0x8000) >> 16) as u8
}

/// Mean brightness of a transparent picture, each pixel weighted by its opacity; 0 if nothing is
/// visible.
fn visible_mean(picture: &Decoded) -> u64 {
    let (mut sum, mut weight) = (0, 0);
    for pixel in picture.pixels.chunks_exact(picture.channels + 1) {
        let opacity = u64::from(pixel[picture.channels]);
        let value = if picture.channels == 1 { pixel[0] } else { brightness(pixel) };
        sum += u64::from(value) * opacity;
        weight += opacity;
    }
    sum.checked_div(weight).unwrap_or(0)
}
