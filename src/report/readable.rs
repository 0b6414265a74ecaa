//! Figures as a person reads them: three digits and a unit.

pub use indicatif::HumanCount as Count;

const TIMES: [(f64, f64, &str); 6] = [
    (1e-6, 1e-9, "ns"),
    (1e-3, 1e-6, "us"),
    (1.0, 1e-3, "ms"),
    (600.0, 1.0, "s"),
    (36_000.0, 60.0, "min"),
    (f64::INFINITY, 3_600.0, "h"),
];

/// Seconds as `830 ns`, `12.3 us`, `4.56 ms`, `62.1 s`, `12.5 min` or `10.2 h`; `-` for what is not a number.
pub fn time(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "-".to_owned();
    }
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    // Rounded to the three digits that are shown first, so that 999.96 us is 1.00 ms and not 1000 us.
    let size = rounded(seconds.abs());
    let (_, unit, name) = TIMES.into_iter().find(|(below, ..)| size < *below).unwrap_or((0.0, 1.0, "s"));
    format!("{} {name}", digits(seconds / unit))
}

/// Bytes as `512 B`, `1.23 kB`, `45.6 MB` (powers of 1000); `-` for what is not a number.
pub fn bytes(bytes: f64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A large count or rate as `12.3`, `45.6 k`, `7.89 M`; `-` for what is not a number.
pub fn amount(value: f64) -> String {
    scaled(value, &["", "k", "M", "G", "T", "P"])
}

/// A number with three digits: `0.00123`, `1.23`, `45.6`, `789`; `-` for what is not one.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let size = rounded(value.abs());
    match size {
        0.0 => "0".to_owned(),
        1e15.. => format!("{value:.2e}"),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.001.. => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

fn scaled(value: f64, units: &[&str]) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let (mut rest, mut unit) = (value, 0);
    while rounded(rest.abs()) >= 1_000.0 && unit + 1 < units.len() {
        rest /= 1_000.0;
        unit += 1;
    }
    let number = if unit == 0 && rest.fract() == 0.0 { format!("{rest:.0}") } else { digits(rest) };
    format!("{number} {}", units[unit]).trim_end().to_owned()
}

/// To three significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (8.3e-7, "830 ns"),
            (12.345e-6, "12.3 us"),
            (999.96e-6, "1.00 ms"),
            (0.0999, "99.9 ms"),
            (62.13, "62.1 s"),
            (599.0, "599 s"),
            (754.0, "12.6 min"),
            (36_720.0, "10.2 h"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn sizes_and_amounts_are_scaled() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(999.0), "999 B");
        assert_eq!(bytes(999_999.0), "1.00 MB");
        assert_eq!(bytes(1_234.0), "1.23 kB");
        assert_eq!(amount(0.25), "0.250");
        assert_eq!(amount(12.0), "12");
        assert_eq!(amount(45_600.0), "45.6 k");
        assert_eq!(amount(f64::INFINITY), "-");
        assert_eq!(digits(0.000_012_3), "1.2e-5");
    }
}
