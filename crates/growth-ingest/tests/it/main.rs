//! Stripe's history in, tables out: the same tables for the same history.

mod convergence;
mod dump;
mod history;
mod one_payment;
