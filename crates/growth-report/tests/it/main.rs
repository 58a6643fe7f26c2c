//! What a snapshot becomes as text, one file per behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod activity;
mod business;
mod forms;
mod json;
mod markdown;
mod names;
mod readers;
mod schema;
mod tables;
mod windows;
