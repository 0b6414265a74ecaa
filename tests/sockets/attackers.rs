//! Peers that do not behave.
