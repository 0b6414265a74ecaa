//! p2pfl-sim: how a P2PFL network behaves with hundreds or thousands of peers, on one machine.
//!
//! This page is a guide to the house for whoever works in it. How to use the program is in `README.md`, and in
//! `docs/` beside it. The Rust interface serves the program and its tests; it may change with every version.
//!
//! # One way through the house
//!
//! A [`scenario`] is read and checked, in the terms of [`format`](mod@format). [`simulation::prepare()`] draws and builds everything that it speaks of: the
//! graph ([`topology`]), the links ([`network`]), the data and models ([`learning`]). The result is an
//! [`engine::Plan`] in which nothing is left to chance. An [`engine`] runs one [`node`] for each peer, moves their
//! messages ([`wire`]) over a [`transport`], and keeps [`metrics`]. [`simulation::conclude()`] makes a result of them,
//! which [`report`] shows and writes. [`costs`] measures transports by themselves, without nodes. [`cli`] is the command
//! line around all that.
//!
//! ```text
//! scenario ─► topology ─┐
//!          ─► network ──┼─► engine ──(transport)─► metrics ─► report
//!          ─► node ◄────┘      │
//!              │               └─ learning, on rayon
//!              └─ workflow, wire messages
//! ```
//!
//! # Rooms
//!
//! From the top down, and what each uses: only rooms below it. `tests/rooms.rs` holds the code to this list.
//!
//! ```text
//! cli        ─► simulation, report, engine, costs, scenario, transport, metrics, node, network, topology, wire, learning, say, bounded
//! simulation ─► report, engine, costs, scenario, transport, metrics, node, network, topology, wire, learning, format, random, time
//! report     ─► engine, costs, scenario, metrics, node, wire, machine, say, bounded, time
//! engine     ─► scenario, transport, metrics, node, network, topology, wire, learning, format, random, time
//! costs      ─► scenario, transport, metrics, node, network, wire, machine, time
//! scenario   ─► transport, metrics, node, network, topology, wire, learning, format, say, bounded
//! transport  ─► metrics, wire, format, bounded
//! metrics    ─► node, network, wire, machine, random, time
//! node       ─► network, topology, wire, learning, format, random, time
//! network    ─► wire, format, machine, bounded, random, time
//! topology   ─► format, random
//! wire       ─► learning, time
//! learning   ─► format, bounded, random
//! format     ─► random, time
//! machine
//! say
//! bounded
//! random
//! time
//! ```
//!
//! # The node is a state machine
//!
//! [`node::Node`] has no clock, socket, thread, channel or shared random source. It is handed an
//! [`Input`](node::io::Input) together with the time, and leaves [`Output`](node::io::Output)s: what is to be sent,
//! which timer is to be set, which job is to be run. Whatever drives it, the node is the same, so that what one
//! engine or transport shows is comparable with what another does, and every rule of the protocol is tested without
//! a runtime. A workflow is a folder in `src/node/`.
//!
//! # Time
//!
//! *Scenario time* is the time in which the protocol lives: its periods and timeouts, the script, the duration of
//! compute. It is a [`time::Time`] in integer nanoseconds, and it is passed in. The task engine makes it from the real
//! clock, multiplied by `speedup`; the event engine jumps from one event to the next; nothing else reads a clock.
//!
//! # The determinism rules
//!
//! What a scenario and its seed decide comes out the same to the last bit: graphs, shares of the data, initial models,
//! votes, whom a node sends its model to, drawn latencies, trained models. On the real clock the *order* of events is
//! the machine's affair, and so is what depends on it.
//!
//! On the virtual clock everything is the same but what a run costs, at any number of threads. The rules that make it
//! so stand in `docs/design.md`, under *Determinism*: keyed draws, no map without an order, no clock but an engine's, no
//! platform mathematics, no sum in the order of arrival. `clippy.toml` enforces what it can.
//!
//! # Errors
//!
//! What a user can cause is a typed error that names the field or the file; the command line makes an exit code of it
//! ([`cli::CliError`]). A panic is a fault of this program. One inside a node is counted and reported, and does not
//! take the run down.

// All that is printed goes through `say`, which does not panic and lets nothing through that a terminal would obey.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod bounded;
pub mod cli;
pub mod costs;
pub mod engine;
pub mod format;
pub mod learning;
pub mod machine;
pub mod metrics;
pub mod network;
pub mod node;
pub mod random;
pub mod report;
pub mod say;
pub mod scenario;
pub mod simulation;
pub mod time;
pub mod topology;
pub mod transport;
pub mod wire;
