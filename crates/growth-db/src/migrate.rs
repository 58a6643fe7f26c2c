//! The schema's history.
//!
//! All pending migrations run in one transaction under a lock that the
//! transaction holds, so two processes may migrate at once, an interrupted
//! run leaves nothing, and a pooler that hands out connections by transaction
//! is no obstacle. (The migrator that comes with sqlx locks the session on
//! Postgres and not at all on SQLite.)

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::connect::SCHEMA;
use crate::engine::{Db, Engine, Target, Tx, built_query, query};
use crate::error::Error;

/// A step of the schema's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1.
    pub version: i64,
    /// Its name, the same on both engines.
    pub name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal)*) => {
        /// Every migration in order.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }),*];
    };
}

migrations! {
    1 "0001_foundation"
    2 "0002_revenue"
    3 "0003_product"
    4 "0004_inbox"
    5 "0005_resolver"
    6 "0006_backfill"
    7 "0007_evidence"
    8 "0008_tracking"
    9 "0009_teams"
    10 "0010_dashboard"
    11 "0011_received"
}

/// Roles, rights, policies and the mirror of `auth.users`, for Postgres alone.
///
/// They depend on what else is in the database, so this runs after every migration and brings about what is missing.
#[doc(hidden)]
pub const ACCESS: &str = include_str!("../../../migrations/access.sql");

statements! {
    CREATE = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";
    APPLIED = "SELECT version, checksum FROM schema_migrations ORDER BY version";
    RECORD = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";
}

const SQLITE_HAS_HISTORY: &str =
    "SELECT COUNT(*) > 0 AS known FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
/// A look into the catalogue's tables, since `to_regclass` may remember how it was before the lock.
const POSTGRES_HAS_HISTORY: &str = "SELECT COUNT(*) > 0 AS known FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'growth' AND relname = 'schema_migrations'";
/// A role for which row level security holds would take every table for an empty one, this one first.
const POSTGRES_HIDDEN: &str =
    "SELECT CAST(current_user AS TEXT) AS role, CAST(pg_get_userbyid(relowner) AS TEXT) AS owner
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'growth' AND relname = 'schema_migrations' AND row_security_active(pg_class.oid)";
const POSTGRES_LOCK: &str = "SELECT 1::bigint FROM (SELECT pg_advisory_xact_lock(7160119472)) AS locked";
const POSTGRES_HAS_SCHEMA: &str = "SELECT COUNT(*) > 0 FROM pg_namespace WHERE nspname = $1";

impl Migration {
    fn script(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn checksum(&self, engine: Engine) -> String {
        Sha256::digest(self.script(engine)).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The migrations that the database still lacks, in order.
///
/// An error when its history is another one than this program's.
pub async fn pending(db: &Db) -> Result<Vec<Migration>, Error> {
    missing(db.engine(), &applied(db, db.engine()).await?)
}

/// Applies what is pending and returns it. Safe to run twice, and by two processes at once.
///
/// On Postgres it also sees to who may do what, which changes nothing where nothing is missing.
pub async fn run(db: &Db) -> Result<Vec<Migration>, Error> {
    let mut tx = db.begin().await?;
    let applied = run_within(&mut tx).await?;
    tx.commit().await?;
    Ok(applied)
}

/// Does what [`run`] does within a transaction of the caller's.
#[doc(hidden)]
pub async fn run_within(tx: &mut Tx) -> Result<Vec<Migration>, Error> {
    let engine = tx.engine();
    if engine == Engine::Postgres {
        query(&mut *tx, POSTGRES_LOCK).fetch_one::<(i64,)>().await?;
        // A role without the right to create schemas may still be given an existing one.
        let (exists,): (bool,) = query(&mut *tx, POSTGRES_HAS_SCHEMA).bind(SCHEMA).fetch_one().await?;
        if !exists {
            built_query(&mut *tx, format!("CREATE SCHEMA {SCHEMA}")).execute().await?;
        }
    }
    let missing = missing(engine, &applied(&mut *tx, engine).await?)?;
    if !missing.is_empty() {
        query(&mut *tx, CREATE).execute().await?;
    }
    for migration in &missing {
        apply(tx, migration).await?;
    }
    if engine == Engine::Postgres {
        tx.run_script(ACCESS).await?;
    }
    Ok(missing)
}

/// Refuses a database whose schema is not this program's.
pub async fn check(db: &Db) -> Result<(), Error> {
    match pending(db).await?.len() {
        0 => Ok(()),
        pending => Err(Error::Pending { pending }),
    }
}

async fn apply(tx: &mut Tx, migration: &Migration) -> Result<(), Error> {
    let engine = tx.engine();
    tx.run_script(migration.script(engine)).await?;
    query(tx, RECORD)
        .bind(migration.version)
        .bind(migration.name)
        .bind(migration.checksum(engine))
        .execute()
        .await?;
    Ok(())
}

async fn applied(on: impl Into<Target<'_>>, engine: Engine) -> Result<BTreeMap<i64, String>, Error> {
    let mut on = on.into();
    let (known,): (bool,) = query(on.reborrow(), has_history_sql(engine)).fetch_one().await?;
    if !known {
        return Ok(BTreeMap::new());
    }
    if engine == Engine::Postgres
        && let Some((role, owner)) = query(on.reborrow(), POSTGRES_HIDDEN).fetch_optional().await?
    {
        return Err(Error::Hidden { role, owner });
    }
    Ok(query(on, APPLIED).fetch_all::<(i64, String)>().await?.into_iter().collect())
}

fn has_history_sql(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => SQLITE_HAS_HISTORY,
        Engine::Postgres => POSTGRES_HAS_HISTORY,
    }
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![("migrate::has_history".to_owned(), has_history_sql(engine).to_owned())]
}

fn missing(engine: Engine, applied: &BTreeMap<i64, String>) -> Result<Vec<Migration>, Error> {
    if let Some(version) =
        applied.keys().find(|version| MIGRATIONS.iter().all(|known| known.version != **version))
    {
        return Err(Error::History {
            version: *version,
            problem: "unknown to this growthctl",
            advice: "the database was migrated by a newer version, use that one or a later one",
        });
    }
    let mut missing = Vec::new();
    for migration in MIGRATIONS {
        match applied.get(&migration.version) {
            None => missing.push(*migration),
            Some(checksum) if *checksum == migration.checksum(engine) => {}
            Some(_) => {
                return Err(Error::History {
                    version: migration.version,
                    problem: "not the one this growthctl knows under that number",
                    advice: "it was changed after it was applied; use the version that made the database",
                });
            }
        }
    }
    Ok(missing)
}
