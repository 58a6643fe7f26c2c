//! The databases that tests are given, and the sender of webhooks.

mod databases;
mod sender;
