//! The list of workflows, as nodes run them.

use super::dpsgd::Dpsgd;
use super::machine::{Machine, machines};
use super::p2pfl::P2pfl;
use super::probe::Probe;
use super::rumor::Rumor;
use super::spec::Workflow;

/// Defines [`State`] and its choice by the workflow of the run.
macro_rules! states {
    ($( $kind:ident: $machine:ty as $held:ty ),+ $(,)?) => {
        machines! {
            /// A node's state in the workflow of the run.
            pub enum State { $( $kind($held) ),+ }
            new |cx, birth| match &cx.rules.workflow {
                $( Workflow::$kind(_) => Self::$kind(<$machine as Machine>::new(cx, birth).into()) ),+
            }
        }
    };
}

// Machines that are large are boxed, so that nodes of the others stay small.
states! {
    P2pfl: P2pfl as Box<P2pfl>,
    Dpsgd: Dpsgd as Dpsgd,
    Rumor: Rumor as Rumor,
    Probe: Probe as Box<Probe>,
}
