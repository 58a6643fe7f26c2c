//! One file a subcommand: its arguments, and the wiring of one library call.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod demo;
pub(crate) mod migrate;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod serve_webhook;
