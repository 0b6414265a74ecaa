//! CSV files of the user's own: a header line, a label column, and features that are numbers. All that can be wrong
//! with one is found here, so that no row that is loaded can fail later.

use super::{Remark, Rows};
use crate::learning::error::LearningError;
use crate::learning::file;
use csv::StringRecord;
use std::collections::BTreeSet;
use std::path::Path;

/// The most classes a label column may have. One with more is hardly a class.
const MAX_CLASSES: usize = 1000;

/// In fewer rows than these a feature may count up by chance.
const COUNTING: usize = 10;

/// What was read.
#[derive(Debug)]
pub struct Table {
    pub train: Rows,
    pub test: Option<Rows>,
    /// The names of the classes, in the order of their numbers: sorted as text.
    pub classes: Vec<String>,
    /// What is probably not as the files' author expects.
    pub remarks: Vec<Remark>,
    /// Bytes of memory that reading took at the most.
    pub reading: u64,
}

/// Features of a block of rows, about: a block is let go of as soon as it is scaled, and none is copied as more come.
const BLOCK: usize = 1 << 16;

/// Cells as they stand in a file: features in double precision until they are scaled.
struct Cells {
    /// The names of the features, and the label's after them.
    columns: Vec<String>,
    /// Blocks of whole rows, all but the last of the same size.
    features: Vec<Vec<f64>>,
    labels: Vec<Label>,
    /// Bytes of the file.
    text: u64,
}

struct Label {
    text: Box<str>,
    line: u64,
}

/// Reads a file to train on and perhaps one to test on. Features are scaled to 0..1 by the smallest and greatest value
/// in the former, so those of the latter may lie outside; a column that never varies becomes 0. Columns without a name that
/// number the rows are left out of both.
pub fn load(train: &Path, test: Option<&Path>, label: &str) -> Result<Table, LearningError> {
    let mut remarks = Vec::new();
    let mut cells = read(train, label)?;
    without_index(&mut cells, train, label, &mut remarks)?;
    remarks.extend(counting(&cells, train));
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
    let mut reading = cells.text + cells.bytes();
    let test = match test {
        None => None,
        Some(path) => {
            let mut other = read(path, label)?;
            if other.columns != cells.columns {
                without_index(&mut other, path, label, &mut remarks)?;
            }
            if other.columns != cells.columns {
                return Err(LearningError::OtherColumns { path: path.into(), train: train.into() });
            }
            reading = reading.max(cells.bytes() + other.text + other.bytes());
            Some(rows(other, &scales, &classes, path)?)
        }
    };
    let train_rows = rows(cells, &scales, &classes, train)?;
    remarks.extend(rare(&train_rows, &classes, test.is_some(), train, label));
    Ok(Table { train: train_rows, test, classes, remarks, reading })
}

/// Leaves out columns that are no feature: pandas and R write the number of each row into a column without a name, which
/// pandas reads back as `Unnamed: 0`. In a file that is sorted by class it would give the class away.
fn without_index(
    cells: &mut Cells,
    path: &Path,
    label: &str,
    remarks: &mut Vec<Remark>,
) -> Result<(), LearningError> {
    let width = cells.columns.len() - 1;
    let is_index = |column: usize| {
        let name = &cells.columns[column];
        let nameless = name.is_empty() || name.starts_with("Unnamed:");
        nameless && identify(cells.values(column))
    };
    let kept: Vec<bool> = (0..width).map(|column| !is_index(column)).collect();
    if kept.iter().all(|kept| *kept) {
        return Ok(());
    }
    if !kept.contains(&true) {
        return Err(LearningError::NoFeatures { path: path.into(), label: label.into() });
    }
    for column in (0..width).filter(|&column| !kept[column]) {
        let name = match cells.columns[column].as_str() {
            "" => "a column without a name".into(),
            name => format!("column `{name}`"),
        };
        let path = path.display();
        remarks.push(Remark {
            field: "dataset",
            code: "row-numbers",
            message: format!("{path}: {name} holds the numbers of the rows, and is left out of the features"),
            help:
                "write the file without its index, in pandas `to_csv(…, index=False)`; a feature needs a name"
                    .into(),
        });
    }
    let mut place = 0;
    for block in &mut cells.features {
        // Blocks hold whole rows.
        block.retain(|_| {
            place += 1;
            kept[(place - 1) % width]
        });
    }
    let mut place = 0;
    cells.columns.retain(|_| {
        place += 1;
        kept.get(place - 1).is_none_or(|kept| *kept)
    });
    Ok(())
}

/// Whether these could be the numbers of rows: whole numbers that count up but for a few places, as where files were put
/// together, or of which none is there twice, for rows may have been shuffled since they were numbered.
fn identify(values: impl Iterator<Item = f64>) -> bool {
    let mut values: Vec<f64> = values.collect();
    if values.iter().any(|it| it.fract() != 0.0) {
        return false;
    }
    let jumps = values.windows(2).filter(|pair| pair[1] != pair[0] + 1.0).count();
    if jumps * 10 <= values.len() {
        return true;
    }
    values.sort_unstable_by(f64::total_cmp);
    values.windows(2).all(|pair| pair[0] < pair[1])
}

