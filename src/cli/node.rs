//! `p2pfl-sim node`: one peer as a process of its own, over real sockets, among P2PFL's peers or others of its kind.

use super::watch::on_ctrl_c;
use super::{CliError, Format, batch, place, verdict};
use crate::engine::{Snapshot, Watch};
use crate::metrics::Meter;
use crate::report::{Style, summary};
use crate::say;
use crate::scenario::{self, Loaded, Override, ScenarioFile, Transport};
use crate::simulation::{self, Alone, Options, alone, prepare};
use crate::transport::socket::Address;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Run one peer as a process of its own, over real gRPC, among P2PFL's peers or on several machines.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The address to listen on, which is also what the peer is called: `127.0.0.1:4000`, `[::1]:4000`, or
    /// `unix:///tmp/peer.sock`. Port 0 is any that is free.
    #[arg(long, value_name = "ADDR")]
    listen: Address,
    /// A peer to connect to, again and again until it is there; may be repeated.
    #[arg(long, value_name = "ADDR")]
    connect: Vec<Address>,
    /// Start learning for so many rounds, once --peers peers have been heard of. Without it, the peer waits for another to
    /// start.
    #[arg(long, value_name = "ROUNDS", requires = "scenario")]
    start: Option<u32>,
    /// What the peer learns, with which settings: dataset, model and `settings` of this scenario. Without it the peer takes
    /// the first model that it is sent, and trains nothing.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Whose part of the scenario's data the peer has.
    #[arg(long, value_name = "I", default_value_t = 0, requires = "scenario")]
    share: u32,
    /// How many peers must have been heard of before learning starts. Default: as many as --connect names, at least one.
    #[arg(long, value_name = "N", requires = "start")]
    peers: Option<u32>,
    /// How many peers train in a round. Default: the scenario's.
    #[arg(long, value_name = "N", requires = "start")]
    trainset_size: Option<u32>,
    #[command(flatten)]
    certificates: Certificates,
    /// Any field of the scenario, such as settings.heartbeat.period=1s; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<Override>,
    /// Where results go. Default: they are printed and not kept.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the model of the last round to this file, as P2PFL's peers send it.
    #[arg(long, value_name = "FILE")]
    save_model: Option<PathBuf>,
    /// What is printed to standard output at the end: a summary, or the whole result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Say nothing but what is asked for.
    #[arg(long, short)]
    quiet: bool,
}

/// Certificates, as P2PFL names them. With all five, both sides show theirs, as P2PFL's peers do; with the first three,
/// only who is called.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
struct Certificates {
    /// The authority that has signed the certificates (PEM).
    #[arg(long, value_name = "FILE", requires_all = ["server_crt", "server_key"])]
    ca_crt: Option<PathBuf>,
    /// What the peer shows to those who call it; it must name the address they call.
    #[arg(long, value_name = "FILE", requires = "ca_crt")]
    server_crt: Option<PathBuf>,
    /// The key of --server-crt, not encrypted.
    #[arg(long, value_name = "FILE", requires = "ca_crt")]
    server_key: Option<PathBuf>,
    /// What the peer shows to those that it calls.
    #[arg(long, value_name = "FILE", requires_all = ["ca_crt", "client_key"])]
    client_crt: Option<PathBuf>,
    /// The key of --client-crt, not encrypted.
    #[arg(long, value_name = "FILE", requires = "client_crt")]
    client_key: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim node --listen 127.0.0.1:4001 --connect 127.0.0.1:4000
      joins whoever listens on port 4000, takes its model, and hands models on without training
  p2pfl-sim node --listen 127.0.0.1:4000 --scenario scenarios/interop.json --start 2 --peers 2
      waits for two peers to connect, then has all of them learn for two rounds
  p2pfl-sim node --listen unix:///tmp/a.sock --connect unix:///tmp/b.sock

The address that the peer has is printed as `listening on ADDR`. It ends when all rounds are done, or with Ctrl-C; the peers it is connected to are told. Nobody but this machine reaches 127.0.0.1: give an address of the network to be reached from others, and only in a network that you trust, or with certificates.";

/// Where nobody asked for anything else.
const PLAIN: &str = r#"{ "name": "node", "nodes": 1, "topology": { "kind": "full" },
    "workflow": { "kind": "p2pfl", "trainset_size": 1 },
    "learning": { "model": { "kind": "synthetic", "size": "4B" }, "compute": { "train": "2500ms", "aggregate": "0s", "evaluate": "0s" } } }"#;

impl Args {
    fn transport(&self) -> Transport {
        match (&self.listen, &self.certificates.ca_crt, &self.certificates.client_crt) {
            #[cfg(feature = "libp2p")]
            (Address::Libp2p(_), ..) => Transport::Libp2p,
            (Address::Unix(_), ..) => Transport::GrpcUds,
            (_, None, _) => Transport::Grpc,
            (_, Some(_), None) => Transport::GrpcTls,
            (_, Some(_), Some(_)) => Transport::GrpcMtls,
        }
    }

    /// Whether others than this machine can call it without a certificate.
    fn is_open(&self) -> bool {
        matches!(&self.listen, Address::Tcp(at) if !at.ip().is_loopback())
            && self.certificates.ca_crt.is_none()
    }

