//! What stored figures were built with.
//!
//! A setting's row is also the lock of the figures that depend on it: whoever
//! adds to them holds it with others, whoever changes it holds it alone.

use crate::engine::{Db, Engine, Tx, built_query, query};
use crate::error::Error;

/// The name of the IANA zone whose days the rollups of events have.
pub const TIME_ZONE: &str = "timezone";
/// The name of the policy that the ledger is built with.
pub const POLICY: &str = "policy";

/// The name of the event that activates a user when it succeeds; empty until a first batch decides.
pub const ACTIVATION_EVENT: &str = "activation_event";
/// What the ids of forgotten people are hashed with.
pub const ERASURE_SALT: &str = "erasure_salt";
/// The instant before which raw events are gone; empty while there is none.
pub const PRUNED_BEFORE: &str = "pruned_before";

/// The settings of what is tracked; the row of the time zone is the lock of all.
const TRACKING: &str = "SELECT key, value FROM settings
    WHERE key IN ('timezone', 'activation_event', 'erasure_salt', 'pruned_before')";

statements! {
    READ = "SELECT value FROM settings WHERE key = $1";
    LOCK = "UPDATE settings SET value = value WHERE key = $1 RETURNING value";
    SET = "UPDATE settings SET value = $1 WHERE key = $2";
}

const HOLD_POSTGRES: &str = "SELECT value FROM settings WHERE key = $1 FOR SHARE";

/// The server ends a transaction whose process hangs, or is cut off, so that others need not wait for it forever.
const EXPIRE_POSTGRES: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// Reads a setting as it is now.
pub async fn read(db: &Db, key: &str) -> Result<String, Error> {
    let (value,) = query(db, READ).bind(key).fetch_one().await?;
    Ok(value)
}

/// Reads a setting, which nobody can change until the transaction ends.
pub async fn hold(tx: &mut Tx, key: &str) -> Result<String, Error> {
    let sql = hold_sql(tx.engine());
    let (value,) = query(tx, sql).bind(key).fetch_one().await?;
    Ok(value)
}

/// Reads a setting, which nobody can change or [`hold`] until the transaction ends.
///
/// A transaction that holds it already would wait for another one of its kind forever.
pub async fn lock(tx: &mut Tx, key: &str) -> Result<String, Error> {
    if tx.engine() == Engine::Postgres {
        query(&mut *tx, EXPIRE_POSTGRES).execute().await?;
    }
    let (value,) = query(tx, LOCK).bind(key).fetch_one().await?;
    Ok(value)
}

/// Changes a setting; its figures have to be built again by the caller.
pub async fn set(tx: &mut Tx, key: &str, value: &str) -> Result<(), Error> {
    query(tx, SET).bind(value).bind(key).execute().await?;
    Ok(())
}

/// What rollups of product events were built with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// [`TIME_ZONE`]
    pub time_zone: String,
    /// [`ACTIVATION_EVENT`]
    pub activation_event: String,
    /// [`ERASURE_SALT`]
    pub erasure_salt: String,
    /// [`PRUNED_BEFORE`]
    pub pruned_before: String,
}

/// Reads what events are counted by, which nobody can change until the transaction ends.
pub async fn hold_tracking(tx: &mut Tx) -> Result<Tracking, Error> {
    let sql = hold_tracking_sql(tx.engine());
    Ok(tracking(built_query(tx, sql).fetch_all().await?))
}

/// Reads what events are counted by, and keeps everybody from writing any until the transaction ends.
///
/// See [`lock`].
pub async fn lock_tracking(tx: &mut Tx) -> Result<Tracking, Error> {
    lock(tx, TIME_ZONE).await?;
    Ok(tracking(query(tx, TRACKING).fetch_all().await?))
}

/// Reads what events are counted by, as it is now.
pub async fn read_tracking(db: &Db) -> Result<Tracking, Error> {
    Ok(tracking(query(db, TRACKING).fetch_all().await?))
}

fn tracking(rows: Vec<(String, String)>) -> Tracking {
    let mut tracking = Tracking::default();
    for (key, value) in rows {
        match key.as_str() {
            TIME_ZONE => tracking.time_zone = value,
            ACTIVATION_EVENT => tracking.activation_event = value,
            ERASURE_SALT => tracking.erasure_salt = value,
            _ => tracking.pruned_before = value,
        }
    }
    tracking
}

fn hold_tracking_sql(engine: Engine) -> String {
    match engine {
        Engine::Sqlite => TRACKING.to_owned(),
        Engine::Postgres => format!("{TRACKING} FOR SHARE"),
    }
}

fn hold_sql(engine: Engine) -> &'static str {
    match engine {
        // A writer holds the whole database anyway.
        Engine::Sqlite => READ,
        Engine::Postgres => HOLD_POSTGRES,
    }
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![
        ("settings::hold".to_owned(), hold_sql(engine).to_owned()),
        ("settings::hold_tracking".to_owned(), hold_tracking_sql(engine)),
    ]
}
