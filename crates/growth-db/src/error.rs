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
    /// The URL says something about a pooler that is neither of what can be said.
    #[error("pooler={value} is not understood: use pooler=transaction or pooler=session")]
    Pooler {
        /// What it says.
        value: String,
    },
    /// A pooler has answered that takes no settings at the start of a session.
    #[error(
        "there is a pooler at {url}: add pooler=transaction to the url, or pooler=session where it is one of that kind"
    )]
    UnnamedPooler {
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
    /// The role is not the tables' owner, so that row level security would hide their rows from it.
    #[error(
        "the role {role} would see no rows: growthctl's tables belong to {owner}, and row level security hides them from \
         others; connect as {owner}, or `GRANT {owner} TO {role}`"
    )]
    Hidden {
        /// Who is connected.
        role: String,
        /// Whose the tables are.
        owner: String,
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

/// Classes of SQLSTATE that tell of a statement's data: too many rows for one, a value out of range, a broken
/// constraint, a function or trigger that refuses it, a view that does, something too large.
const OF_DATA: [&str; 8] = ["21", "22", "23", "38", "39", "44", "54", "P0"];
/// The same for SQLite: too big, constraint, mismatch.
const OF_DATA_SQLITE: [u32; 3] = [18, 19, 20];

impl Error {
    /// Whether others were in the way, so that the same transaction may succeed when it is tried again at once.
    pub fn is_passing(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        // Serialization failure, deadlock.
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    /// Whether the data itself is at fault, so that the same statement would fail again.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                match code.parse::<u32>() {
                    // SQLite's own code is in the lower byte of the extended one; a SQLSTATE has five characters.
                    Ok(number) if code.len() < 5 => OF_DATA_SQLITE.contains(&(number & 0xFF)),
                    _ => OF_DATA.iter().any(|class| code.starts_with(class)),
                }
            }
            Self::Database(
                sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. },
            ) => true,
            _ => false,
        }
    }
}
