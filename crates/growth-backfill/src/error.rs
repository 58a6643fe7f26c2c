//! What can stop a backfill.

use growth_stripe_client::Error as ClientError;

/// An error that stops a whole backfill. What was stored before stays, and the next one goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe answered nothing at all, so nothing was stored.
    #[error(transparent)]
    Stripe(#[from] ClientError),
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] growth_ingest::Error),
    /// Another backfill of the same account works on the same database.
    #[error("another backfill of this account is running: wait for its end, or stop it")]
    Taken,
    /// A dry run keeps what it read in a temporary file.
    #[error("cannot keep what was read in a temporary file: {0}")]
    Spool(#[from] std::io::Error),
}

impl From<growth_db::Error> for Error {
    fn from(error: growth_db::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<growth_db::SqlError> for Error {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}
