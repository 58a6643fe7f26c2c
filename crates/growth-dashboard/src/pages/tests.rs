//! Pages of the sample business and of snapshots that are built by hand.

mod laws;
mod nesting;
mod samples;