    fn overrides(&self) -> Result<Vec<Override>, CliError> {
        let mut all = self.set.clone();
        let mut set =
            |option: &str, path: &str, value: Value| all.push(Override::option(option, path, value));
        set("--listen", "transport", json!(self.transport().name()));
        set("--listen", "clock", json!("real"));
        set("--listen", "speedup", json!(1));
        // What a scenario does to nodes and expects of all of them is not for one of them.
        set("--listen", "script", json!([]));
        set("--listen", "thresholds", json!([]));
        let peers: Vec<String> = self.connect.iter().map(ToString::to_string).collect();
        set("--connect", "grpc.join", json!(peers));
        let TlsFiles(files) = self.certificates.files();
        for (option, field, file) in files {
            let Some(file) = file else { continue };
            // Named on the command line, it is not beside the scenario.
            let file = std::path::absolute(file)
                .map_err(|error| CliError::Usage(format!("{option} {}: {error}", file.display())))?;
            set(option, &format!("settings.ssl.{field}"), json!(file));
        }
        Ok(all)
    }

    fn loaded(&self) -> Result<Loaded, CliError> {
        let overrides = self.overrides()?;
        Ok(match &self.scenario {
            Some(file) => ScenarioFile::read(file)?.with(&overrides)?,
            None => scenario::parse(PLAIN, "node", &overrides)?,
        })
    }
}

struct TlsFiles<'a>([(&'static str, &'static str, Option<&'a Path>); 5]);

impl Certificates {
    fn files(&self) -> TlsFiles<'_> {
        TlsFiles([
            ("--ca-crt", "ca_crt", self.ca_crt.as_deref()),
            ("--server-crt", "server_crt", self.server_crt.as_deref()),
            ("--server-key", "server_key", self.server_key.as_deref()),
            ("--client-crt", "client_crt", self.client_crt.as_deref()),
            ("--client-key", "client_key", self.client_key.as_deref()),
        ])
    }
}

/// Runs the peer until learning is over.
///
/// # Errors
/// Options or a scenario that make no sense, an address that cannot be listened on, results that cannot be written.
pub fn run(args: &Args) -> Result<(), CliError> {
    refuse_unreachable(&args.listen)?;
    let mut loaded = args.loaded()?;
    if !loaded.scenario.workflow.is_open() {
        let help = "peers of other programs speak no other: choose a scenario with it".to_owned();
        return Err(loaded.diagnose("workflow", "a peer needs the workflow `p2pfl`", Some(help)).into());
    }
    if args.share >= loaded.scenario.nodes {
        let text = format!("--share {}: the scenario has {} nodes", args.share, loaded.scenario.nodes);
        return Err(CliError::Usage(text));
    }
    let meter = Meter::start();
    let mut prepared = prepare(&mut loaded, Options::default())?;
    if !args.quiet && !loaded.warnings.is_empty() {
        say::painted(&loaded.warnings.for_stderr());
    }
    if !args.quiet && args.is_open() {
        say::line(&format!(
            "p2pfl-sim: others than this machine may reach {}, in the clear: only do this in a network that you trust, \
             or name certificates",
            args.listen
        ));
    }
    place::refuse_unwritable("--save-model", args.save_model.as_deref())?;
    let folder = args.out.as_deref().map(|out| place::folder(Some(out), "", None)).transpose()?;
    let peers = args.peers.unwrap_or(args.connect.len() as u32).max(1);
    alone(
        &mut prepared,
        &Alone {
            share: args.scenario.is_some().then_some(args.share),
            starts: args.start,
            trainset_size: args.trainset_size,
            peers,
            listen: args.listen.clone(),
            salt: salt(),
        },
    );
    let mut watcher = Watcher { interrupted: on_ctrl_c() };
    let concluded =
        simulation::run(&loaded, prepared, &meter, &mut watcher).map_err(|error| batch::not_begun(&error))?;
    // Before anything is printed: whoever reads that may be gone.
    let written = folder.map_or(Ok(()), |folder| folder.write(&concluded.findings, None));
    let saved = super::run::save_model(args.save_model.as_deref(), concluded.model.as_deref());
    super::print(&match args.format {
        Format::Text if args.quiet => String::new(),
        Format::Text => summary(&concluded.findings.result, Style::stdout()),
        Format::Json => super::json(&concluded.findings.result)?,
    })?;
    saved?;
    written.map_err(|error| batch::unwritten(&error))?;
    verdict::of(&concluded.findings.result)
}

/// The address is what the peer is called, and called at.
fn refuse_unreachable(listen: &Address) -> Result<(), CliError> {
    let ip = match listen {
        Address::Tcp(at) => at.ip(),
        #[cfg(feature = "libp2p")]
        Address::Libp2p(place) => place.at.ip(),
        _ => return Ok(()),
    };
    if ip.is_unspecified() || ip.is_multicast() {
        return Err(CliError::Usage(format!(
            "--listen {listen}: peers cannot call {ip}; write the address of a network interface, such as 127.0.0.1"
        )));
    }
    Ok(())
}

/// Differs from process to process.
#[expect(
    clippy::disallowed_methods,
    reason = "two peers of one scenario must not send messages of the same hashes"
)]
fn salt() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64) ^ (u64::from(std::process::id()) << 48)
}

/// Says where the peer listens.
struct Watcher {
    interrupted: Arc<AtomicBool>,
}

impl Watch for Watcher {
    fn update(&mut self, _: &Snapshot) {}

    fn listening(&mut self, addresses: &[Arc<str>]) {
        for address in addresses {
            say::line(&format!("listening on {address}"));
        }
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }
}
