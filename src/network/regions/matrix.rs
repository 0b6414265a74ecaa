//! A matrix of delays between regions, read from CSV.
//!
//! A file is data of unknown origin: its size is bounded, and every complaint names the line.

use super::WITHIN;
use crate::network::error::NetworkError;
use crate::network::file;
use std::path::Path;
use std::time::Duration;

/// The largest file that is read, which is enough for the most regions that there may be.
const MAX_FILE: u64 = 64 << 20;
const MAX_REGIONS: usize = 2_000;

/// An hour; more is a slip of the keyboard.
const MAX_MS: f64 = 3_600_000.0;

/// One-way delays from regions to regions.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::network) struct Matrix {
    names: Vec<String>,
    /// Row by row: a row is of one region that sends.
    delays: Box<[Duration]>,
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    line: u64,
    message: String,
}

impl Matrix {
    /// The names of the regions.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The delay from one region to another, by number.
    pub(super) fn delay(&self, from: usize, to: usize) -> Duration {
        self.delays[from * self.names.len() + to]
    }
}

/// Reads a file.
///
/// # Errors
/// One that cannot be read, or is no such matrix.
pub(super) fn read(path: &Path, round_trip: bool) -> Result<Matrix, NetworkError> {
    let text = file::read("latency.file", path, MAX_FILE)?;
    parse(&text, round_trip).map_err(|Problem { line, message }| {
        NetworkError::new(
            "latency.file",
            format!("is no matrix of delays: {}, line {line}: {message}", path.display()),
        )
    })
}

/// Reads the text of one.
pub(super) fn parse(text: &str, round_trip: bool) -> Result<Matrix, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let malformed = |error: csv::Error| Problem {
        line: error.position().map_or(1, csv::Position::line),
        message: error.to_string(),
    };
    let names: Vec<String> = reader.headers().map_err(malformed)?.iter().skip(1).map(str::to_owned).collect();
    let regions = names.len();
    let problem = |line, message: String| Problem { line, message };
    if !(1..=MAX_REGIONS).contains(&regions) {
        let message =
            format!("there are {regions} regions in the first row; there must be 1 to {MAX_REGIONS}");
        return Err(problem(1, message));
    }
    if let Some(i) = (0..regions).find(|&i| names[i].is_empty() || names[..i].contains(&names[i])) {
        let what = if names[i].is_empty() { "a region has no name".to_owned() } else { twice(&names[i]) };
        return Err(problem(1, what));
    }
    let mut cells: Vec<Option<f64>> = vec![None; regions * regions];
    let mut seen = vec![false; regions];
    for row in reader.records() {
        let row = row.map_err(malformed)?;
        let line = row.position().map_or(1, csv::Position::line);
        let name = row.get(0).unwrap_or_default();
        let Some(from) = names.iter().position(|it| it == name) else {
            return Err(problem(line, format!("`{name}` is not among the regions of the first row")));
        };
        if std::mem::replace(&mut seen[from], true) {
            return Err(problem(line, twice(name)));
        }
        if row.len() != regions + 1 {
            let message =
                format!("{} delays; there must be one for each of {regions} regions", row.len() - 1);
            return Err(problem(line, message));
        }
        for (to, text) in row.iter().skip(1).enumerate().filter(|(_, text)| !text.is_empty()) {
            let delay = text.parse::<f64>().ok().filter(|it| (0.0..=MAX_MS).contains(it));
            let Some(delay) = delay else {
                let message = format!(
                    "`{text}` is no delay to `{}`; it must be milliseconds, 0 to {MAX_MS}",
                    names[to]
                );
                return Err(problem(line, message));
            };
            cells[from * regions + to] = Some(delay);
        }
    }
    let last = text.lines().count() as u64;
    if let Some(missing) = seen.iter().position(|seen| !seen) {
        return Err(problem(last, format!("there is no row for `{}`", names[missing])));
    }
    let one_way = |ms: f64| {
        let ms = if round_trip { ms / 2.0 } else { ms };
        Duration::from_nanos((ms * 1e6).round() as u64)
    };
    let delay = |i: usize| {
        let (a, b) = (i / regions, i % regions);
        match (cells[i], cells[b * regions + a]) {
            // A direction that was not measured is taken to be like the other.
            (Some(delay), _) | (None, Some(delay)) => Ok(one_way(delay)),
            (None, None) if a == b => Ok(WITHIN),
            (None, None) => {
                Err(problem(last, format!("there is no delay between `{}` and `{}`", names[a], names[b])))
            }
        }
    };
    let delays = (0..regions * regions).map(delay).collect::<Result<_, _>>()?;
    Ok(Matrix { names, delays })
}

