//! Storage on SQLite or Postgres behind one code path.
//!
//! This crate opens databases, keeps their schema, and reads and writes rows.
//! It decides nothing: what a row means is in `growth-domain`, which rows are
//! written when is in the crates above.
//!
//! Invariants:
//! * one SQL text for both engines, except for the few named pairs where the
//!   engines differ; a test prepares every statement on both;
//! * writing happens in a [`Tx`] only, and SQLite has one writer;
//! * times are bound from Rust, never taken from the engine.

/// Names a module's statements, so that one test can prepare them all on both engines.
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$meta])* const $name: &str = $sql;)*

        #[doc(hidden)]
        pub(crate) const STATEMENTS: &[(&str, &str)] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $sql)),*];
    };
}

/// The statements of modules as they are tested: by name and text, the same on both engines.
#[doc(hidden)]
pub fn named(modules: &[&[(&str, &str)]]) -> Vec<(String, String)> {
    modules.iter().copied().flatten().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect()
}

pub mod connect;
mod engine;
mod error;
mod filling;
pub mod migrate;
pub mod packed;
#[macro_use]
pub mod table;
pub mod rows;

pub use engine::{Db, Engine, Lane, Query, Record, Target, Tx, Value, query};
pub use error::Error;
pub use filling::Filling;

/// The value of a JSON column.
pub use sqlx::types::Json;

/// Vouches for a statement put together from constants.
pub use sqlx::AssertSqlSafe;

/// The error of a single statement.
pub use sqlx::Error as SqlError;
/// What a database says is wrong.
pub use sqlx::error::DatabaseError;

/// Every statement of this crate with its name, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(engine: Engine) -> Vec<(String, String)> {
    let shared = named(&[
        migrate::STATEMENTS,
        rows::admin_tokens::STATEMENTS,
        rows::backfill::STATEMENTS,
        rows::dashboard_sessions::STATEMENTS,
        rows::events::STATEMENTS,
        rows::inbox::STATEMENTS,
        rows::settings::STATEMENTS,
        rows::users::STATEMENTS,
        rows::visitors::STATEMENTS,
        rows::write_keys::STATEMENTS,
    ]);
    [shared, migrate::statements(engine), rows::statements(engine)].concat()
}
