//! The snapshot's statements and figures on real databases, filled through the doors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cash;
mod edges;
mod explain;
mod insights;
mod payments;
mod place;
mod properties;
mod reference;
mod revenue;
mod sample;
mod statements;
mod truth;
mod users;
