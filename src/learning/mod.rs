//! What nodes learn: datasets, who holds which rows, models, training, evaluation and aggregation.
//!
//! Everything here is a pure function of its arguments and a seed. When a job runs, on which thread and how long it
//! takes in scenario time is the engine's affair; what is sent to whom is the node's.

pub mod spec;
