//! CSV files of the user's own: a header line, a label column, and features that are numbers. All that can be wrong
//! with one is found here, so that no row that is loaded can fail later.

use super::Rows;
use crate::learning::error::LearningError;
use crate::learning::file;
use csv::StringRecord;
use std::collections::BTreeSet;
use std::path::Path;

/// The most classes a label column may have. One with more is hardly a class.
const MAX_CLASSES: usize = 1000;

/// What was read.
#[derive(Debug)]
pub struct Table {
    pub train: Rows,
    pub test: Option<Rows>,
    /// The names of the classes, in the order of their numbers: sorted as text.
    pub classes: Vec<String>,
}

/// Cells as they stand in a file: features in double precision until they are scaled.
struct Cells {
    columns: Vec<String>,
    features: Vec<f64>,
    labels: Vec<Label>,
}

struct Label {
    text: Box<str>,
    line: u64,
}

/// Reads a file to train on and perhaps one to test on. Features are scaled to 0..1 by the smallest and greatest value
/// in the former, so those of the latter may lie outside; a column that never varies becomes 0.
pub fn load(train: &Path, test: Option<&Path>, label: &str) -> Result<Table, LearningError> {
    let cells = read(train, label)?;
    let classes: BTreeSet<&str> = cells.labels.iter().map(|label| &*label.text).collect();
    let classes: Vec<String> = classes.into_iter().map(String::from).collect();
    if classes.len() > MAX_CLASSES || classes.len() < 2 {
        let found = classes.len();
        return Err(LearningError::Classes {
            path: train.into(),
            label: label.into(),
            found,
            most: MAX_CLASSES,
        });
    }
    let scales = scales(&cells);
    let test = match test {
        None => None,
        Some(path) => {
            let other = read(path, label)?;
            if other.columns != cells.columns {
                return Err(LearningError::OtherColumns { path: path.into(), train: train.into() });
            }
            Some(rows(&other, &scales, &classes, path)?)
        }
    };
    Ok(Table { train: rows(&cells, &scales, &classes, train)?, test, classes })
}

fn read(path: &Path, label: &str) -> Result<Cells, LearningError> {
    let content = file::content(path)?;
    let mut reader = file::reader(&content);
    let header = reader.headers().map_err(|error| file::malformed(path, &content, error))?.clone();
    if header.is_empty() {
        return Err(LearningError::NoRows { path: path.into() });
    }
    let column = header.iter().position(|name| name == label);
    let column = column.ok_or_else(|| LearningError::NoLabelColumn {
        path: path.into(),
        label: label.into(),
        columns: header.iter().take(12).map(String::from).collect(),
    })?;
    if header.len() < 2 {
        return Err(LearningError::NoFeatures { path: path.into(), label: label.into() });
    }
    let mut cells =
        Cells { columns: header.iter().map(String::from).collect(), features: vec![], labels: vec![] };
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| file::malformed(path, &content, error))? {
        let line = file::line(&content, record.position());
        for (index, text) in record.iter().enumerate() {
            if text.is_empty() {
                return Err(LearningError::Empty { path: path.into(), line, column: header[index].into() });
            }
            if index == column {
                cells.labels.push(Label { text: text.into(), line });
            } else {
                match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => cells.features.push(value),
                    _ => {
                        return Err(LearningError::NotANumber {
                            path: path.into(),
                            line,
                            column: header[index].into(),
                            text: text.chars().take(40).collect(),
                        });
                    }
                }
            }
        }
    }
    if cells.labels.is_empty() {
        return Err(LearningError::NoRows { path: path.into() });
    }
    Ok(cells)
}

/// The smallest value and the range of each feature.
fn scales(cells: &Cells) -> Vec<(f64, f64)> {
    let width = cells.columns.len() - 1;
    let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); width];
    for row in cells.features.chunks_exact(width) {
        for ((least, most), value) in bounds.iter_mut().zip(row) {
            *least = least.min(*value);
            *most = most.max(*value);
        }
    }
    // Halved, so that the range of the widest column there can be is still finite.
    bounds.into_iter().map(|(least, most)| (least / 2.0, most / 2.0 - least / 2.0)).collect()
}

