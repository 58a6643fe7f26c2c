//! Stripe's history in, tables out: the same tables for the same history.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod convergence;
mod forgetting;
mod history;
mod losses;
mod one_payment;
mod replays;
mod statements;
