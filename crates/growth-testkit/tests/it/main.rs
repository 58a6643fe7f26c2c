//! The databases that tests are given, the browser, and the sender of webhooks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod databases;
mod sender;