fn rows(
    cells: &Cells,
    scales: &[(f64, f64)],
    classes: &[String],
    path: &Path,
) -> Result<Rows, LearningError> {
    let scaled =
        cells.features.chunks_exact(scales.len()).flat_map(|row| {
            row.iter().zip(scales).map(|(value, (least, range))| {
                if *range > 0.0 { ((value / 2.0 - least) / range) as f32 } else { 0.0 }
            })
        });
    let features = scaled.collect();
    let labels: Result<Vec<u16>, _> = cells
        .labels
        .iter()
        .map(|label| match classes.binary_search_by(|class| class.as_str().cmp(&label.text)) {
            Ok(class) => Ok(class as u16),
            Err(_) => Err(LearningError::UnknownClass {
                path: path.into(),
                line: label.line,
                class: label.text.chars().take(40).collect(),
            }),
        })
        .collect();
    Ok(Rows::new(scales.len(), features, labels?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::file::MAX_BYTES;
    use std::fs::File;
    use std::path::PathBuf;

    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a temporary folder") }
        }

        fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
            let path = self.folder.path().join(name);
            std::fs::write(&path, content).expect("a temporary file");
            path
        }
    }

    fn error(content: impl AsRef<[u8]>) -> String {
        let files = Files::new();
        let path = files.write("data.csv", content);
        let text = load(&path, None, "label").expect_err("an error").to_string();
        text.replace(&path.display().to_string(), "data.csv")
    }

    #[test]
    fn features_are_scaled_by_the_training_file_and_classes_sorted() {
        let files = Files::new();
        let train = files.write("train.csv", "a,label,b\n1, dog ,5\n3,cat,5\n2,dog,5\n");
        let test = files.write("test.csv", "a,label,b\n5,cat,7\n");
        let table = load(&train, Some(&test), "label").expect("a table");
        assert_eq!(table.classes, ["cat", "dog"]);
        assert_eq!(table.train, Rows::new(2, vec![0.0, 0.0, 1.0, 0.0, 0.5, 0.0], vec![1, 0, 1]));
        assert_eq!(table.test, Some(Rows::new(2, vec![2.0, 0.0], vec![0])));
    }

    #[test]
    fn the_widest_column_there_can_be_is_scaled_too() {
        let files = Files::new();
        let train = files.write("train.csv", "a,label\n-1.7e308,x\n1.7e308,y\n0,y\n");
        let table = load(&train, None, "label").expect("a table");
        assert_eq!(table.train, Rows::new(1, vec![0.0, 1.0, 0.5], vec![0, 1, 1]));
    }

    #[test]
    fn a_byte_order_mark_and_quotes_are_understood() {
        let files = Files::new();
        let train = files.write("train.csv", "\u{feff}label,a\n\"x, y\",1\nz,2\n");
        assert_eq!(load(&train, None, "label").expect("a table").classes, ["x, y", "z"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_column() {
        insta::assert_snapshot!(error("a,b\n1,2\n"), @"data.csv, line 1: there is no column `label`; name the one that holds the class with `label`. There are: `a`, `b`");
        insta::assert_snapshot!(error("a,label\n1,x\nzwei,y\n"), @"data.csv, line 3, column `a`: `zwei` is not a finite number");
        insta::assert_snapshot!(error("a,label\n1,x\nNaN,y\n"), @"data.csv, line 3, column `a`: `NaN` is not a finite number");
        insta::assert_snapshot!(error("a,label\n1,x\n\n-inf,y\n"), @"data.csv, line 4, column `a`: `-inf` is not a finite number");
        insta::assert_snapshot!(error("a,label\n1,x\n,y\n"), @"data.csv, line 3, column `a`: the cell is empty");
        insta::assert_snapshot!(error("a,label\n1,x\n2,\n"), @"data.csv, line 3, column `label`: the cell is empty");
        insta::assert_snapshot!(error("a,label\n1,x\n2,y,3\n"), @"data.csv, line 3: 3 cells where the header has 2");
        insta::assert_snapshot!(error(""), @"data.csv has no rows");
        insta::assert_snapshot!(error("a,label\n"), @"data.csv has no rows");
        insta::assert_snapshot!(error("label\nx\ny\n"), @"data.csv, line 1: there is no column beside the label `label`");
        insta::assert_snapshot!(error("a,label\n1,x\n2,x\n"), @"data.csv, column `label`: 1 classes; there must be 2 to 1000");
        insta::assert_snapshot!(error(b"a,label\n1,x\n2,\xff\n"), @"data.csv, line 3: not UTF-8 text");
        let many: String = (0..1001).map(|class| format!("1,{class}\n")).collect();
        insta::assert_snapshot!(error(format!("a,label\n{many}")), @"data.csv, column `label`: 1001 classes; there must be 2 to 1000");
    }

    #[test]
    fn a_test_file_must_fit_the_training_file() {
        let files = Files::new();
        let train = files.write("train.csv", "a,label\n1,x\n2,y\n");
        let other = |content| {
            let test = files.write("test.csv", content);
            load(&train, Some(&test), "label").expect_err("an error")
        };
        assert!(matches!(other("b,label\n1,x\n"), LearningError::OtherColumns { .. }));
        assert!(matches!(other("a,label\n1,x\n2,z\n"), LearningError::UnknownClass { line: 3, .. }));
    }

    #[test]
    fn what_is_not_a_file_is_refused() {
        let files = Files::new();
        let missing = files.folder.path().join("missing.csv");
        assert!(matches!(load(&missing, None, "label"), Err(LearningError::Unreadable { .. })));
        assert!(matches!(load(files.folder.path(), None, "label"), Err(LearningError::NotAFile { .. })));
        let large = files.folder.path().join("large.csv");
        File::create(&large).and_then(|file| file.set_len(MAX_BYTES + 1)).expect("a sparse file");
        assert!(matches!(load(&large, None, "label"), Err(LearningError::TooLarge { .. })));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, header: bool) {
            let files = Files::new();
            let mut content = if header { b"a,b,label\n".to_vec() } else { Vec::new() };
            content.extend(bytes);
            let _ = load(&files.write("data.csv", content), None, "label");
        }
    }
}
