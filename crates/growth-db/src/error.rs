//! What can go wrong with a database.

use thiserror::Error as ThisError;

/// An error of this crate, by what the caller can do about it.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The URL is of no engine that this crate knows.
    #[error(
        "database url {url:?} is not understood: use sqlite:///path/to/file.db or postgres://user@host/database"
    )]
    Url {
        /// The URL without its password.
        url: String,
    },
    /// There is no embedded database where one was expected.
    #[error("there is no database at {path}")]
    Missing {
        /// The file that is not there.
        path: String,
    },
    /// The folder of an embedded database cannot be made.
    #[error("cannot create the folder {folder} of the database")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The schema is older than this program.
    #[error("the database lacks {pending} of its migrations: run `growthctl migrate`")]
    Pending {
        /// How many.
        pending: usize,
    },
    /// The schema was made by a newer program or by another history.
    #[error("migration {version} of the database is {problem}: {advice}")]
    History {
        /// The migration's number.
        version: i64,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}
