//! The keys that applications send events with.

use chrono::{DateTime, Utc};

use crate::engine::{Db, Tx, query};
use crate::error::Error;

statements! {
    LIST = "SELECT digest, name, hint, created_at, revoked_at FROM write_keys ORDER BY created_at, digest";
    ADD = "INSERT INTO write_keys (digest, name, hint, created_at) VALUES ($1, $2, $3, $4)";
    REVOKE = "UPDATE write_keys SET revoked_at = $1 WHERE revoked_at IS NULL AND (hint = $2 OR name = $2 OR digest = $3)";
}

/// A key, of which only the digest is known.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct WriteKeyRow {
    /// SHA-256 of the key, in hexadecimal.
    pub digest: String,
    /// Who uses it.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All keys, in the order in which they were made.
pub async fn list(db: &Db) -> Result<Vec<WriteKeyRow>, Error> {
    Ok(query(db, LIST).fetch_all().await?)
}

/// Adds a key.
pub async fn add(tx: &mut Tx, key: &WriteKeyRow) -> Result<(), Error> {
    query(tx, ADD).bind(&key.digest).bind(&key.name).bind(&key.hint).bind(key.created_at).execute().await?;
    Ok(())
}

/// Refuses the keys with this hint, name or digest from now on; returns how many were accepted until then.
pub async fn revoke(tx: &mut Tx, which: &str, digest: &str, at: DateTime<Utc>) -> Result<u64, Error> {
    Ok(query(tx, REVOKE).bind(at).bind(which).bind(digest).execute().await?)
}
