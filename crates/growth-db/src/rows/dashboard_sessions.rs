//! Who is signed in to the dashboard.

use chrono::{DateTime, Utc};

use crate::engine::{Db, Tx, query};
use crate::error::Error;

statements! {
    ADD = "INSERT INTO dashboard_sessions (digest, token_id, user_id, created_at, seen_at, ends_at)
    VALUES ($1, $2, $3, $4, $4, $5)";
    FIND = "SELECT s.token_id, s.user_id, s.seen_at, s.ends_at, t.name AS token_name, u.external_id AS user_name
    FROM dashboard_sessions s
    LEFT JOIN admin_tokens t ON t.id = s.token_id AND t.revoked_at IS NULL
    LEFT JOIN users u ON u.id = s.user_id AND u.is_admin AND u.erased_at IS NULL
    WHERE s.digest = $1";
    SEE = "UPDATE dashboard_sessions SET seen_at = $1 WHERE digest = $2";
    REMOVE = "DELETE FROM dashboard_sessions WHERE digest = $1";
    REMOVE_OVER = "DELETE FROM dashboard_sessions WHERE ends_at <= $1 OR seen_at <= $2";
}

/// A session, and who still has a right to it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionRow {
    /// The token that it is of.
    pub token_id: Option<String>,
    /// The number of the user whom it is of.
    pub user_id: Option<i64>,
    /// When somebody was there last, to a minute or so.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub ends_at: DateTime<Utc>,
    /// The name of its token, where that is accepted.
    pub token_name: Option<String>,
    /// The application's id of its user, where that is an admin who was not forgotten.
    pub user_name: Option<String>,
}

/// Whose a session is; that of the printed link is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// The token with this id.
    Token(&'a str),
    /// The user with this number.
    User(i64),
    /// Whoever had the printed link.
    Link,
}

/// Adds a session that begins now.
pub async fn add(
    tx: &mut Tx,
    digest: &str,
    owner: Owner<'_>,
    now: DateTime<Utc>,
    ends_at: DateTime<Utc>,
) -> Result<(), Error> {
    let (token, user) = match owner {
        Owner::Token(id) => (Some(id), None),
        Owner::User(id) => (None, Some(id)),
        Owner::Link => (None, None),
    };
    query(tx, ADD).bind(digest).bind(token).bind(user).bind(now).bind(ends_at).execute().await?;
    Ok(())
}

/// The session with this digest.
pub async fn find(db: &Db, digest: &str) -> Result<Option<SessionRow>, Error> {
    Ok(query(db, FIND).bind(digest).fetch_optional().await?)
}

/// Notes that somebody is there.
pub async fn see(tx: &mut Tx, digest: &str, now: DateTime<Utc>) -> Result<(), Error> {
    query(tx, SEE).bind(now).bind(digest).execute().await?;
    Ok(())
}

/// Ends a session.
pub async fn remove(tx: &mut Tx, digest: &str) -> Result<(), Error> {
    query(tx, REMOVE).bind(digest).execute().await?;
    Ok(())
}

/// Removes the sessions that have ended, or in which nobody was since `seen_before`; returns how many.
pub async fn remove_over(tx: &mut Tx, now: DateTime<Utc>, seen_before: DateTime<Utc>) -> Result<u64, Error> {
    Ok(query(tx, REMOVE_OVER).bind(now).bind(seen_before).execute().await?)
}
