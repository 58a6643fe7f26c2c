//! Product events, users and usage counters: the one door through which they
//! become rows and rollups.

mod event;

pub use event::{Event, Usage, User};
