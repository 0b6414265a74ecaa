//! The table that the tests print.

use super::Figures;
use std::collections::BTreeSet;

/// Figures of one network beside those of P2PFL, which come first; deviations are from them.
pub fn print(name: &str, columns: &[(&str, &Figures)]) {
    let (_, peer) = columns[0];
    let mut text = format!("{name:<24}");
    for (title, _) in columns {
        text += &format!("{title:>18}");
    }
    let mut line = |name: &str, of: &dyn Fn(&Figures) -> f64, digits: usize| {
        text += &format!("\n  {name:<22}");
        for (i, (_, figures)) in columns.iter().enumerate() {
            let value = of(figures);
            let apart = 100.0 * (value / of(peer) - 1.0);
            text += &match i {
                0 => format!("{value:>18.digits$}"),
                _ if apart.is_finite() => format!("{value:>10.digits$} {apart:>+5.0} %"),
                _ => format!("{value:>18.digits$}"),
            };
        }
    };
    line("time (s)", &|it| it.time, 2);
    line("messages", &|it| it.total, 0);
    let all: BTreeSet<&String> = columns.iter().flat_map(|(_, it)| it.by_command.keys()).collect();
    let mut all: Vec<&String> = all.into_iter().collect();
    all.sort_by(|a, b| peer.of(b).total_cmp(&peer.of(a)).then(a.cmp(b)));
    for command in all {
        let mark = if peer.matters(command) { '*' } else { ' ' };
        line(&format!("{mark} {command}"), &|it| it.of(command), 0);
    }
    println!("{text}\n");
}
