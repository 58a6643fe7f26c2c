//! A growth snapshot as text: [`markdown`] for people, [`json`] for programs.
//!
//! The crate takes a [`GrowthSnapshot`] and gives text back. It reads no file,
//! no database and no clock. Invariants:
//!
//! * Equal snapshots give equal bytes.
//! * What is undefined is `n/a` with its reason in text and `null` in JSON, never 0 and never infinity.
//! * Currencies stand apart and are never added up.
//! * Names from outside cannot change the shape of a document.
//!
//! [`GrowthSnapshot`]: growth_metrics::GrowthSnapshot

mod calendar;
mod figures;
mod json;
mod markdown;

pub use json::json;
pub use markdown::markdown;
