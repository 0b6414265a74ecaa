//! A histogram as a spectrum of percentiles: `.hgrm` files, in the format of HdrHistogram's own tools, and what is drawn of
//! them.

use crate::metrics::Histogram;
use std::io::{self, Write};

/// Steps for each halving of the distance to 100 %, as HdrHistogram's own tools have it by default.
const TICKS_PER_HALF: u32 = 5;

/// The percentiles of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectrum {
    /// The steps, ascending; the last has quantile 1. Empty if nothing was recorded.
    pub steps: Vec<Step>,
    /// How many values were recorded.
    pub count: u64,
    /// Their mean, in seconds.
    pub mean_s: f64,
    /// Their standard deviation, in seconds.
    pub stdev_s: f64,
}

/// So many values are no larger than this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// In seconds.
    pub value_s: f64,
    /// Which share of all values is no larger, from 0 to 1.
    pub quantile: f64,
    /// How many values that is.
    pub count: u64,
}

impl Spectrum {
    /// Of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram) -> Self {
        let Some(hdr) = histogram.as_hdr().filter(|it| !it.is_empty()) else { return Self::default() };
        let mut until = 0;
        let steps = hdr.iter_quantiles(TICKS_PER_HALF).map(|it| {
            until += it.count_since_last_iteration();
            let value_s = it.value_iterated_to().min(hdr.max()) as f64 / 1e9;
            Step { value_s, quantile: it.quantile_iterated_to(), count: until }
        });
        Self {
            steps: steps.collect(),
            count: hdr.len(),
            mean_s: hdr.mean() / 1e9,
            stdev_s: hdr.stdev() / 1e9,
        }
    }

    /// Writes it as HdrHistogram's `outputPercentileDistribution` does, values in milliseconds.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        for Step { value_s, quantile, count } in &self.steps {
            write!(out, "{:>12.6} {quantile:>14.12} {count:>10}", value_s * 1e3)?;
            match *quantile < 1.0 {
                true => writeln!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?,
                false => writeln!(out)?,
            }
        }
        let max = self.steps.last().map_or(0.0, |step| step.value_s);
        writeln!(
            out,
            "#[Mean    = {:>12.6}, StdDeviation   = {:>12.6}]",
            self.mean_s * 1e3,
            self.stdev_s * 1e3
        )?;
        writeln!(out, "#[Max     = {:>12.6}, Total count    = {:>12}]", max * 1e3, self.count)?;
        writeln!(out, "#[Buckets = {BUCKETS:>12}, SubBuckets     = {SUB_BUCKETS:>12}]")
    }

    /// Reads what [`Spectrum::write`] has written.
    ///
    /// # Errors
    /// The number of the line that is none of such a file, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let fault = || format!("line {number} is none of a percentile distribution: {line:?}");
            if let Some(footer) = line.strip_prefix("#[") {
                for pair in footer.trim_end_matches(']').split(',') {
                    let (name, value) = pair.split_once('=').ok_or_else(fault)?;
                    let value: f64 = value.trim().parse().map_err(|_| fault())?;
                    match name.trim() {
                        "Mean" => found.mean_s = value / 1e3,
                        "StdDeviation" => found.stdev_s = value / 1e3,
                        "Total count" => found.count = value as u64,
                        _ => {}
                    }
                }
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] | ["Value", ..] => {}
                [value, quantile, count, ..] => {
                    let number = |word: &str| word.parse::<f64>().map_err(|_| fault());
                    let count = count.parse().map_err(|_| fault())?;
                    let (value_s, quantile) = (number(value)? / 1e3, number(quantile)?);
                    if !value_s.is_finite() || !(0.0..=1.0).contains(&quantile) {
                        return Err(fault());
                    }
                    found.steps.push(Step { value_s, quantile, count });
                }
                _ => return Err(fault()),
            }
        }
        Ok(found)
    }
}

/// The size of a histogram of all values that can be recorded: ranges of values, each twice as wide as the one before, and
/// steps in each. How large it was while it was recorded is the affair of who recorded it.
const BUCKETS: u32 = 37;
/// With 3 significant digits.
const SUB_BUCKETS: u32 = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MAX_NANOS;

    fn recorded() -> Histogram {
        let mut histogram = Histogram::default();
        (1..=10_000u64).for_each(|i| histogram.record(i * i * 10, 1 + i % 3));
        histogram
    }

    #[test]
    fn the_size_is_that_of_a_histogram_of_all_values() {
        let all = hdrhistogram::Histogram::<u64>::new_with_bounds(1, MAX_NANOS, 3).unwrap();
        assert_eq!(u32::from(all.buckets()), BUCKETS);
    }

    #[test]
    fn the_steps_lead_from_the_least_to_the_largest_value() {
        let histogram = recorded();
        let spectrum = Spectrum::of(&histogram);
        assert!(spectrum.steps.windows(2).all(|pair| pair[0].value_s <= pair[1].value_s));
        assert!(spectrum.steps.windows(2).all(|pair| pair[0].quantile <= pair[1].quantile));
        let (last, summary) = (spectrum.steps.last().unwrap(), histogram.summary(1e9));
        assert_eq!((last.quantile, last.count), (1.0, histogram.count()));
        assert!((last.value_s - summary.max).abs() < 1e-3 * summary.max);
        let median = spectrum.steps.iter().find(|it| it.quantile >= 0.5).unwrap();
        assert!((median.value_s - summary.p50).abs() < 2e-3 * summary.p50);
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let spectrum = Spectrum::of(&recorded());
        let mut text = Vec::new();
        spectrum.write(&mut text).unwrap();
        let back = Spectrum::parse(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!((back.steps.len(), back.count), (spectrum.steps.len(), spectrum.count));
        for (one, other) in back.steps.iter().zip(&spectrum.steps) {
            assert_eq!(one.count, other.count);
            assert!((one.value_s - other.value_s).abs() <= 1e-9, "{one:?} {other:?}");
        }
        let mut again = Vec::new();
        back.write(&mut again).unwrap();
        assert_eq!(again, text);
    }

    #[test]
    fn nothing_recorded_is_an_empty_spectrum_and_something_else_an_error() {
        assert_eq!(Spectrum::of(&Histogram::default()), Spectrum::default());
        let mut text = Vec::new();
        Spectrum::default().write(&mut text).unwrap();
        assert_eq!(Spectrum::parse(std::str::from_utf8(&text).unwrap()).unwrap(), Spectrum::default());
        assert!(Spectrum::parse("Value Percentile\n\n 1.0 0.5\n").unwrap_err().contains("line 3"));
        assert!(Spectrum::parse("NaN 0.5 3").is_err() && Spectrum::parse("1.0 1.5 3").is_err());
        assert!(Spectrum::parse("<html>").unwrap_err().contains("line 1"));
    }
}
