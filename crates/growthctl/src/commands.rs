//! One file a subcommand: its arguments, and the wiring of one library call.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod forget;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod prune;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod serve_dashboard;
pub(crate) mod serve_webhook;
pub(crate) mod track;
pub(crate) mod users;
