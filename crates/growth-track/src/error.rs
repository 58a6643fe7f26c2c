//! What can go wrong while recording.

use chrono_tz::Tz;

/// An error that stops a whole batch; nothing of the batch is stored then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rollups that are there have the days of another zone.
    #[error(
        "the database counts the days of {stored}, not of {given}: set the time zone {stored}, or count all events \
         again with `growthctl migrate --rebuild --timezone {given}`"
    )]
    TimeZone {
        /// The zone whose days the rollups have.
        stored: String,
        /// The zone asked for.
        given: Tz,
    },
    /// The rollups that are there were made with another activation event.
    #[error(
        "the database counts {stored} as the activation event, not {given}: set activation_event to {stored}, or \
         count all events again with `growthctl migrate --rebuild`"
    )]
    ActivationEvent {
        /// The event that the rollups were made with.
        stored: String,
        /// The event asked for.
        given: String,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] growth_db::Error),
}

impl From<growth_db::SqlError> for Error {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}
