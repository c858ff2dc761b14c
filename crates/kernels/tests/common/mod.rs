//! Helpers of the kernel tests: instruction sets, test numbers, maps guarded by NaN, comparisons.

// Every test file compiles this module and uses only a part of it.
#![allow(dead_code)]

use modiste_kernels::isa::Isa;
use modiste_kernels::view::{Activation, Map, MapMut};
use modiste_spec::random::{Purpose, Stream};

/// A signalling NaN: any arithmetic on it makes it quiet, so even `guard += x` changes its bits.
const GUARD: u32 = 0x7FA0_5AFE;
/// Number of guard values before and after a map; odd, so that registers are loaded unaligned.
const MARGIN: usize = 37;

/// Prints and returns the instruction sets of this host; fails if avx2 is missing on an x86-64 host.
pub fn instruction_sets() -> Vec<Isa> {
    let sets = Isa::available();
    let names: Vec<_> = sets.iter().map(|isa| isa.name()).collect();
    println!("instruction sets: {names:?}");
    assert!(names.contains(&"portable"));
    // Interpreters such as Miri run only the portable code.
    if cfg!(all(target_arch = "x86_64", not(miri))) {
        assert!(names.contains(&"avx2"), "this host cannot test avx2, only {names:?}");
    }
    sets
}

/// `n` numbers in [-1, 1), the same for the same `seed`.
pub fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let stream = Stream::new(0x6b65_726e, Purpose::Initialisation, seed, 0);
    (0..n as u64).map(|i| (2.0 * stream.unit(i) - 1.0) as f32).collect()
}

/// `n` whole numbers in -`most` ..= `most`, whose short sums are exact.
pub fn whole_numbers(n: usize, most: u32, seed: u32) -> Vec<f32> {
    let stream = Stream::new(0x6b65_726e, Purpose::Initialisation, seed, 1);
    (0..n as u64).map(|i| stream.below(i, 2 * most + 1) as f32 - most as f32).collect()
}

/// The same numbers in f64.
pub fn exact(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// A map (height, width, channels) within a buffer that is NaN everywhere else.
#[derive(Clone)]
pub struct Guarded {
    buffer: Vec<f32>,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub stride: usize,
}

impl Guarded {
    /// A map of NaN, which the kernel must overwrite.
    pub fn empty(height: usize, width: usize, channels: usize, stride: usize) -> Self {
        let len = (height * width - 1) * stride + channels;
        let buffer = vec![f32::from_bits(GUARD); len + 2 * MARGIN];
        Self { buffer, height, width, channels, stride }
    }

    /// A map with these values, (height, width, channels).
    pub fn of(
        (height, width, channels, stride): (usize, usize, usize, usize),
        values: &[f32],
    ) -> Self {
        assert_eq!(values.len(), height * width * channels);
        let mut map = Self::empty(height, width, channels, stride);
        for (pixel, from) in values.chunks_exact(channels).enumerate() {
            map.buffer[MARGIN + pixel * stride..][..channels].copy_from_slice(from);
        }
        map
    }

    /// A map of `numbers`.
    pub fn random(
        (height, width, channels, stride): (usize, usize, usize, usize),
        seed: u32,
    ) -> Self {
        Self::of((height, width, channels, stride), &numbers(height * width * channels, seed))
    }

    /// An array of NaN.
    pub fn empty_array(len: usize) -> Self {
        Self::empty(1, 1, len, len)
    }

    /// An array with these values.
    pub fn array(values: &[f32]) -> Self {
        Self::of((1, 1, values.len(), values.len()), values)
    }

    fn range(&self) -> std::ops::Range<usize> {
        MARGIN..self.buffer.len() - MARGIN
    }

    /// The slice from the first value of the map to the last, including the gaps between pixels.
    pub fn slice(&self) -> &[f32] {
        &self.buffer[self.range()]
    }

    pub fn slice_mut(&mut self) -> &mut [f32] {
        let range = self.range();
        &mut self.buffer[range]
    }

    pub fn map(&self) -> Map<'_> {
        let Self { height, width, channels, stride, .. } = *self;
        Map { values: self.slice(), height, width, channels, stride }
    }

    pub fn map_mut(&mut self) -> MapMut<'_> {
        let Self { height, width, channels, stride, .. } = *self;
        MapMut { values: self.slice_mut(), height, width, channels, stride }
    }

    /// The map's values, (height, width, channels).
    pub fn dense(&self) -> Vec<f32> {
        self.slice()
            .chunks(self.stride)
            .flat_map(|pixel| &pixel[..self.channels])
            .copied()
            .collect()
    }

    /// The values that a kernel wrote; fails if it also wrote between or around them.
    #[track_caller]
    pub fn written(&self) -> Vec<f32> {
        for (at, value) in self.buffer.iter().enumerate() {
            let own = self.range().contains(&at) && (at - MARGIN) % self.stride < self.channels;
            assert!(own || value.to_bits() == GUARD, "wrote {value} outside the map, at {at}");
        }
        self.dense()
    }
}

/// Scale, shift and lower bound of each channel; every third channel has no ReLU.
pub struct Floors {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub floor: Vec<f32>,
}

impl Floors {
    pub fn random(channels: usize, seed: u32) -> Self {
        let floor = |c| if c % 3 == 2 { f32::NEG_INFINITY } else { 0.0 };
        Self {
            scale: numbers(channels, seed),
            shift: numbers(channels, seed + 1),
            floor: (0..channels).map(floor).collect(),
        }
    }

    pub fn activation(&self) -> Activation<'_> {
        Activation { scale: &self.scale, shift: &self.shift, floor: &self.floor }
    }

    /// `x * scale + shift` of channel `c`.
    pub fn line(&self, x: f64, c: usize) -> f64 {
        x * f64::from(self.scale[c]) + f64::from(self.shift[c])
    }

    /// `max(x * scale + shift, floor)` of values (pixels, channels).
    pub fn reference_activate(&self, x: &[f32]) -> Vec<f64> {
        let channels = self.scale.len();
        let of = |(i, &x): (usize, &f32)| {
            self.line(f64::from(x), i % channels).max(f64::from(self.floor[i % channels]))
        };
        x.iter().enumerate().map(of).collect()
    }
}

/// Largest difference, relative to the largest expected value (or to 1e-30).
pub fn error(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(1e-30, |most: f64, w| most.max(w.abs()));
    let difference = |(g, w): (&f32, &f64)| {
        let d = (f64::from(*g) - w).abs();
        if d.is_nan() { f64::INFINITY } else { d }
    };
    got.iter().zip(want).map(difference).fold(0.0, f64::max) / largest
}

/// Fails unless all values agree to `tolerance` of the largest.
#[track_caller]
pub fn check_close(what: &str, got: &[f32], want: &[f64], tolerance: f64) {
    let error = error(got, want);
    assert!(error <= tolerance, "{what}: error {error:.2e} is above {tolerance:.1e}");
}

/// Fails unless all values have the same bits.
#[track_caller]
pub fn check_bits(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(g.to_bits() == w.to_bits(), "{what}: value {i} is {g:e}, not {w:e}");
    }
}
