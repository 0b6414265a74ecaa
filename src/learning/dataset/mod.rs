//! Datasets: rows of features with a class, and their division into a part to train on and a part to test on. Who
//! holds which rows is `partition`'s affair.
//!
//! Features are single-precision numbers from 0 to 1: digits divide their pixels by 16, CSV columns are scaled by the
//! smallest and greatest value of the training file. So the same learning rate suits both.

mod digits;
mod table;

use super::error::LearningError;
use super::learner::DataBytes;
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
    /// What is probably not as its author expects.
    pub remarks: Vec<Remark>,
    /// Bytes of memory that reading took at the most.
    reading: u64,
}

/// What is probably not as the author of a dataset expects, though it can be learnt from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The setting to look at, within the scenario's `learning` block.
    pub field: &'static str,
    /// A fixed name for what is wrong.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
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

    fn bytes(&self) -> u64 {
        (self.features.len() * size_of::<f32>() + self.labels.len() * size_of::<u16>()) as u64
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
            Spec::Digits(_) => Ok(Self::split(digits::rows(), digits::CLASSES, seed, 0)),
            Spec::Csv(csv) => {
                let path = folder.join(&csv.train);
                let test = csv.test.as_ref().map(|test| folder.join(test));
                let table = table::load(&path, test.as_deref(), &csv.label)?;
                let (classes, remarks) = (table.classes.len(), table.remarks);
                match table.test {
                    Some(test) => {
                        Ok(Self { train: table.train, test, classes, remarks, reading: table.reading })
                    }
                    None => {
                        let it = Self { remarks, ..Self::split(&table.train, classes, seed, table.reading) };
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

    /// What it takes up in memory.
    pub fn bytes(&self) -> DataBytes {
        let held = self.train.bytes() + self.test.bytes();
        DataBytes { held, reading: self.reading.max(held) }
    }

    /// Keeps a fifth of each class to test on, drawn from the seed. Rows keep their order. `reading` is what it took to
    /// read them.
    fn split(rows: &Rows, classes: usize, seed: u64, reading: u64) -> Self {
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
        let reading = reading.max(2 * rows.bytes());
        let (train, test) = (rows.select(&train), rows.select(&test));
        Self { train, test, classes, remarks: Vec::new(), reading }
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
    fn a_dataset_knows_what_it_takes_up() {
        let held = 1797 * (64 * 4 + 2);
        assert_eq!(digits(1).bytes(), DataBytes { held, reading: 2 * held });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text: String = std::iter::once("a,b,label\n".into())
            .chain((0..1000).map(|i| format!("{i},{i},{}\n", i % 2)))
            .collect();
        std::fs::write(folder.path().join("data.csv"), &text).expect("a file");
        let csv = serde_json::from_str(r#"{ "kind": "csv", "train": "data.csv" }"#).expect("a dataset");
        let bytes = Dataset::load(&csv, folder.path(), 1).expect("a dataset").bytes();
        assert_eq!(bytes.held, 1000 * (2 * 4 + 2));
        // The text, and beside it all features in double precision.
        assert!(bytes.reading >= text.len() as u64 + 1000 * 2 * 8, "{bytes:?}");
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