fn twice(name: &str) -> String {
    format!("the region `{name}` is there twice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_direction_has_its_own_delay_and_one_is_enough() {
        let matrix = parse("from, A, B, C\nB, 12, 3, \nA, 2, 10, \n C ,5.5,6,\n", false).unwrap();
        let ms = |a, b| matrix.delay(a, b).as_secs_f64() * 1e3;
        assert_eq!(matrix.names(), ["A", "B", "C"]);
        assert_eq!([ms(0, 0), ms(0, 1), ms(1, 0), ms(1, 1)], [2.0, 10.0, 12.0, 3.0]);
        assert_eq!([ms(0, 2), ms(2, 0), ms(1, 2), ms(2, 1), ms(2, 2)], [5.5, 5.5, 6.0, 6.0, 1.0]);
        let halved = parse("from,A,B\nA,4,13\nB,11,\n", true).unwrap();
        assert_eq!(halved.delay(0, 0), Duration::from_millis(2));
        assert_eq!(halved.delay(0, 1), Duration::from_micros(6_500));
        assert_eq!(halved.delay(1, 0), Duration::from_micros(5_500));
        assert_eq!(halved.delay(1, 1), WITHIN, "which is one way already");
    }

    #[test]
    fn what_is_no_matrix_is_told_with_its_line() {
        for (text, line, said) in [
            ("", 1, "there are 0 regions"),
            ("from,A,A\nA,1,1\n", 1, "`A` is there twice"),
            ("from,A,\nA,1,1\n", 1, "has no name"),
            ("from,A,B\nA,1,2\nC,1,2\n", 3, "`C` is not among"),
            ("from,A,B\nA,1,2\nA,1,2\n", 3, "`A` is there twice"),
            ("from,A,B\nA,1\nB,1,2\n", 2, "1 delays; there must be one for each of 2"),
            ("from,A,B\nA,1,fast\nB,1,2\n", 2, "`fast` is no delay to `B`"),
            ("from,A,B\nA,1,2\nB,-1,2\n", 3, "`-1` is no delay to `A`"),
            ("from,A,B\nA,1,inf\nB,1,2\n", 2, "`inf` is no delay"),
            ("from,A,B\nA,1,2\n", 2, "no row for `B`"),
            ("from,A,B\nA,1,\nB,,2\n", 3, "no delay between `A` and `B`"),
        ] {
            let problem = parse(text, false).unwrap_err();
            assert!(problem.line == line && problem.message.contains(said), "{text:?}: {problem:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_has_a_delay_for_all_and_no_text_is_too_strange(
            text in "from(,[ABC]){0,3}(\n[ABC](,[0-9.e-]{0,3}){0,3}){0,4}", round_trip: bool
        ) {
            if let Ok(matrix) = parse(&text, round_trip) {
                let regions = matrix.names().len();
                for (a, b) in (0..regions).flat_map(|a| (0..regions).map(move |b| (a, b))) {
                    prop_assert!(matrix.delay(a, b) <= Duration::from_secs(3_600));
                }
            }
            let _ = parse(&text[text.len() / 2..], round_trip);
        }
    }
}
