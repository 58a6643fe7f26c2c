//! Statistics for Postgres while much is written at once.
//!
//! A planner that has never looked at a table takes every condition to be as selective as any other. Of a table that
//! grows from nothing it would so read all rows of an account for each batch, until autovacuum comes by a minute later.

use crate::engine::{Db, Engine, built_query, query};
use crate::error::Error;

/// Those without statistics; once a table has some, autovacuum keeps them fresh enough. For Postgres alone.
const TABLES: &str = "SELECT CAST(t.tablename AS TEXT) AS name FROM pg_tables t
    WHERE t.schemaname = current_schema() AND NOT EXISTS (
        SELECT 1 FROM pg_stats s WHERE s.schemaname = t.schemaname AND s.tablename = t.tablename)
    ORDER BY 1";

/// How many rows are written before the tables are looked at for the first time; then ten times as many, and so on.
const FIRST: u64 = 1_000;

/// Counts what is written to a database, and lets Postgres look at it now and then.
#[derive(Clone, Copy, Debug)]
pub struct Filling {
    written: u64,
    next: u64,
}

impl Default for Filling {
    fn default() -> Self {
        Self { written: 0, next: FIRST }
    }
}

impl Filling {
    /// Adds what was just committed, and has the tables analyzed that have no statistics yet where it is time to. Does
    /// nothing on SQLite, whose planner needs none.
    pub async fn add(&mut self, rows: u64, db: &Db) -> Result<(), Error> {
        self.written += rows;
        if self.written < self.next || db.engine() == Engine::Sqlite {
            return Ok(());
        }
        self.next = self.written.saturating_mul(10);
        let tables: Vec<(String,)> = query(db, TABLES).fetch_all().await?;
        for (table,) in tables {
            built_query(db, format!("ANALYZE {table}")).execute().await?;
        }
        Ok(())
    }
}
