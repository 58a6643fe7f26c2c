//! What both engines have in common, and where each keeps its word.

#![cfg(test)]

mod bulk;
mod inbox;
mod migrations;
mod schema;
mod statements;
mod transactions;
