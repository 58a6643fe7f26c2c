//! What can go wrong while taking in Stripe's history.

use growth_domain::pricing::UnknownPolicy;

/// An error that stops a whole batch; nothing of the batch is stored then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] growth_db::Error),
    /// The database was set up with a policy that this program does not know.
    #[error(
        "the database's policy is not one of this growthctl: `growthctl migrate --rebuild --policy stripe` sets it"
    )]
    Policy(#[from] UnknownPolicy),
}

impl From<growth_db::SqlError> for Error {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}
