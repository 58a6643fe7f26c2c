//! Write keys: who may send events over the network.
//!
//! A key is 128 random bits, so its plain SHA-256 cannot be guessed back, and looking one up is cheap.

use chrono::{DateTime, SubsecRound, Utc};
use growth_db::Db;
use growth_db::rows::write_keys;

pub use growth_db::rows::write_keys::WriteKeyRow as WriteKey;

use crate::accepted::filled_id;
use crate::digest;
use crate::error::Error;

/// How a key begins, so that one that is found somewhere is known for what it is.
const PREFIX: &str = "gwk_";
/// How much of a key a list shows.
const HINT: usize = 12;

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The name cannot be one.
    #[error("{0}")]
    Name(String),
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] growth_db::Error),
}

impl From<growth_db::SqlError> for KeyError {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}

/// Makes a key and returns it; nobody can read it again.
///
/// Events that are sent with it have the source `name`; a retry may come with another key of the same name.
///
/// # Errors
///
/// [`KeyError::Name`] for a name that is empty or has more than 255 bytes; otherwise the database's.
pub async fn create_key(db: &Db, name: &str, now: DateTime<Utc>) -> Result<String, KeyError> {
    let name =
        filled_id("the name of a key", name.trim()).map_err(|problem| KeyError::Name(problem.to_string()))?;
    if name.chars().any(char::is_control) {
        return Err(KeyError::Name("the name of a key has characters that cannot be shown".to_owned()));
    }
    let key = format!("{PREFIX}{}", digest::random());
    let row = WriteKey {
        digest: key_digest(&key),
        name,
        hint: key.get(..HINT).unwrap_or_default().to_owned(),
        created_at: now.trunc_subsecs(6),
        revoked_at: None,
    };
    let mut tx = db.begin().await?;
    write_keys::add(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(key)
}

/// All keys, in the order in which they were made.
///
/// # Errors
///
/// The database's.
pub async fn list_keys(db: &Db) -> Result<Vec<WriteKey>, Error> {
    Ok(write_keys::list(db).await?)
}

/// Refuses the keys with this name, or the one that is this or has this hint, from now on; returns how many were accepted until then.
///
/// # Errors
///
/// The database's.
pub async fn revoke_keys(db: &Db, which: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    let revoked = write_keys::revoke(&mut tx, which, &key_digest(which), now.trunc_subsecs(6)).await?;
    tx.commit().await?;
    Ok(revoked)
}

/// What is stored of a key.
pub fn key_digest(key: &str) -> String {
    digest::sha256(key)
}
