//! What both engines have in common, and where each keeps its word.

#![cfg(test)]

mod access;
mod bulk;
mod functions;
mod inbox;
mod limits;
mod migrations;
mod packed;
mod pooler;
mod schema;
mod statements;
mod supabase;
mod transactions;
