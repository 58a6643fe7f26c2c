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
    /// Our own code gave up, which is a mistake of ours.
    #[error("growthctl made a mistake here, please report it: {0}")]
    Mistake(String),
}

impl Error {
    /// Whether the events themselves are at fault, so that applying them again would fail again.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Database(error) => error.is_about_data(),
            Self::Mistake(_) => true,
            Self::Policy(_) => false,
        }
    }
}

impl From<growth_db::SqlError> for Error {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}
