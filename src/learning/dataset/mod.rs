//! Datasets: rows of features with a class, and their division into a part to train on and a part to test on. Who
//! holds which rows is `partition`'s affair.
//!
//! Features are single-precision numbers from 0 to 1: digits divide their pixels by 16, CSV columns are scaled by the
//! smallest and greatest value of the training file. So the same learning rate suits both.

mod digits;
mod table;

use super::error::LearningError;
use super::spec::Dataset as Spec;
use crate::random::{Purpose, Stream};
use rand::seq::SliceRandom;
use std::path::Path;

/// Rows of features, each with a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    width: usize,
    features: Vec<f32>,
    labels: Vec<u16>,
}

/// A dataset: what is trained on, what is tested on, and how many classes there are.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Rows that nodes share out and train on.
    pub train: Rows,
    /// Rows that models are evaluated on.
    pub test: Rows,
    /// Classes; labels are less than this.
    pub classes: usize,
}

impl Rows {
    /// Rows of `width` features each, one after another, and their classes.
    pub fn new(width: usize, features: Vec<f32>, labels: Vec<u16>) -> Self {
        assert_eq!(features.len(), width * labels.len(), "every row has its features");
        Self { width, features, labels }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Features of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The features and the class of a row.
    pub fn row(&self, index: u32) -> (&[f32], u16) {
        let index = index as usize;
        (&self.features[index * self.width..][..self.width], self.labels[index])
    }

    /// Of each class the indices of its rows, ascending.
    pub fn by_class(&self, classes: usize) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); classes];
        for (index, &label) in self.labels.iter().enumerate() {
            rows[usize::from(label)].push(index as u32);
        }
        rows
    }

    fn select(&self, indices: &[u32]) -> Self {
        let mut features = Vec::with_capacity(indices.len() * self.width);
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let (row, label) = self.row(index);
            features.extend_from_slice(row);
            labels.push(label);
        }
        Self { width: self.width, features, labels }
    }
}

impl Dataset {
    /// Loads what the scenario names. Paths are relative to `folder`.
    ///
    /// # Errors
    /// If a file cannot be read or does not hold what it should; the error names file, line and column.
    pub fn load(spec: &Spec, folder: &Path, seed: u64) -> Result<Self, LearningError> {
        match spec {
            Spec::Digits(_) => Ok(Self::split(digits::rows(), digits::CLASSES, seed)),
            Spec::Csv(csv) => {
                let path = folder.join(&csv.train);
                let test = csv.test.as_ref().map(|test| folder.join(test));
                let table = table::load(&path, test.as_deref(), &csv.label)?;
                let classes = table.classes.len();
                match table.test {
                    Some(test) => Ok(Self { train: table.train, test, classes }),
                    None => {
                        let it = Self::split(&table.train, classes, seed);
                        let rows = table.train.len();
                        if it.test.is_empty() {
                            Err(LearningError::TooSmallToSplit { path, rows })
                        } else {
                            Ok(it)
                        }
                    }
                }
            }
        }
    }

    /// Keeps a fifth of each class to test on, drawn from the seed. Rows keep their order.
    fn split(rows: &Rows, classes: usize, seed: u64) -> Self {
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for (class, mut indices) in rows.by_class(classes).into_iter().enumerate() {
            indices.shuffle(&mut Stream::new(seed, class as u64, Purpose::Split, 0));
            // Two fifths of a row round down: a class of one or two rows is trained on.
            let (tested, trained) = indices.split_at((indices.len() + 2) / 5);
            test.extend_from_slice(tested);
            train.extend_from_slice(trained);
        }
        train.sort_unstable();
        test.sort_unstable();
        Self { train: rows.select(&train), test: rows.select(&test), classes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::spec::Digits;

    fn digits(seed: u64) -> Dataset {
        Dataset::load(&Spec::Digits(Digits {}), Path::new("."), seed).expect("digits are built in")
    }

    #[test]
    fn digits_split_into_a_fifth_of_every_class_and_the_rest() {
        let digits = digits(1);
        assert_eq!(
            (digits.train.len() + digits.test.len(), digits.train.width(), digits.classes),
            (1797, 64, 10)
        );
        let pairs = digits.train.by_class(10).into_iter().zip(digits.test.by_class(10));
        for (train, test) in pairs {
            let all = train.len() + test.len();
            assert!((5 * test.len()).abs_diff(all) <= 2, "{} of {all}", test.len());
        }
    }

    #[test]
    fn the_split_depends_on_the_seed_alone() {
        assert_eq!(digits(1).test, digits(1).test);
        assert_ne!(digits(1).test, digits(2).test);
    }

    #[test]
    fn pixels_lie_between_zero_and_one_and_reach_both() {
        let rows = digits::rows();
        assert_eq!(rows.features.iter().copied().fold(f32::MAX, f32::min), 0.0);
        assert_eq!(rows.features.iter().copied().fold(f32::MIN, f32::max), 1.0);
    }
}
