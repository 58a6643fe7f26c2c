//! What a server of webhooks has to bear: from whoever can reach its port, and from its own database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_request;
mod bodies;
mod protocol;
mod raw;
mod running;
mod signatures;
mod trouble;
