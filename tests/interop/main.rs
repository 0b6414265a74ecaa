//! Real P2PFL 0.4.4 beside p2pfl-sim, as programs of their own that speak over sockets: whatever this program does must
//! make sense to the peers that are out there.
//!
//! P2PFL comes from PyPI into a virtual environment ([`environment`]); where that cannot be, the tests say so and pass,
//! unless `P2PFL_SIM_REQUIRE_INTEROP=1`. `peer.py` is a P2PFL peer, [`peer`] drives it, [`ours`] drives this program, and
//! [`process`] sees to it that neither outlives a test. The tests: [`among_peers`] holds the harness itself to what it
//! promises, [`nodes`] mixes P2PFL's peers with `p2pfl-sim node`, and [`network`] has one join a simulated network.

mod among_peers;
mod certificates;
mod environment;
mod network;
mod nodes;
mod ours;
mod peer;
mod process;
#[path = "../python/mod.rs"]
mod python;
mod stage;
mod weights;
