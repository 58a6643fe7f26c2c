//! Stripe's facts into rows: the one door through which Stripe's history comes in.
//!
//! A document is stored in the raw inbox, read into facts, and the facts are
//! folded into the tables of revenue: at once ([`store`]), or, for webhooks,
//! stored now ([`keep`]) and applied later ([`apply_pending`]). Invariants:
//!
//! * What is stored depends on the set of facts, never on the order or the
//!   number of their arrivals.
//! * One process at a time applies facts to one database: the lock on the policy,
//!   taken before the first write, is held until the transaction ends.
//! * A document that cannot be read is kept with its error and stops nobody.
//! * Nothing is dropped for want of a user, a customer or a payment.

mod apply;
mod catalog;
mod customers;
mod error;
mod forgotten;
mod intake;
mod latest;
mod payments;
mod project;
pub mod readings;
mod receive;
mod subscriptions;
mod told;
mod users;

pub use apply::{Again, Outcome, Pace, apply_pending};
pub use error::Error;
pub use forgotten::{Cleared, Person, forget, hold};
pub use intake::{Intake, Prepared, Problem, Source, Summary, ingest, is_empty, prepare, store};
pub use project::rebuild;
pub use receive::{Kept, NotAnEvent, keep, receive};
pub use users::link_waiting_users;

/// Every statement of this crate with its name, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(engine: growth_db::Engine) -> Vec<(String, String)> {
    [
        growth_db::named(&[forgotten::STATEMENTS, intake::STATEMENTS, project::STATEMENTS]),
        users::statements(engine),
    ]
    .concat()
}
