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
//! There are two ways in. [`write()`] stores what it is given in one transaction, and has no clock: the caller says when
//! it arrived. A [`Tracker`] is for applications: it takes one thing at a time, stores them in the background, and lives
//! in the present.

mod accepted;
mod again;
mod batch;
mod counting;
mod digest;
mod error;
mod event;
mod identities;
mod keys;
pub mod lines;
mod rollups;
mod tracker;
mod usage;
mod users;
mod visitors;

pub use accepted::MAX_EVENT;
pub use again::{
    Forgotten, Pruned, Rebuilt, forget, forget_old_receipts, month_of_pruning, prunable, prune, rebuild,
};
pub use batch::{Batch, Once, Recorded, Settings, Written, record, record_all, write};
pub use counting::{Counting, DEFAULT_ACTIVATION_EVENT};
pub use error::Error;
pub use event::{Context, Counters, Event, Identity, Usage, User};
pub use keys::{KeyError, WriteKey, create_key, key_digest, list_keys, revoke_keys};
pub use tracker::{Clock, ExportFormat, FlushError, Flushed, Options, TrackError, Tracker};
pub use usage::count_usage;
pub use users::{Upserted, upsert_users};
