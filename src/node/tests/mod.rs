//! Tests of nodes: one on the bench, and whole networks of them under a small engine of the tests' own. The engines
//! that users run have theirs; nothing here measures anything.

mod announce;
mod bench;
mod counts;
mod dpsgd;
mod flooding;
mod kept;
mod latecomers;
mod links;
mod models;
mod network;
mod pairwise;
mod probe;
mod properties;
mod pull;
mod receive;
mod rounds;
mod rules;
mod rumor;
mod shapes;
mod stages;
mod theory;
mod whole;

use super::io::{Output, Taken};
use super::{Context, Rules};
use crate::time::Time;

fn context<'a>(now: Time, rules: &'a Rules, out: &'a mut Vec<Output>, taken: &'a mut Taken) -> Context<'a> {
    Context { now, rules, out, taken }
}
