//! `p2pfl-sim topology`: builds a graph without running anything, prints its measures, writes it for other programs.

use super::{CliError, Format};
use crate::report::files;
use crate::say;
use crate::topology::{Measures, Shape, Topology, TopologyError, export, pair};
use comfy_table::{CellAlignment, Table, presets};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Build a topology, describe it, and write it for other programs.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, subcommand_value_name = "KIND", subcommand_help_heading = "Kinds")]
pub struct Args {
    #[command(subcommand)]
    shape: Shape,
    /// How many nodes. Grids, edge lists and files say so themselves.
    #[arg(long, global = true)]
    nodes: Option<u32>,
    /// All random draws derive from it.
    #[arg(long, global = true, default_value_t = 0)]
    seed: u64,
    /// Edges beside those of the kind.
    #[arg(long, global = true, value_name = "A-B,C-D,…", value_delimiter = ',', value_parser = pair)]
    additional_connections: Vec<(u32, u32)>,
    /// Write the graph instead of its measures.
    #[arg(long, global = true, value_enum)]
    export: Option<export::Format>,
    /// Where to write the graph; the measures are then printed too. Default: standard output.
    #[arg(long, global = true, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the measures are printed.
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim topology ring --nodes 100
  p2pfl-sim topology random_regular --degree 8 --nodes 10000 --seed 1
  p2pfl-sim topology torus --rows 10 --columns 20 --additional-connections 0-105
  p2pfl-sim topology watts_strogatz --k 6 --p 0.1 --nodes 1000 --format json
  p2pfl-sim topology file --path friends.graphml --export dot | neato -Tsvg > friends.svg

The options of a kind are the fields it has in a scenario: p2pfl-sim topology KIND --help";

/// Builds the graph, warns on standard error, prints to standard output or writes the file.
///
/// # Errors
/// Parameters that make no graph, and files that cannot be read or written.
pub fn run(args: Args) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    match print(args, &mut out, &mut |note| say::line(note)) {
        // The reader of a pipe may have seen enough.
        Err(Stop::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Output(error)) => {
            Err(CliError::Failed(format!("cannot write to standard output: {error}")))
        }
        Err(Stop::Command(error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

enum Stop {
    Command(CliError),
    Output(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<TopologyError> for Stop {
    fn from(error: TopologyError) -> Self {
        Self::Command(CliError::Usage(match error {
            TopologyError::File(error) => format!("--path: {error}"),
            TopologyError::Parameter { field, message } => {
                let option = field.strip_prefix("topology.").unwrap_or(&field).replace('_', "-");
                format!("--{option} {message}")
            }
        }))
    }
}

fn print(args: Args, out: &mut impl Write, notes: &mut impl FnMut(&str)) -> Result<(), Stop> {
    let usage = |message: String| Stop::Command(CliError::Usage(message));
    let here = Path::new("");
    if args.output.is_some() && args.export.is_none() {
        return Err(usage(
            "--output needs --export, which says in which format: edges, graphml or dot".into(),
        ));
    }
    if args.export.is_some() && args.output.is_none() && args.format == Format::Json {
        return Err(usage(
            "--export and --format json would both go to standard output; add --output FILE".into(),
        ));
    }
    let natural = args.shape.natural_nodes(here)?;
    let nodes = args.nodes.or(natural).ok_or_else(|| {
        usage("--nodes is missing: how many nodes shall the graph have? Such as --nodes 100".into())
    })?;
    let topology = Topology { shape: args.shape, additional_connections: args.additional_connections };
    let built = topology.build(nodes, args.seed, here)?;
    for warning in &built.warnings {
        notes(&format!("warning: {warning}"));
    }
    match (args.export, &args.output) {
        (Some(format), None) => {
            export::write(&built.graph, format, out)?;
            return Ok(out.flush()?);
        }
        (Some(format), Some(path)) => {
            files::whole(path, |mut file| export::write(&built.graph, format, &mut file))
                .map_err(|error| Stop::Command(CliError::Failed(format!("--output: {error}"))))?
        }
        _ => {}
    }
    let measures = built.graph.measures(args.seed);
    match args.format {
        Format::Json => {
            let document = serde_json::json!({
                "schema": "p2pfl-sim/topology/1",
                "topology": topology,
                "seed": args.seed,
                "measures": measures,
                "warnings": built.warnings,
            });
            serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => writeln!(out, "{}", describe(&measures))?,
    }
    Ok(out.flush()?)
}

/// The measures as a table that says what each of them means.
fn describe(it: &Measures) -> String {
    let mut rows = vec![
        ("nodes", grouped(it.nodes.into()), String::new()),
        ("edges", grouped(it.edges), String::new()),
        ("degree", degrees(it), "neighbours a node".into()),
        ("components", grouped(it.components.into()), components(it)),
    ];
    match &it.distances {
        None => {
            rows.push(("diameter", "none".into(), "some nodes cannot reach each other".into()));
        }
        Some(d) => {
            let about = match d.exact {
                true => String::new(),
                false => format!(", estimated from {} nodes", d.sources),
            };
            let diameter = match d.diameter == d.diameter_at_most {
                true => grouped(d.diameter.into()),
                false => format!("{} to {}", grouped(d.diameter.into()), grouped(d.diameter_at_most.into())),
            };
            rows.push(("diameter", diameter, format!("hops{about}; {}", enough(it))));
            rows.push(("mean path", format!("{:.3}", d.mean_path_length), format!("hops{about}")));
        }
    }
    rows.push((
        "clustering",
        format!("{:.4}", it.clustering),
        "pairs of neighbours that are neighbours".into(),
    ));
    let gap = it.spectral_gap;
    let bound = if gap.exact { "" } else { "≤ " };
    let value = if gap.value >= 1e-3 { format!("{:.4}", gap.value) } else { format!("{:.3e}", gap.value) };
    let value = if gap.value == 0.0 { "0".into() } else { value };
    rows.push(("spectral gap", format!("{bound}{value}"), mixing(it)));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value, meaning) in rows {
        table.add_row([name.to_owned(), value, meaning]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.chain(histogram(it)).collect::<Vec<_>>().join("\n")
}

/// The time to live that reaches everyone, and the one that does where all receivers of a message share it.
fn enough(it: &Measures) -> String {
    let (copies, shared) = (it.ttl.copies, it.ttl.shared);
    let certainly = if shared.exact { "" } else { "at most " };
    format!("gossip.ttl {} reaches everyone, {certainly}{} in `faithful-memory`", copies.ttl, shared.ttl)
}

fn degrees(it: &Measures) -> String {
    let degree = &it.degree;
    if degree.min == degree.max {
        return grouped(degree.min.into());
    }
    format!("{} to {}, mean {:.2}", grouped(degree.min.into()), grouped(degree.max.into()), degree.mean)
}

fn components(it: &Measures) -> String {
    if it.components <= 1 {
        return "connected".into();
    }
    let sizes: Vec<String> = it.component_sizes.iter().take(5).map(|size| grouped((*size).into())).collect();
    let more = if it.components > 5 { ", …" } else { "" };
    format!("not connected: {}{more} nodes", sizes.join(", "))
}

/// What the gap means: after k steps the distance from the mean has shrunk by (1 − gap)^k.
fn mixing(it: &Measures) -> String {
    let gap = it.spectral_gap.value;
    if gap <= 0.0 {
        return "averaging never brings everyone together".into();
    }
    let steps = if gap >= 1.0 { 1.0 } else { (libm::log(0.5) / libm::log1p(-gap)).ceil().max(1.0) };
    let least = if it.spectral_gap.exact { "" } else { "at least " };
    format!("averaging halves the distance from the mean in {least}{}", counted(steps, "step"))
}

/// Nodes by degree, as bars; in at most a dozen classes of equal width.
fn histogram(it: &Measures) -> Vec<String> {
    const CLASSES: u32 = 12;
    const WIDTH: u32 = 40;
    let degree = &it.degree;
    if degree.min == degree.max {
        return Vec::new();
    }
    let width = (degree.max - degree.min) / CLASSES + 1;
    let mut classes = vec![0u64; ((degree.max - degree.min) / width + 1) as usize];
    for &(value, nodes) in &degree.histogram {
        classes[((value - degree.min) / width) as usize] += u64::from(nodes);
    }
    let most = classes.iter().copied().max().unwrap_or(1).max(1);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["degree", "nodes", ""]);
    for (i, nodes) in classes.into_iter().enumerate() {
        let first = degree.min + i as u32 * width;
        let last = (first + width - 1).min(degree.max);
        let label = if first == last { first.to_string() } else { format!("{first} to {last}") };
        // A class that has any nodes shows a bar, however short.
        let bar = (nodes * u64::from(WIDTH)).div_ceil(most) as usize;
        table.add_row([label, grouped(nodes), "█".repeat(bar)]);
    }
    for column in [0, 1] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    std::iter::once(String::new()).chain(table.lines().map(|line| line.trim_end().to_owned())).collect()
}

fn counted(number: f64, unit: &str) -> String {
    format!("{} {unit}{}", grouped(number as u64), if number == 1.0 { "" } else { "s" })
}

/// 1234567 as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// Standard output and the warnings, or the message of an error with exit code 2.
    fn topology(line: &str) -> Result<(String, String), String> {
        let cli = Cli::try_parse_from(std::iter::once("topology").chain(line.split(' ')));
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut note = |note: &str| notes.push(note.to_owned());
        match print(cli.map_err(|error| error.to_string())?.args, &mut out, &mut note) {
            Ok(()) => Ok((String::from_utf8(out).unwrap(), notes.join("\n"))),
            Err(Stop::Command(error)) if error.exit_code() == 2 => Err(error.to_string()),
            Err(_) => panic!("writing failed"),
        }
    }

    #[test]
    fn the_options_are_consistent_and_the_help_teaches() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        for kind in
            ["random_regular", "watts_strogatz", "static_exponential", "aliases: complete, mesh", "Examples:"]
        {
            assert!(help.contains(kind), "{kind} is missing in\n{help}");
        }
    }

    #[test]
    fn the_table_says_what_the_numbers_mean() {
        let (text, notes) = topology("ring --nodes 1000").unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            ["nodes 1,000", "diameter 500 hops; gossip.ttl 499 reaches everyone", "degree 2 ", "1 connected"]
        {
            assert!(words.contains(part), "{part} is missing in\n{text}");
        }
        assert_eq!(notes, "");
        let (text, _) = topology("star --nodes 5").unwrap();
        assert!(text.contains("    1      4  ████"), "{text}");
    }

    #[test]
    fn the_graph_and_its_measures_can_be_piped() {
        let (text, _) = topology("line --nodes 3 --export edges").unwrap();
        assert_eq!(text, "# 3 nodes, 2 edges\n0 1\n1 2\n");
        let (text, _) =
            topology("torus --rows 3 --columns 4 --additional-connections 0-6 --format json").unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["measures"]["edges"], 25);
        assert_eq!(json["topology"]["additional_connections"], serde_json::json!([[0, 6]]));
    }

    #[test]
    fn a_written_file_reads_back_and_warnings_go_beside_the_result() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graph.graphml");
        let path = path.to_str().unwrap();
        let write = format!("edges --edges 0-1,1-2,4-5,1-0 --export graphml --output {path}");
        let (text, notes) = topology(&write).unwrap();
        assert!(text.contains("not connected: 3, 2, 1 nodes"), "{text}");
        assert!(notes.contains("warning: topology.edges: 1 edges are listed again"), "{notes}");
        let (text, _) = topology(&format!("file --path {path} --export edges")).unwrap();
        assert_eq!(text, "# 6 nodes, 3 edges\n0 1\n1 2\n4 5\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_wrong_option_is_named_as_it_was_typed() {
        for (line, expected) in [
            ("ring", "--nodes is missing"),
            ("ring --nodes 0", "--nodes is 0, but must be from 1"),
            ("random_regular --nodes 9 --degree 3", "--degree is 3, but nodes × degree must be even"),
            (
                "ring --nodes 9 --additional-connections 0-9",
                "--additional-connections[0] is [0, 9], but the nodes are 0 to 8",
            ),
            ("edges --edges 0:1", "`0:1` is not an edge; write two node numbers, such as 0-1"),
            ("ring --nodes 9 --output x", "--output needs --export"),
            ("ring --nodes 9 --export dot --format json", "add --output FILE"),
            ("file --path no/such", "--path: cannot read no/such"),
            ("rng --nodes 9", "a similar subcommand exists: 'ring'"),
            ("random_k --nodes 9", "--k <K>"),
        ] {
            let message = topology(line).unwrap_err();
            assert!(message.contains(expected), "{line}: {message}");
        }
    }
}
