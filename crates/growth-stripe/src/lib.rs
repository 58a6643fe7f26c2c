//! Stripe's wire: JSON of any API version into the facts of [`growth_domain`].
//!
//! [`envelope`] tells what a document is (an event, a plain object, a page of
//! a list), [`extract`] reads what the figures need of it.
//!
//! What this crate refuses to do: it opens no connection, verifies no
//! signature, stores nothing and reads no clock; the time at which a plain
//! object was read is an argument.
//!
//! Invariants:
//!
//! * A field is found by its presence, never by `api_version`: the new path
//!   first, the old one second. A reference may be `"id"` or `{"id": …}`, and
//!   `null` is the same as absent.
//! * Values of enumerations are text, so an unknown one is kept. What Stripe
//!   adds is ignored; what the figures need and do not find is an error that
//!   names the object and the path.
//! * No text that leaves this crate contains U+0000, which Postgres refuses.
//! * No input makes it panic.

mod catalog;
mod customers;
mod decimals;
pub mod envelope;
pub mod extract;
mod fields;
mod invoices;
mod payments;
pub mod person;
mod previous;
mod subscriptions;
