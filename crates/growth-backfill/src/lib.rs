//! Stripe's history into the tables, by its API, and the proof that it is complete.
//!
//! A [`Backfill`] reads events of the last 30 days first, which heal lost webhooks exactly, and then every list of
//! objects that figures need. What it reads goes through `growth-ingest`'s door for readings: what is known changes
//! nothing, and a page never beats a newer webhook.
//!
//! Lists are read in slices of time, several at once. Each page is stored in one transaction together with the place
//! up to which its slice was read, so an interrupted backfill goes on where it was, and no page that was stored is
//! asked for again.
//!
//! An [`Audit`] reads the lists of its window in the same way and compares what they show with the tables, object by
//! object. It writes nothing.

mod audit;
mod backfill;
mod clock;
mod error;
mod fetch;
mod figures;
mod lists;
mod reader;
mod slices;
mod spool;
mod store;
mod summary;

pub use audit::{Audit, AuditOptions, Compared, Difference, Kind, Problem, Report, Sides, Told, Totals};
pub use backfill::{Backfill, Options, Step};
pub use error::Error;
pub use figures::{Figure, Figures, Sum};
pub use growth_ingest::readings::{Seen, Verdict};
pub use lists::List;
pub use summary::{Amounts, Missing, Summary, Tally, Unattributed};

/// Every statement of this crate with its name, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(engine: growth_db::Engine) -> Vec<(String, String)> {
    [growth_db::named(&[summary::STATEMENTS, figures::STATEMENTS]), audit::statements(engine)].concat()
}
