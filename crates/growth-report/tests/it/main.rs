//! What a snapshot becomes as text, one file per behaviour.

mod business;
mod json;
mod markdown;
mod names;
mod schema;
mod tables;
