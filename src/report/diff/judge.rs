//! The verdict on each metric. On the virtual clock a difference is a fact, and the limit alone decides. What depends on the
//! machine is judged by several runs: a regression has to be beyond chance, and beyond the limit as well.

use super::limits::Limit;
use super::origin::{mean, median, origin};
use super::paired::{Paired, Worst};
use super::side::{Run, Side};
use super::{How, Judged, Row, ranks, shift};
use crate::metrics::result::Outcome;
use crate::metrics::{Interval, Sample};
use crate::report::figures::nature::{self, Better, Tolerance};
use serde_json::Value;
use statrs::stats_tests::Alternative;
use statrs::stats_tests::fishers_exact;

/// How often a regression may be told of two sides that measure the same thing: all metrics together. Half of the one in a
/// hundred that is promised, as this is what comes up in the long run, and some hundreds of comparisons may have more.
pub const ALPHA: f64 = 0.005;

/// How runs that are not exact are set against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Runs of the same place belong together: signed ranks.
    Pairs,
    /// Two sides: ranks.
    Sides,
}

/// Judges a figure that is the same in every run of a seed: by the mean of the differences within pairs. Which pair came out
/// worst is told beside it.
pub fn exact(path: &str, pairs: &[(&Run, &Run)], limit: Limit) -> Option<Row> {
    let better = nature::better(path)?;
    let value = |run: &Run| nature::value(&run.document, path).ok().flatten();
    let known: Vec<_> = pairs
        .iter()
        .map(|(baseline, current)| (value(baseline), value(current), current.seed()))
        .filter(|(was, is, _)| was.is_some() || is.is_some())
        .collect();
    let of_both: Vec<(f64, f64)> = known.iter().filter_map(|(was, is, _)| was.zip(*is)).collect();
    let paired = Paired::of(&of_both);
    let verdict = match paired {
        _ if known.is_empty() => return None,
        _ if known.iter().any(|(was, is, _)| was.is_some() && is.is_none()) => Judged::Gone,
        None => Judged::New,
        Some(_) if of_both.iter().all(|(was, is)| is_same(*was, *is)) => Judged::Same,
        Some(it) => {
            let by = worse_by(better, it.difference);
            match verdict(path, by, relative(by, it.baseline), it.baseline, limit) {
                // They differ, and by as much to one side as to the other.
                Judged::Same => Judged::Within,
                other => other,
            }
        }
    };
    let several = known.len() > 1;
    let part = |it: f64| paired.and_then(|paired| relative(it, paired.baseline));
    let interval = paired.and_then(|it| it.interval).filter(|_| several);
    let baseline: Vec<f64> = known.iter().filter_map(|it| it.0).collect();
    let current: Vec<f64> = known.iter().filter_map(|it| it.1).collect();
    let mut row = Row {
        baseline: sample(&baseline),
        current: sample(&current),
        change: paired.and_then(|it| part(it.difference)),
        interval: interval.and_then(|it| Some(Interval { low: part(it.low)?, high: part(it.high)? })),
        paired: paired.filter(|_| several),
        worst: worst(better, &known).filter(|_| several && verdict != Judged::Same),
        verdict,
        ..Row::empty(path, better, limit)
    };
    if verdict.is_change() {
        let (was, is): (Vec<&Value>, Vec<&Value>) =
            pairs.iter().map(|(baseline, current)| (&baseline.document, &current.document)).unzip();
        row.from = origin(path, &was, &is, mean);
    }
    Some(row)
}

/// The pair in which a figure came out worst, the first of those that are alike: what is no longer there is worst of all.
fn worst(better: Better, known: &[(Option<f64>, Option<f64>, u64)]) -> Option<Worst> {
    let of = |&(baseline, current, seed): &(Option<f64>, Option<f64>, u64)| {
        let by = baseline.zip(current).map(|(was, is)| is - was);
        let change = by.zip(baseline).and_then(|(by, was)| relative(by, was));
        let rank = match (baseline, current) {
            (Some(_), None) => f64::INFINITY,
            (None, _) => f64::NEG_INFINITY,
            // Nothing is a part of zero: what comes from there is counted in its own unit.
            _ => worse_by(better, change.or(by).unwrap_or_default()),
        };
        (Worst { seed, baseline, current, change }, rank)
    };
    known.iter().map(of).reduce(|worst, next| if next.1 > worst.1 { next } else { worst }).map(|(it, _)| it)
}

