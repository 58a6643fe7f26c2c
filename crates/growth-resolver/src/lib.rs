//! Asking Stripe for what its events cannot carry.
//!
//! An event shows an object as it is without `expand[]`: a charge without its
//! fee, a price without its tiers, a discount as an id, a coupon without the
//! products it is limited to. And in API versions since 2025-03-31 neither an
//! invoice nor its payment intent says that one paid the other, where the event
//! that does got lost. A [`Resolver`] looks in the database for what is missing,
//! reads it from Stripe, and hands it to `growth-ingest` like any other history.
//!
//! What this crate refuses to do: it is on nobody's way. Nothing waits for it,
//! and without a key the product does the same with fewer figures known.
//!
//! Invariants:
//!
//! * A live key asks for live data only, a test key for test data.
//! * An answer is stamped some minutes before it was asked for, so an event is
//!   always the later fact, whatever the clocks say: an answer adds what is
//!   missing and never changes what an event told.
//! * What cannot be had is asked for at growing pauses, and never keeps anything
//!   else from being asked for.
//! * The subscription that is read for its discounts is not taken in: a state
//!   told by reading is no evidence of when it began, events are.

mod answers;
mod attempts;
mod missing;
mod resolver;
mod stats;

pub use missing::Kind;
pub use resolver::{Pace, Resolver, Round};
pub use stats::{Counts, Stats};

/// Every statement of this crate with its name, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(_: growth_db::Engine) -> Vec<(String, String)> {
    missing::statements()
}