/// Features that have a name and yet look like the numbers of the rows: they count up from each row to the next.
fn counting<'a>(cells: &'a Cells, path: &'a Path) -> impl Iterator<Item = Remark> + 'a {
    let width = cells.columns.len() - 1;
    let counts_up = move |column: usize| {
        let values = || cells.values(column);
        cells.labels.len() >= COUNTING && values().zip(values().skip(1)).all(|(one, next)| next == one + 1.0)
    };
    (0..width).filter(move |&column| counts_up(column)).map(move |column| Remark {
        field: "dataset",
        code: "row-numbers",
        message: format!(
            "{}: column `{}` counts up from row to row, and is taken for a feature",
            path.display(),
            cells.columns[column]
        ),
        help: "if it numbers the rows, leave it out of the file".into(),
    })
}

/// Classes that have so few rows that accuracy says nothing of them.
fn rare(train: &Rows, classes: &[String], is_tested: bool, path: &Path, label: &str) -> Option<Remark> {
    let rows = train.by_class(classes.len());
    // Of fewer than three rows none is kept to test on.
    let few = if is_tested { 2 } else { 3 };
    let rare: Vec<String> = classes
        .iter()
        .zip(&rows)
        .filter(|(_, rows)| rows.len() < few)
        .map(|(class, rows)| {
            let class: String = class.chars().take(40).collect();
            format!("`{class}` ({} row{})", rows.len(), if rows.len() == 1 { "" } else { "s" })
        })
        .collect();
    let (shown, more) = rare.split_at(rare.len().min(5));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!rare.is_empty()).then(|| Remark {
        field: "dataset.label",
        code: "rare-class",
        message: format!(
            "{}, column `{label}`: hardly any rows of class {}{more}{}",
            path.display(),
            shown.join(", "),
            if is_tested { "" } else { "; none of them is tested on" }
        ),
        help: "correct the label if it is misspelt, leave the rows out, or add more".into(),
    })
}

