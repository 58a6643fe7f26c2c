//! The tokens of admins, who look at the dashboard with them.

use chrono::{DateTime, Utc};

use crate::engine::{Db, Tx, query};
use crate::error::Error;

statements! {
    LIST = "SELECT id, name, created_at, revoked_at FROM admin_tokens ORDER BY created_at, id";
    ACCEPTED = "SELECT name, hash FROM admin_tokens WHERE id = $1 AND revoked_at IS NULL";
    ANY_ACCEPTED = "SELECT EXISTS (SELECT 1 FROM admin_tokens WHERE revoked_at IS NULL) AS any_accepted";
    ADD = "INSERT INTO admin_tokens (id, name, hash, created_at) VALUES ($1, $2, $3, $4)";
    REVOKE = "UPDATE admin_tokens SET revoked_at = $1 WHERE revoked_at IS NULL AND (id = $2 OR name = $3)";
}

/// A token, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AdminTokenRow {
    /// The part of it that may be seen.
    pub id: String,
    /// Who uses it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a token is compared with.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AcceptedToken {
    /// Who uses it.
    pub name: String,
    /// Argon2id of its secret part, in PHC form.
    pub hash: String,
}

/// All tokens, in the order in which they were made.
pub async fn list(db: &Db) -> Result<Vec<AdminTokenRow>, Error> {
    Ok(query(db, LIST).fetch_all().await?)
}

/// The token with this id, unless it was revoked.
pub async fn accepted(db: &Db, id: &str) -> Result<Option<AcceptedToken>, Error> {
    Ok(query(db, ACCEPTED).bind(id).fetch_optional().await?)
}

/// Whether there is a token that was not revoked.
pub async fn any_accepted(db: &Db) -> Result<bool, Error> {
    let (any,): (bool,) = query(db, ANY_ACCEPTED).fetch_one().await?;
    Ok(any)
}

/// Adds a token.
pub async fn add(
    tx: &mut Tx,
    id: &str,
    name: &str,
    hash: &str,
    created_at: DateTime<Utc>,
) -> Result<(), Error> {
    query(tx, ADD).bind(id).bind(name).bind(hash).bind(created_at).execute().await?;
    Ok(())
}

/// Refuses the token with this id and those with this name from now on; returns how many were accepted until then.
pub async fn revoke(tx: &mut Tx, id: &str, name: &str, at: DateTime<Utc>) -> Result<u64, Error> {
    Ok(query(tx, REVOKE).bind(at).bind(id).bind(name).execute().await?)
}
