//! A server on a loopback port, and Stripe posting to it: rows and figures are what they should be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attribution;
mod endings;
mod failures;
mod histories;
mod money_back;
mod nine_kinds;
mod objects;
mod payments;
mod place;
mod receiving;
mod rows;
mod scopes;
mod shapes;
mod subscriptions;
