//! A growth snapshot as a report: [`markdown`], [`html`] and [`text`] for people, [`json`] for programs, and its
//! [`parts`] for pages that lay them out otherwise.
//!
//! The crate takes a [`GrowthSnapshot`] and gives text back. It reads no file,
//! no database, no terminal and no clock. Invariants:
//!
//! * Equal snapshots give equal bytes.
//! * What is undefined is `n/a` with its reason in text and `null` in JSON, never 0 and never infinity.
//! * Currencies stand apart and are never added up, but for the headline, which the snapshot has converted.
//! * Names from outside cannot change the shape of a document.
//! * Words are written once, in Markdown: pages and terminals show what it says.
//!
//! [`GrowthSnapshot`]: growth_metrics::GrowthSnapshot

mod calendar;
mod chart;
mod document;
mod figures;
mod html;
mod json;
mod markdown;
pub mod parts;
mod sections;
mod text;

pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use text::text;
