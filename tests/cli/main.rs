//! Whole runs through the real binary: what a user types, and what comes of it. One file for each kind of promise;
//! `program` is how all of them start it. What can be shown without a process is tested beside the code.

mod aggregators;
mod bad_input;
mod callers;
mod compare;
mod diff;
mod dpsgd;
#[cfg(target_os = "linux")]
mod endings;
mod faults;
mod folders;
mod interrupts;
mod invariants;
mod limits;
#[cfg(feature = "live")]
mod live;
mod network;
mod probe;
mod program;
mod reach;
mod repeat;
mod rumor;
mod runs;
mod socket_mistakes;
mod sockets;
mod stalls;
mod strangers;
mod sweep;
mod verdicts;