fn read(path: &Path, label: &str) -> Result<Cells, LearningError> {
    let content = file::content(path)?;
    let mut reader = file::reader(&content, label);
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
    let features = header.iter().enumerate().filter(|(index, _)| *index != column);
    let columns = features.map(|(_, name)| name).chain([label]).map(String::from).collect();
    let mut cells = Cells { columns, features: vec![], labels: vec![], text: content.len() as u64 };
    let width = header.len() - 1;
    let block = width * (BLOCK / width).max(1);
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| file::malformed(path, &content, error))? {
        let line = file::line(&content, record.position());
        if cells.features.last().is_none_or(|it| it.len() == block) {
            cells.features.push(Vec::with_capacity(block));
        }
        let features = cells.features.last_mut().expect("there is one");
        for (index, text) in record.iter().enumerate() {
            if text.is_empty() {
                return Err(LearningError::Empty { path: path.into(), line, column: header[index].into() });
            }
            if index == column {
                cells.labels.push(Label { text: text.into(), line });
            } else {
                match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => features.push(value),
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
    for row in cells.features.iter().flat_map(|block| block.chunks_exact(width)) {
        for ((least, most), value) in bounds.iter_mut().zip(row) {
            *least = least.min(*value);
            *most = most.max(*value);
        }
    }
    // Halved, so that the range of the widest column there can be is still finite.
    bounds.into_iter().map(|(least, most)| (least / 2.0, most / 2.0 - least / 2.0)).collect()
}

impl Cells {
    /// One column of the features, row by row.
    fn values(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        let width = self.columns.len() - 1;
        self.features.iter().flat_map(move |block| block.chunks_exact(width).map(move |row| row[column]))
    }

    /// What they take up in memory.
    fn bytes(&self) -> u64 {
        let values: usize = self.features.iter().map(Vec::capacity).sum();
        // The text of a label is an allocation of its own.
        (values * size_of::<f64>() + self.labels.len() * (size_of::<Label>() + 16)) as u64
    }
}

fn rows(cells: Cells, scales: &[(f64, f64)], classes: &[String], path: &Path) -> Result<Rows, LearningError> {
    let mut features = Vec::with_capacity(scales.len() * cells.labels.len());
    for block in cells.features {
        features.extend(block.chunks_exact(scales.len()).flat_map(|row| {
            row.iter().zip(scales).map(|(value, (least, range))| {
                if *range > 0.0 { ((value / 2.0 - least) / range) as f32 } else { 0.0 }
            })
        }));
    }
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

    fn remarks(train: &str, test: Option<&str>) -> (Table, Vec<String>) {
        let files = Files::new();
        let train = files.write("train.csv", train);
        let test = test.map(|it| files.write("test.csv", it));
        let table = load(&train, test.as_deref(), "label").expect("a table");
        let folder = format!("{}/", files.folder.path().display());
        let said = table.remarks.iter().map(|it| it.message.replace(&folder, "")).collect();
        (table, said)
    }

    /// Rows of two classes, with what `first` says in front of each.
    fn indexed(name: &str, first: impl Fn(u32) -> String) -> String {
        let row = |i: u32| format!("{},{}.5,{}\n", first(i), i % 3, if i < 6 { "x" } else { "y" });
        format!("{name},a,label\n{}", (0..12).map(row).collect::<String>())
    }

    #[test]
    fn numbers_of_rows_are_no_feature() {
        let (plain, said) = remarks(&indexed("b", |i| format!("{}", i % 5)), None);
        assert_eq!((plain.train.width(), said.len()), (2, 0));
        let (table, said) = remarks(&indexed("", |i| i.to_string()), None);
        assert_eq!(table.train.width(), 1);
        insta::assert_snapshot!(said.join("\n"), @"train.csv: a column without a name holds the numbers of the rows, and is left out of the features");
        assert_eq!(table.train.row(4), (&[0.5_f32][..], 0), "what is left stays with its row");
        // As R writes them, counted from 1 and in quotes; as they are after rows were shuffled and some left out.
        assert_eq!(remarks(&indexed("\"\"", |i| format!("\"{}\"", i + 1)), None).0.train, table.train);
        assert_eq!(remarks(&indexed("Unnamed: 0", |i| (i * 7 % 13).to_string()), None).0.train, table.train);
        insta::assert_snapshot!(remarks(&indexed("Unnamed: 0", |i| i.to_string()), None).1.join("\n"), @"train.csv: column `Unnamed: 0` holds the numbers of the rows, and is left out of the features");
        let twice = indexed("Unnamed: 0.1,Unnamed: 0", |i| format!("{i},{i}"));
        assert_eq!(remarks(&twice, None).0.train, table.train);
        // Two files of six rows put together.
        assert_eq!(remarks(&indexed("", |i| (i % 6).to_string()), None).0.train, table.train);
        // A measurement is one, whatever it is called.
        assert_eq!(remarks(&indexed("", |i| format!("{i}.5")), None).0.train.width(), 2);
        assert_eq!(remarks(&indexed("", |i| (i % 4).to_string()), None).0.train.width(), 2);
        insta::assert_snapshot!(error(",label\n0,x\n1,y\n"), @"data.csv, line 1: there is no column beside the label `label`");
    }

    #[test]
    fn a_test_file_may_have_an_index_of_its_own() {
        let with = indexed("", |i| i.to_string());
        let without = "a,label\n0.5,x\n";
        let (table, said) = remarks(&with, Some(without));
        assert_eq!((table.test.map(|it| it.len()), said.len()), (Some(1), 1));
        let (table, said) = remarks("a,label\n0.5,x\n1.5,x\n0,y\n2.5,y\n", Some(&with));
        assert_eq!((table.test.map(|it| it.len()), said.len()), (Some(12), 1));
        assert!(said[0].starts_with("test.csv"), "{said:?}");
    }

    #[test]
    fn a_feature_that_counts_up_is_kept_and_warned_of() {
        let (table, said) = remarks(&indexed("id", |i| (i + 1).to_string()), None);
        assert_eq!(table.train.width(), 2);
        insta::assert_snapshot!(said.join("\n"), @"train.csv: column `id` counts up from row to row, and is taken for a feature");
    }

    #[test]
    fn classes_of_hardly_any_rows_are_warned_of() {
        let train = "a,label\n1,x\n2,x\n3,x\n4,y\n5,y\n6,z\n";
        insta::assert_snapshot!(remarks(train, None).1.join("\n"), @"train.csv, column `label`: hardly any rows of class `y` (2 rows), `z` (1 row); none of them is tested on");
        insta::assert_snapshot!(remarks(train, Some("a,label\n1,x\n")).1.join("\n"), @"train.csv, column `label`: hardly any rows of class `z` (1 row)");
        let many: String = (0..7).map(|i| format!("{i},c{i}\n")).collect();
        insta::assert_snapshot!(remarks(&format!("a,label\n{many}"), None).1.join("\n"), @"train.csv, column `label`: hardly any rows of class `c0` (1 row), `c1` (1 row), `c2` (1 row), `c3` (1 row), `c4` (1 row) and 2 more; none of them is tested on");
    }

    #[test]
    fn semicolons_and_tabs_separate_cells_too() {
        let plain = indexed("b", |i| (i % 5).to_string());
        let (table, said) = remarks(&plain, None);
        for separator in [";", "\t"] {
            let (other, others) = remarks(&plain.replace(',', separator), None);
            assert_eq!((&other.train, &others), (&table.train, &said), "{separator:?}");
        }
        insta::assert_snapshot!(error("a;b\n1;2\n"), @"data.csv, line 1: there is no column `label`; name the one that holds the class with `label`. There are: `a`, `b`");
        insta::assert_snapshot!(error("a;label\n1,5;x\n"), @"data.csv, line 2, column `a`: `1,5` is not a finite number; write a decimal point: 1.5");
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
