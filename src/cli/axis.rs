//! `--set PATH=V1,V2,…` of a sweep: a setting and all the values that it takes.

use crate::scenario::Override;
use std::str::FromStr;

/// A setting and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    path: String,
    values: Vec<Override>,
}

impl Axis {
    /// What is set.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// To what, one after another.
    pub fn values(&self) -> &[Override] {
        &self.values
    }
}

/// Values are divided by commas, but not within brackets, braces or double quotes: `[1,2],[3]` is two lists, `"a,b"` one
/// text. Each is read as the value of a single `--set` is.
impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write PATH=V1,V2, such as nodes=100,1000";
        let (path, values) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; {FORM}"))?;
        let values = parts(values).map_err(|what| format!("`{text}` {what}"))?;
        if values.iter().any(|value| value.trim().is_empty()) {
            return Err(format!("`{text}` has nothing where a value should be; {FORM}"));
        }
        let set = |value: &&str| format!("{path}={}", value.trim()).parse::<Override>();
        let values = values.iter().map(set).collect::<Result<Vec<_>, _>>()?;
        for (i, value) in values.iter().enumerate() {
            if values[..i].iter().any(|other| other.value() == value.value()) {
                return Err(format!("`{text}` has the value {} twice", value.value()));
            }
        }
        Ok(Self { path: path.trim().to_owned(), values })
    }
}

/// Divides at the commas that are within nothing.
fn parts(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut open) = (0, Vec::new());
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '[' => open.push(']'),
            '{' => open.push('}'),
            ']' | '}' if open.pop() != Some(char) => {
                return Err(format!("has a `{char}` that closes nothing"));
            }
            '"' => loop {
                match chars.next() {
                    Some((_, '\\')) => drop(chars.next()),
                    Some((_, '"')) => break,
                    Some(_) => {}
                    None => return Err("has a `\"` that is not closed".into()),
                }
            },
            ',' if open.is_empty() => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(missing) => Err(format!("lacks a `{missing}`")),
        None => {
            parts.push(&text[start..]);
            Ok(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn values(text: &str) -> Result<Vec<Value>, String> {
        text.parse::<Axis>().map(|axis| axis.values.iter().map(|it| it.value().clone()).collect())
    }

    #[test]
    fn values_are_divided_by_commas_that_are_within_nothing() {
        assert_eq!(values("nodes=4,8, 16").unwrap(), [json!(4), json!(8), json!(16)]);
        assert_eq!(values("nodes=4").unwrap(), [json!(4)]);
        assert_eq!(values("topology.kind=ring,full").unwrap(), [json!("ring"), json!("full")]);
        assert_eq!(values("script=[]").unwrap(), [json!([])]);
        assert_eq!(values("topology.edges=[[0,1],[1,2]],[]").unwrap(), [json!([[0, 1], [1, 2]]), json!([])]);
        assert_eq!(values(r#"learning.init="zeros","random""#).unwrap(), [json!("zeros"), json!("random")]);
        assert_eq!(values(r#"description="a,b\",c",d"#).unwrap(), [json!("a,b\",c"), json!("d")]);
        assert_eq!(
            values(r#"network.latency={"kind":"uniform","min":"1ms","max":"2ms"},20ms"#).unwrap(),
            [json!({"kind": "uniform", "min": "1ms", "max": "2ms"}), json!("20ms")]
        );
    }

    #[test]
    fn what_is_no_list_of_values_is_refused() {
        for (text, why) in [
            ("nodes", "has no `=`"),
            ("=4", "has no path"),
            ("nodes=", "nothing where a value"),
            ("nodes=4,", "nothing where a value"),
            ("nodes=4,,8", "nothing where a value"),
            ("nodes=4,8,4", "the value 4 twice"),
            ("script=[1,2", "lacks a `]`"),
            ("script=1]", "closes nothing"),
            ("script=[1}", "closes nothing"),
            ("description=\"a,b", "not closed"),
        ] {
            let error = values(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = text.parse::<Axis>();
        }

        #[test]
        fn any_json_values_come_back(numbers in proptest::collection::btree_set(-99..99_i32, 1..5), word in "[a-z,\\[\\]{}\"\\\\]{0,6}") {
            // Each a list with a text that has all that could divide or close.
            let lists: Vec<Value> = numbers.iter().map(|number| json!([number, word])).collect();
            let text = lists.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
            prop_assert_eq!(values(&format!("a.b={text}")).unwrap(), lists);
        }
    }
}
