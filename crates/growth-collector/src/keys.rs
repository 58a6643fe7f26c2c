//! Which keys are accepted, as the database says it.

use std::collections::HashMap;
use std::time::Duration;

use growth_db::Db;
use growth_track::{Error, key_digest, list_keys};
use tokio::sync::RwLock;
use tokio::time::Instant;

/// For how long what was read of the keys is believed: a key that is revoked is refused after that at the latest.
const BELIEVED: Duration = Duration::from_secs(10);
/// How soon an unknown key makes it look again, so that a new key works at once and guesses cost nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The keys.
#[derive(Debug)]
pub(crate) struct Keys {
    db: Db,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<String, String>,
    read_at: Option<Instant>,
}

impl Keys {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, known: RwLock::default() }
    }

    /// The name of a key that is accepted.
    ///
    /// # Errors
    ///
    /// The database's, where it has to be asked.
    pub(crate) async fn name_of(&self, key: &str) -> Result<Option<String>, Error> {
        let digest = key_digest(key);
        if let Some(answer) = self.known.read().await.answer(&digest) {
            return Ok(answer);
        }
        let mut known = self.known.write().await;
        // Somebody else may have looked while this one waited.
        if let Some(answer) = known.answer(&digest) {
            return Ok(answer);
        }
        let keys = list_keys(&self.db).await?;
        let accepted = keys.into_iter().filter(|key| key.revoked_at.is_none());
        known.names = accepted.map(|key| (key.digest, key.name)).collect();
        known.read_at = Some(Instant::now());
        Ok(known.names.get(&digest).cloned())
    }
}

impl Known {
    /// What is known of a key, as far as it can be believed.
    #[expect(clippy::option_option, reason = "nothing is known, or that there is no such key")]
    fn answer(&self, digest: &str) -> Option<Option<String>> {
        let age = self.read_at?.elapsed();
        match self.names.get(digest) {
            Some(name) if age < BELIEVED => Some(Some(name.clone())),
            None if age < LOOK_AGAIN => Some(None),
            _ => None,
        }
    }
}
