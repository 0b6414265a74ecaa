//! Decentralised parallel stochastic gradient descent (Lian et al. 2017, "Can Decentralized Algorithms Outperform
//! Centralized Algorithms?"): every node trains, sends its model to its direct neighbours, waits for theirs of the
//! same round, and mixes. It adapts, then combines: `x_i ← Σ_j W_ij (x_j − η ∇f_j(x_j))`.
//!
//! Models travel as `partial_model` with the sender as only contributor, without an announcement. Nothing floods.
//!
//! Where rounds are asynchronous another algorithm runs: `pairwise`.

mod kind;
mod neighbour;
mod pairwise;
mod partner;
mod search;
pub mod spec;
mod synchronous;

pub use pairwise::Pairwise;

use super::machine::machines;
use super::spec::{Pace, Workflow};
use synchronous::Synchronous;

machines! {
    /// A node's state in the workflow, by whether it waits for its neighbours.
    pub enum Dpsgd { Synchronous(Synchronous), Pairwise(Box<Pairwise>) }
    new |cx, birth| match &cx.rules.workflow {
        Workflow::Dpsgd(it) if it.mode == Pace::Asynchronous => Self::Pairwise(Box::new(Pairwise::new(cx, birth))),
        _ => Self::Synchronous(Synchronous::new(cx, birth)),
    }
}
