//! What can go wrong while building a snapshot.

use growth_domain::pricing::{Policy, UnknownPolicy};
use growth_domain::rollforward::Unbalanced;

/// An error of this crate.
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
    /// Nothing is known of the application that was asked for.
    #[error("nothing was recorded of the application {app:?}; those of this database: {known}")]
    UnknownApp {
        /// The application's name.
        app: String,
        /// The names that are known.
        known: String,
    },
    /// The event that was asked for is not a known one, and was never recorded.
    #[error("no event {name:?} was ever recorded; {known}")]
    UnknownEvent {
        /// The event's name.
        name: String,
        /// Which one may be meant.
        known: String,
    },
    /// Nothing is known of the connected account that was asked for.
    #[error("nothing is known of the connected account {account:?}; those of this database: {known}")]
    UnknownAccount {
        /// The account.
        account: String,
        /// The accounts that are known.
        known: String,
    },
    /// The payment that a page is to follow is not there.
    #[error(
        "there is no payment {id:?} in this account and mode for a page to follow: begin with the first page again, or \
         give the id of the last payment of the page before"
    )]
    UnknownPayment {
        /// The id that was asked for.
        id: String,
    },
    /// The ledger was built with another policy than the one that is asked for.
    #[error(
        "the ledger of this database is built with the policy `{stored}`, not `{asked}`: build it again with \
         `growthctl migrate --rebuild --policy {asked}`"
    )]
    OtherPolicy {
        /// The database's policy.
        stored: Policy,
        /// The request's policy.
        asked: Policy,
    },
    /// The rollups of product events have the days of another zone.
    #[error(
        "this database counts days in {stored}, not in {asked}: leave the zone out of the settings, or make it \
         {asked} for good with `growthctl migrate --rebuild --timezone {asked}`"
    )]
    TimeZone {
        /// The database's zone.
        stored: String,
        /// The request's zone.
        asked: String,
    },
    /// The ledger of a currency does not add up.
    #[error(
        "the ledger of {currency} is broken, please report this; `growthctl migrate --rebuild` builds it again"
    )]
    Unbalanced {
        /// The currency.
        currency: String,
        /// What does not add up.
        source: Unbalanced,
    },
}

impl From<growth_db::SqlError> for Error {
    fn from(error: growth_db::SqlError) -> Self {
        Self::Database(error.into())
    }
}
