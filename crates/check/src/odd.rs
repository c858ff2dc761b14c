//! Pictures without or with hardly any content.

/// A kind of picture that is useless for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Every value is 0 or nearly 0.
    Black,
    /// Every pixel has the same or nearly the same colour.
    Constant,
    /// All but a hundredth of the values are dark.
    Dark,
    /// All but a hundredth of the values are bright.
    Bright,
}

/// Largest spread of values at which nothing can be seen.
const NOTHING: u8 = 4;
/// The brightest of a dark picture: a sixteenth of the range.
const DARK: u8 = 16;
/// The darkest of a bright picture.
const BRIGHT: u8 = 255 - DARK;

/// What is odd about an image (h, w, `channels`), if anything. An image of a single pixel is a flat
/// image, whose channels are the pixels of a picture.
pub fn oddity(image: &[u8], channels: usize) -> Option<Oddity> {
    let channels = if image.len() == channels { 1 } else { channels };
    let brightest = *image.iter().max()?;
    if brightest <= NOTHING {
        return Some(Oddity::Black);
    }
    if (0..channels).all(|channel| spread(image, channel, channels) <= NOTHING) {
        return Some(Oddity::Constant);
    }
    // A single bright pixel does not make a dark picture usable.
    let few = image.len() / 100;
    match () {
        () if image.iter().filter(|&&value| value > DARK).count() <= few => Some(Oddity::Dark),
        () if image.iter().filter(|&&value| value < BRIGHT).count() <= few => Some(Oddity::Bright),
        () => None,
    }
}

/// The largest minus the smallest value of a channel.
fn spread(image: &[u8], channel: usize, channels: usize) -> u8 {
    let values = || image.iter().skip(channel).step_by(channels);
    values().max().zip(values().min()).map_or(0, |(high, low)| high - low)
}

impl Oddity {
    /// Whether nothing can be seen at all.
    pub fn empty(self) -> bool {
        matches!(self, Self::Black | Self::Constant)
    }
}

impl std::fmt::Display for Oddity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Black => "black",
            Self::Constant => "one colour",
            Self::Dark => "very dark",
            Self::Bright => "very bright",
        })
    }
}
