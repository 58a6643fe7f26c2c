//! What stored figures were built with.
//!
//! A setting's row is also the lock of the figures that depend on it: whoever
//! adds to them holds it with others, whoever changes it holds it alone.

use crate::engine::{Db, Engine, Tx, query};
use crate::error::Error;

/// The name of the IANA zone whose days the rollups of events have.
pub const TIME_ZONE: &str = "timezone";
/// The name of the policy that the ledger is built with.
pub const POLICY: &str = "policy";

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

fn hold_sql(engine: Engine) -> &'static str {
    match engine {
        // A writer holds the whole database anyway.
        Engine::Sqlite => READ,
        Engine::Postgres => HOLD_POSTGRES,
    }
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![("settings::hold".to_owned(), hold_sql(engine).to_owned())]
}
