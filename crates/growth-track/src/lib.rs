//! Product events, users and usage counters: the one door through which they
//! become rows and rollups.
//!
//! Invariants:
//! * everything of one batch is written in one transaction;
//! * rollups are made of the very rows that were stored, so they equal what
//!   SQL over the raw events would count;
//! * a message counts once, however often it is sent;
//! * what cannot be stored is named to the caller, and the rest is stored.
//!
//! This crate has no clock: the caller says when something arrived.

mod accepted;
mod error;
mod event;
mod record;
mod rollups;
mod time_zone;
mod usage;
mod users;

pub use error::Error;
pub use event::{Event, Usage, User};
pub use record::{Recorded, Settings, record};
pub use usage::{Counted, count_usage};
pub use users::{Upserted, upsert_users};