/// Whether two values are one but for what a mean over cells is off by when it is added up, and a number when it is read.
fn is_same(was: f64, is: f64) -> bool {
    (is - was).abs() <= was.abs() * 1e-12
}

/// Judges figures that differ from run to run, all together: the more there are, the surer one has to be of each.
pub fn by_chance(paths: &[&str], baseline: &Side, current: &Side, how: &How, test: Test) -> Vec<Row> {
    let mut tested: Vec<Tested> = Vec::new();
    for path in paths {
        let Some(better) = nature::better(path) else { continue };
        let limit = how.limits.of(path, test.usual_limit());
        let values = |side: &Side| -> Vec<Option<f64>> {
            side.runs.iter().map(|run| nature::value(&run.document, path).ok().flatten()).collect()
        };
        let (all_was, all_is) = (values(baseline), values(current));
        let known = |side: &[Option<f64>]| side.iter().any(Option::is_some);
        let known = (known(&all_was), known(&all_is));
        let (was, is): (Vec<f64>, Vec<f64>) = match test {
            Test::Pairs if known == (true, true) => {
                all_was.into_iter().zip(all_is).filter_map(|(was, is)| was.zip(is)).unzip()
            }
            _ => (all_was.into_iter().flatten().collect(), all_is.into_iter().flatten().collect()),
        };
        let row = Row { baseline: sample(&was), current: sample(&is), ..Row::empty(path, better, limit) };
        match known {
            (false, false) => {}
            // Nothing counts on one side, so nothing can be missing there.
            _ if baseline.runs.is_empty() || current.runs.is_empty() => {
                tested.push(Tested::untested(row, Judged::Undecided));
            }
            (true, false) => tested.push(Tested::untested(row, Judged::Gone)),
            (false, true) => tested.push(Tested::untested(row, Judged::New)),
            (true, true) => {
                let (chance, shift) = match test {
                    Test::Pairs => {
                        (ranks::signed_rank(&shift::differences(&was, &is)), shift::of_pairs(&was, &is))
                    }
                    Test::Sides => (ranks::mann_whitney(&was, &is), shift::of_sides(&was, &is)),
                };
                let Some(shift) = shift else { continue };
                let row =
                    Row { change: shift.change, interval: shift.interval, verdict: Judged::Within, ..row };
                let (worse, improved) = match better {
                    Better::Lower => (chance.larger, chance.smaller),
                    Better::Higher => (chance.smaller, chance.larger),
                };
                tested.push(Tested { row, worse, improved, by: worse_by(better, shift.by) });
            }
        }
    }
    decide(&mut tested, baseline, current, test);
    tested.into_iter().map(|it| it.row).collect()
}

/// A row, and what its test says.
struct Tested {
    row: Row,
    /// How likely it is to be so much worse by chance.
    worse: f64,
    /// How likely it is to be so much better by chance.
    improved: f64,
    /// By how much it is worse, in its unit.
    by: f64,
}

impl Tested {
    fn untested(row: Row, verdict: Judged) -> Self {
        Self { row: Row { verdict, ..row }, worse: 1.0, improved: 1.0, by: 0.0 }
    }
}

/// Gives their verdicts to all rows that were tested, which wait as [`Judged::Within`].
fn decide(tested: &mut [Tested], baseline: &Side, current: &Side, test: Test) {
    let of = |side: fn(&Tested) -> f64| {
        let judged: Vec<f64> =
            tested.iter().filter(|it| it.row.verdict == Judged::Within).map(side).collect();
        ranks::holm(&judged)
    };
    let (worse, improved) = (of(|it| it.worse), of(|it| it.improved));
    let enough = test.is_enough(baseline.runs.len(), current.runs.len(), worse.len());
    let [was, is] =
        [baseline, current].map(|side| side.runs.iter().map(|it| &it.document).collect::<Vec<_>>());
    let judged = tested.iter_mut().filter(|it| it.row.verdict == Judged::Within);
    for (Tested { row, by, .. }, (worse, improved)) in judged.zip(worse.into_iter().zip(improved)) {
        let (by, middle) = (*by, row.baseline.map_or(0.0, |it| it.median));
        row.p = Some(if by >= 0.0 { worse } else { improved });
        row.verdict =
            match verdict(&row.path, by, row.change.map(|it| worse_by(row.better, it)), middle, row.limit) {
                _ if !enough => Judged::Undecided,
                Judged::Worse if worse > ALPHA => Judged::Within,
                Judged::Better if improved > ALPHA || row.is_little(test) => Judged::Within,
                other => other,
            };
        if row.verdict.is_change() {
            row.from = origin(&row.path, &was, &is, median);
        }
    }
}

