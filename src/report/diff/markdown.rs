//! The comparison as Markdown, for a pull request or a job's summary. Names come from scenarios and folders, so nothing in
//! them may end a cell or a tag.

use super::{Diff, Judged, Verdict, told};
use crate::report::terminal::{Style, shown};
use std::fmt::Write;

const STYLE: Style = Style { colour: false, unicode: true };
/// Differences that are shown; a comment on a pull request may not be longer than 65,536 characters.
const DIFFERENCES: usize = 50;

impl Diff {
    /// The text of the page.
    pub fn markdown(&self) -> String {
        let mark = match self.verdict {
            Verdict::Same | Verdict::Passed => "✅",
            Verdict::Undecided => "⚠️",
            Verdict::Regressed => "❌",
        };
        let mut text = format!("### {mark} {}\n", escaped(&self.headline()));
        let several = self.metrics.iter().any(|row| row.paired.is_some());
        if several {
            text += "\nMeans over pairs of runs with the same seed, their mean difference and its 95 % interval (Student's t).\n";
        }
        let worst = |cell: &str| if several { format!(" {cell} |") } else { String::new() };
        if !self.metrics.is_empty() {
            let (title, line) = (worst("worst pair"), worst("---"));
            let _ =
                writeln!(text, "\n| metric | baseline | current | change | limit | verdict |{title} from |");
            let _ = writeln!(text, "| --- | ---: | ---: | ---: | ---: | --- |{line} --- |");
        }
        // What did not change is not what anyone looks for.
        for row in self.metrics.iter().filter(|row| row.verdict != Judged::Same) {
            let value =
                |value: Option<f64>| value.map_or_else(|| "–".into(), |it| shown(it, row.unit(), STYLE));
            let n = row.paired.map(|it| format!("n = {}", it.n));
            let interval = Some(row.interval_told(" … ")).filter(|it| !it.is_empty());
            let trust: Vec<String> = interval.into_iter().chain(n).collect();
            let trust = if trust.is_empty() { String::new() } else { format!(" ({})", trust.join(", ")) };
            let verdict = match row.verdict {
                Judged::Worse | Judged::Gone => format!("**{}**", row.verdict.name()),
                other => other.name().to_owned(),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {}{trust} | {} | {verdict} |{} {} |",
                escaped(&row.path),
                value(row.baseline_shown()),
                value(row.current_shown()),
                row.change_told(),
                row.limit_told(),
                worst(&row.worst_seed_told()),
                escaped(&row.from_told()),
            );
        }
        let same = self.metrics.iter().filter(|row| row.verdict == Judged::Same).count();
        if same > 0 {
            let _ = writeln!(text, "\n{same} metrics are the same.");
        }
        text += &self.differences_as_markdown();
        for note in &self.notes {
            let _ = write!(text, "\n> {}\n", escaped(note).replace('\n', "\n> "));
        }
        let maker = |it: &super::About| {
            let commit = it.commit.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
            format!("{} by p2pfl-sim {}{commit}", it.name, it.version)
        };
        let _ = writeln!(
            text,
            "\n<sub>{}; {}</sub>",
            escaped(&maker(&self.baseline)),
            escaped(&maker(&self.current))
        );
        text
    }

    fn differences_as_markdown(&self) -> String {
        if self.differences.is_empty() {
            return String::new();
        }
        let count = self.differences.len();
        let mut text = format!("\n<details><summary>Figures that differ: {count}</summary>\n\n");
        text += "| figure | baseline | current | change |\n| --- | ---: | ---: | ---: |\n";
        for it in self.differences.iter().take(DIFFERENCES) {
            let change = it.change.map_or_else(String::new, told::percent);
            let seed = it.seed.map_or_else(String::new, |seed| format!(" (seed {seed})"));
            let [path, was, is] =
                [&it.path, &told::value(&it.baseline), &told::value(&it.current)].map(|it| escaped(it));
            let _ = writeln!(text, "| {path}{seed} | {was} | {is} | {change} |");
        }
        if count > DIFFERENCES {
            let _ = writeln!(text, "\nand {} more.", count - DIFFERENCES);
        }
        text + "\n</details>\n"
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            // A handle would call its bearer.
            '@' => safe += "&#64;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(char);
            }
            '\n' => safe.push('\n'),
            other if other.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn the_page_of_a_regression() {
        insta::assert_snapshot!(sample::regressed().markdown());
    }

    #[test]
    fn the_page_of_several_seeds() {
        insta::assert_snapshot!(sample::repeated_exactly().markdown());
    }

    #[test]
    fn markup_in_names_is_text() {
        let text = sample::with_markup().markdown();
        assert!(!text.contains("<script") && !text.contains("| x |"), "{text}");
        assert!(text.contains("&lt;script&gt;") && text.contains("\\| x \\|"), "{text}");
        let rows = text.lines().filter(|line| line.starts_with('|'));
        rows.for_each(|row| assert!(row.ends_with('|'), "{row}"));
    }
}
