//! Takes events over HTTP by Segment's protocol, so that its clients work unchanged when they are given this host.
//!
//! Six calls (`track`, `identify`, `page`, `screen`, `group`, `alias`), one by one or in batches, with a write key as
//! the user name of Basic authentication, in the body, or as a Bearer. Invariants:
//!
//! * 200 means that everything which can be stored is committed; what cannot is named by its position.
//! * A call counts once, however often it is sent: its id is written down in the transaction of what it tells.
//! * Nothing is ever redirected: there are clients that take a redirect for success.
//! * Memory is bounded by the bytes of bodies, as they are sent and inflated, and by the queue of the writer.

mod answer;
mod call;
mod keys;
mod names;
mod routes;
mod stats;
mod writer;

pub use call::{Kind, MAX_BATCH};
pub use routes::{Clock, Collector, OPENAPI, Settings};
pub use stats::Stats;