/// What a figure that is worse by so much comes to, where chance is no question.
fn verdict(path: &str, by: f64, relative: Option<f64>, baseline: f64, limit: Limit) -> Judged {
    let tolerated = match nature::tolerance(path) {
        Some(Tolerance::Absolute(most)) => by.abs() <= most,
        Some(Tolerance::Relative(most)) => by.abs() <= most * baseline.abs(),
        None => false,
    };
    match by {
        0.0 => Judged::Same,
        _ if tolerated => Judged::Within,
        _ if by < 0.0 => Judged::Better,
        _ if limit.is_passed(by, relative) => Judged::Worse,
        _ => Judged::Within,
    }
}

/// How ends of runs compare: an end that the baseline does not know is worse than any of its own; else, of sides of which
/// not all runs completed, more that did not are worse if that is beyond chance.
pub fn outcome(baseline: &Side, current: &Side) -> Judged {
    let bad = |side: &Side| (side.outcomes.stalled + side.outcomes.failed + side.outcomes.stopped) as u64;
    let good = |side: &Side| side.outcomes.completed as u64;
    let worst = |side: &Side| match side.outcomes {
        it if it.failed + it.stopped > 0 => Outcome::Failed as u8,
        it if it.stalled > 0 => Outcome::Stalled as u8,
        _ => Outcome::Completed as u8,
    };
    let table = |more: &Side, less: &Side| [bad(more), good(more), bad(less), good(less)];
    let beyond_chance =
        |table: [u64; 4]| fishers_exact(&table, Alternative::Greater).is_ok_and(|p| p <= ALPHA);
    match worst(current).cmp(&worst(baseline)) {
        std::cmp::Ordering::Greater => Judged::Worse,
        _ if beyond_chance(table(current, baseline)) => Judged::Worse,
        std::cmp::Ordering::Less => Judged::Better,
        _ if baseline.outcomes == current.outcomes => Judged::Same,
        _ => Judged::Within,
    }
}

impl Test {
    /// The limit of every figure that has none of its own. Runs by turns share what the machine does at the time; two sides
    /// were measured at different times, and a machine is rarely the same for hours.
    pub const fn usual_limit(self) -> f64 {
        match self {
            Self::Pairs => 0.02,
            Self::Sides => 0.10,
        }
    }

    /// Whether so many runs can tell anything: whether the clearest of all differences would count.
    pub fn is_enough(self, baseline: usize, current: usize, metrics: usize) -> bool {
        let least = match self {
            Self::Pairs => ranks::least_signed_rank(baseline.min(current)),
            Self::Sides => ranks::least_mann_whitney(baseline, current),
        };
        least * metrics.max(1) as f64 <= ALPHA
    }

    /// The fewest runs of each side that can.
    pub fn least_runs(self, metrics: usize) -> usize {
        (2..).find(|&runs| self.is_enough(runs, runs, metrics)).unwrap_or(usize::MAX)
    }
}

impl Row {
    /// Whether it is no more of an improvement than a regression of that size would be one.
    fn is_little(&self, test: Test) -> bool {
        let limit = match self.limit {
            Limit::Relative(limit) => limit,
            Limit::Absolute(_) | Limit::None => test.usual_limit(),
        };
        self.change.is_some_and(|it| it.abs() <= limit)
    }
}

/// What a change of so much is, counted so that more is worse.
fn worse_by(better: Better, change: f64) -> f64 {
    match better {
        Better::Lower => change,
        Better::Higher => -change,
    }
}

/// The values of a side, without an interval of their own: that of the change is what counts.
fn sample(values: &[f64]) -> Option<Sample> {
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    values.iter().for_each(|&it| (min, max) = (min.min(it), max.max(it)));
    Some(Sample { n: values.len(), median: shift::median(values)?, min, max, interval: None })
}

fn relative(change: f64, baseline: f64) -> Option<f64> {
    Some(change / baseline.abs()).filter(|it| it.is_finite())
}
