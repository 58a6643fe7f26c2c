//! Admin tokens: `gat_`, 16 digits that may be seen, `_`, and 32 digits that are secret.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use chrono::{DateTime, SubsecRound, Utc};
use growth_db::Db;
use growth_db::rows::admin_tokens;
use tokio::task::spawn_blocking;

pub use growth_db::rows::admin_tokens::AdminTokenRow as AdminToken;

use super::secrets::{hex, is_hex, random};

/// How a token begins, so that one that is found somewhere is known for what it is.
const PREFIX: &str = "gat_";
const ID: usize = 16;
const SECRET: usize = 32;
/// The longest name of a token.
const LONGEST_NAME: usize = 255;

/// The least that OWASP recommends for argon2id: 19 MiB, two passes, one lane.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name cannot be one.
    #[error("{0}")]
    Name(String),
    /// The digest could not be made.
    #[error("the token's digest cannot be made: {0}")]
    Digest(String),
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] growth_db::Error),
}

impl From<growth_db::SqlError> for TokenError {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}

/// A token, in its two parts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: String,
    secret: String,
}

impl Token {
    fn new() -> Self {
        Self { id: hex(&random::<{ ID / 2 }>()), secret: hex(&random::<{ SECRET / 2 }>()) }
    }

    /// Reads what somebody sent.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_one = is_hex(id, ID) && is_hex(secret, SECRET);
        is_one.then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// Argon2id of the secret, in PHC form. It takes a while.
    fn hash(&self) -> Result<String, TokenError> {
        let digest = |error: &dyn std::fmt::Display| TokenError::Digest(error.to_string());
        let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|error| digest(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(self.secret.as_bytes(), &random::<16>());
        Ok(hash.map_err(|error| digest(&error))?.to_string())
    }

    /// Whether this is the token that a hash was made of. It takes a while.
    pub(crate) fn matches(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        Argon2::default().verify_password(self.secret.as_bytes(), &hash).is_ok()
    }
}

/// Makes a token and returns it; nobody can read it again.
///
/// # Errors
///
/// [`TokenError::Name`] for a name that is empty, has more than 255 bytes or cannot be shown; otherwise the database's.
pub async fn create_token(db: &Db, name: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
    let name = name.trim();
    let problem = if name.is_empty() {
        Some("is empty")
    } else if name.len() > LONGEST_NAME {
        Some("is longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Some("has characters that cannot be shown")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(TokenError::Name(format!("the name of a token {problem}")));
    }
    let token = Token::new();
    let hashing = {
        let token = token.clone();
        spawn_blocking(move || token.hash())
    };
    let hash = hashing.await.map_err(|error| TokenError::Digest(error.to_string()))??;
    let mut tx = db.begin().await?;
    admin_tokens::add(&mut tx, &token.id, name, &hash, now.trunc_subsecs(6)).await?;
    tx.commit().await?;
    Ok(token.text())
}

/// All tokens, in the order in which they were made.
///
/// # Errors
///
/// The database's.
pub async fn list_tokens(db: &Db) -> Result<Vec<AdminToken>, growth_db::Error> {
    admin_tokens::list(db).await
}

/// How a list shows a token: as much of it as is no secret.
pub fn token_hint(token: &AdminToken) -> String {
    format!("{PREFIX}{}", token.id)
}

/// Refuses the tokens with this name, or the one that is this or begins with this, as a list shows it, from now on;
/// returns how many were accepted until then.
///
/// # Errors
///
/// The database's.
pub async fn revoke_tokens(db: &Db, which: &str, now: DateTime<Utc>) -> Result<u64, growth_db::Error> {
    let id = which.strip_prefix(PREFIX).unwrap_or_default();
    let id = id.split('_').next().unwrap_or_default();
    let mut tx = db.begin().await?;
    let revoked = admin_tokens::revoke(&mut tx, id, which, now.trunc_subsecs(6)).await?;
    tx.commit().await?;
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token::new();
        let text = token.text();
        assert_eq!(text.len(), 4 + ID + 1 + SECRET);
        assert!(Token::read(&text) == Some(token));
        for wrong in ["", "gat_", "gat__", &text[1..], &text[..text.len() - 1], &text.to_uppercase()] {
            assert!(Token::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn only_the_token_itself_matches_its_hash() {
        let token = Token::new();
        let hash = token.hash().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(token.matches(&hash));
        let other = Token { secret: Token::new().secret, ..token };
        assert!(!other.matches(&hash));
        assert!(!other.matches("") && !other.matches("no hash"));
    }
}
