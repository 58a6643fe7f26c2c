//! The real binary, as people use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(target_os = "linux")]
mod actions;
mod audit;
mod backfill;
mod bad_input;
mod dashboard;
mod demo;
mod explain;
mod guide;
mod help;
mod links;
mod migrate;
mod orders;
mod replays;
mod reports;
mod run;
mod segment_clients;
mod serve_webhook;
mod serving;
mod settings;
mod tracking;
mod unreliable;
#[cfg(target_os = "linux")]
mod weekly;
