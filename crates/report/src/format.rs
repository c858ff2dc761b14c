//! Formatting of numbers for all kinds of reports.

/// Text for a missing number.
pub(crate) const NONE: &str = "-";

/// `value` with `digits` decimals, or a dash if it is not finite.
pub(crate) fn decimal(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { NONE.into() }
}

/// `value` with `digits` decimals, or a dash.
pub(crate) fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.into(), |value| decimal(value, digits))
}

/// An interval such as "0.893 to 0.929".
pub(crate) fn interval([low, high]: [f64; 2], digits: usize) -> String {
    format!("{} to {}", decimal(low, digits), decimal(high, digits))
}

/// 0.0123 as "1.2 %"; only 0 and 1 become 0 and 100 %.
pub(crate) fn percent(part: f64) -> String {
    match 100.0 * part {
        percent if part > 0.0 && percent < 0.05 => "< 0.1 %".into(),
        percent if part < 1.0 && percent >= 99.95 => "> 99.9 %".into(),
        percent => format!("{} %", decimal(percent, 1)),
    }
}

/// A learning rate with three significant digits, as "0.00125" or "1.25e-5".
pub(crate) fn significant(value: f64) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    if rounded == 0.0 || (1e-4..1e6).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// Number of decimals for a proportion of `images`: down to about a tenth of its standard error.
pub(crate) fn digits(images: u64) -> usize {
    if images < 5_000 { 3 } else { 4 }
}

/// Seconds as "8.4 s", "4 min 12 s" or "3 h 05 min".
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if !seconds.is_finite() => NONE.into(),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            [0.0, 1e-4, 0.0123, 0.9999, 1.0].map(percent)[..],
            ["0.0 %", "< 0.1 %", "1.2 %", "> 99.9 %", "100.0 %"]
        );
        let rates = [0.0, 0.001, 0.008, 0.000_123_45, 1.2345e-5, f64::NAN];
        assert_eq!(rates.map(significant), ["0", "0.001", "0.008", "0.000123", "1.23e-5", "-"]);
        let times = [0.44, 59.7, 61.0, 11_100.0, f64::NAN];
        assert_eq!(times.map(duration), ["0.4 s", "1 min 00 s", "1 min 01 s", "3 h 05 min", "-"]);
        assert_eq!(interval([0.12345, 1.0], 3), "0.123 to 1.000");
        assert_eq!(optional(None, 3), "-");
    }
}
