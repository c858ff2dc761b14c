//! Real factors represented by whole numbers and shifts.

/// A positive real number as factor / 2^shift, with 31 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The factor, at most 31 bits.
    pub factor: i32,
    /// The shift, at most 62.
    pub shift: u32,
}

impl Fixed {
    /// The number nearest to `real`.
    ///
    /// # Errors
    /// If it is too large or NaN.
    pub fn of(real: f64) -> Result<Self, String> {
        let shift = shift_for(real)?;
        Ok(Self { factor: whole(real, shift) as i32, shift })
    }

    /// `value` times the number, rounded.
    pub fn times(self, value: i64) -> i64 {
        rounded(value * i64::from(self.factor), self.shift)
    }
}

/// `value` / 2^`shift`, rounded to the nearest whole number, halves away from 0. Never shifts a negative
/// number, whose result C does not define.
pub fn rounded(value: i64, shift: u32) -> i64 {
    let half = if shift == 0 { 0 } else { 1 << (shift - 1) };
    if value < 0 { -((half - value) >> shift) } else { (value + half) >> shift }
}

/// The shift with which numbers up to `real` have at most 31 bits.
pub(super) fn shift_for(real: f64) -> Result<u32, String> {
    let size = real.abs();
    if size >= f64::from(1 << 30) || size.is_nan() {
        return Err(format!("a factor of {real:e} is too large for whole numbers"));
    }
    // size < 2^exponent
    let exponent = if size == 0.0 { 0 } else { size.log2().floor() as i32 + 1 };
    let shift = (30 - exponent).clamp(0, 62);
    Ok(shift as u32)
}

/// `real` * 2^`shift` as a whole number.
pub(super) fn whole(real: f64, shift: u32) -> i64 {
    (real * 2f64.powi(shift as i32)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let quarters = [-7, -6, -5, -2, -1, 0, 1, 2, 5, 6, 7].map(|value| rounded(value, 2));
        assert_eq!(quarters, [-2, -2, -1, -1, 0, 0, 0, 1, 1, 2, 2]);
        assert_eq!((rounded(-3, 0), rounded(3, 0)), (-3, 3));
    }

    #[test]
    fn factors_are_right_to_thirty_bits() {
        for real in [1.0, 0.75, 1.0 / 3.0, 123.456, 1e-6, 0.999_999_999, 1.0e9] {
            let fixed = Fixed::of(real).unwrap();
            let found = f64::from(fixed.factor) / 2f64.powi(fixed.shift as i32);
            assert!((found / real - 1.0).abs() < 1e-9, "{real}: {found}");
            assert!(fixed.shift <= 62);
        }
        assert_eq!(Fixed::of(0.0).unwrap().times(1000), 0);
        assert_eq!(Fixed::of(1e-30).unwrap().times(i64::from(i32::MAX)), 0);
        assert_eq!(Fixed::of(0.5).unwrap().times(-3), -2);
        assert!(Fixed::of(f64::NAN).is_err() && Fixed::of(1e10).is_err());
    }
}
