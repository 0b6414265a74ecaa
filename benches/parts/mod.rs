//! The parts of the program that are measured by themselves: each is made ready, and then does the same work every
//! time. `cargo bench --bench clock` takes the time of them, `cargo bench --bench instructions` counts instructions:
//! both measure exactly what is here.
//!
//! A part is a type with `new`, which is not measured, and `run`, which is, and gives the part back, so that letting go
//! of it is not measured either.

pub mod engine;
pub mod node;
pub mod wire;
