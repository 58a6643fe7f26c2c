//! Opening a database by its URL.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{sleep, timeout};

use crate::engine::Db;
use crate::error::Error;

/// The schema that holds our tables on Postgres, so that they never collide with an application's.
pub const SCHEMA: &str = "growth";

/// Where Supabase's pooler lends out connections by transaction.
const POOLER_PORT: u16 = 6543;

/// What a session has to know. A plan made while a table was small and kept for its whole growth would read all of it.
const SETTINGS: [(&str, &str); 2] = [("search_path", SCHEMA), ("plan_cache_mode", "force_custom_plan")];

const BUSY: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
/// How many steps of SQLite's machine lie between two looks at the clock: well under a millisecond.
const STEPS: i32 = 10_000;
/// 32 MiB, for the pages of indexes that events are written into all over.
const WRITER_CACHE: &str = "-32768";
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What a database's pool keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections to a server there are at most. An embedded database has its own number.
    pub connections: u32,
    /// How long somebody waits for a free connection, or for a server that refuses new ones.
    pub patience: Duration,
    /// How long a reading statement may take before the database breaks it off with an error; `None` for ever. A pooler
    /// that lends out connections by transaction keeps no such setting: there it is the role's, as its owner set it.
    pub statement: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 16, patience: Duration::from_secs(30), statement: None }
    }
}

impl Db {
    /// Opens the database at `url`; an embedded one is created where it is missing.
    ///
    /// `sqlite:///absolute/path.db`, `sqlite:relative.db` or `postgres://user:password@host/database`. The parameter
    /// `pooler=transaction` says that there is a pooler which lends out the server's connections by transaction;
    /// port 6543, on which Supabase has one, says the same, unless there is `pooler=session`. One that keeps a session
    /// together needs no word about it, unless it refuses settings at the start: [`Error::UnnamedPooler`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_within(url, Limits::default()).await
    }

    /// Opens the database at `url` like [`Db::connect`], within limits of one's own.
    pub async fn connect_within(url: &str, limits: Limits) -> Result<Self, Error> {
        Self::open(url, true, limits).await
    }

    /// Opens the database at `url`, which must be there: [`Error::Missing`] for an embedded one that is not.
    pub async fn connect_existing(url: &str) -> Result<Self, Error> {
        Self::connect_existing_within(url, Limits::default()).await
    }

    /// Opens the database at `url` like [`Db::connect_existing`], within limits of one's own.
    pub async fn connect_existing_within(url: &str, limits: Limits) -> Result<Self, Error> {
        Self::open(url, false, limits).await
    }

    async fn open(url: &str, create: bool, limits: Limits) -> Result<Self, Error> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(url, create, limits).await,
            Some("postgres" | "postgresql") => Self::open_postgres(url, limits).await,
            _ => Err(Error::Url { url: without_password(url) }),
        }
    }

    async fn open_sqlite(url: &str, create: bool, limits: Limits) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| Error::Url { url: url.to_owned() })?
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let file = options.get_filename();
        if !create && !file.exists() {
            return Err(Error::Missing { path: file.display().to_string() });
        }
        if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Folder { folder: folder.display().to_string(), source })?;
        }
        if create && !file.exists() {
            make_private(file);
        }
        let pool = || SqlitePoolOptions::new().acquire_timeout(limits.patience);
        let began = Instant::now();
        let writing = options.clone().pragma("cache_size", WRITER_CACHE);
        let writer = loop {
            match pool().max_connections(1).connect_with(writing.clone()).await {
                // Of several who open a new file at once, all but one find it locked while it becomes a WAL one, and
                // SQLite does not wait then.
                Err(error) if is_locked(&error) && began.elapsed() < BUSY => sleep(LOOK_AGAIN).await,
                opened => break opened?,
            }
        };
        let mut reading = pool().max_connections(READERS).min_connections(0);
        if let Some(longest) = limits.statement {
            // A connection is lent out for one statement, or for one transaction of them.
            reading = reading
                .after_connect(move |connection, _| Box::pin(break_off_after(connection, longest)))
                .before_acquire(move |connection, _| {
                    Box::pin(async move { break_off_after(connection, longest).await.map(|()| true) })
                });
        }
        let readers = reading.connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str, limits: Limits) -> Result<Self, Error> {
        let (options, pooler) = server(url)?;
        let options = options.application_name("growthctl").disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(limits.connections).acquire_timeout(limits.patience);
        let (options, pool) = match pooler {
            // A connection here is none of the server's: what is said at its start would be refused or forgotten.
            Pooler::ByTransaction => (options.extra_float_digits(None).statement_cache_capacity(0), pool),
            Pooler::BySession => (
                options.extra_float_digits(None),
                pool.after_connect(move |to, _| settle(to, limits.statement)),
            ),
            Pooler::Unknown => {
                (options.options(SETTINGS), pool.after_connect(move |to, _| settle(to, limits.statement)))
            }
        };
        let opened = match reach(&options, limits.patience).await {
            Ok(()) => pool.connect_with(options).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(pool) => Ok(Self::Postgres { pool, by_transaction: pooler == Pooler::ByTransaction }),
            Err(error) if refuses_settings(&error) => {
                Err(Error::UnnamedPooler { url: without_password(url) })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Connects once: a pool would try again until its patience is over, and then say no more than that it is.
async fn reach(options: &PgConnectOptions, patience: Duration) -> sqlx::Result<()> {
    let silent =
        || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs_f64()));
    timeout(patience, PgConnection::connect_with(options)).await.map_err(|_| silent())??.close().await
}

/// Makes the next statements of an embedded database's connection end with an error after this time.
async fn break_off_after(connection: &mut SqliteConnection, longest: Duration) -> sqlx::Result<()> {
    let end = Instant::now() + longest;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < end);
    Ok(())
}

/// Sees to what a session has to know, which some poolers take at its start without passing it on.
fn settle(connection: &mut PgConnection, statement: Option<Duration>) -> BoxFuture<'_, sqlx::Result<()>> {
    Box::pin(async move {
        let [(path, schema), (plans, custom)] = SETTINGS;
        sqlx::query(
            "SELECT set_config(name, wanted, false) FROM (VALUES ($1, $2), ($3, $4), ('statement_timeout', $5))
                AS settings (name, wanted)
            WHERE current_setting(name) <> wanted",
        )
        .bind(path)
        .bind(schema)
        .bind(plans)
        .bind(custom)
        .bind(statement.map(|longest| format!("{}ms", longest.as_millis())))
        .persistent(false)
        .execute(connection)
        .await?;
        Ok(())
    })
}

/// Whether it is a pooler that has answered, and one which does not take a session's settings.
fn refuses_settings(error: &sqlx::Error) -> bool {
    let said = error.as_database_error().map(sqlx::error::DatabaseError::message);
    said.is_some_and(|message| message.contains("unsupported startup parameter"))
}

/// What stands between us and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooler {
    /// Nothing, as far as we know.
    Unknown,
    /// Something that gives a session one connection.
    BySession,
    /// Something that gives each transaction another one.
    ByTransaction,
}

/// Reads a server's URL, and which pooler is at that address.
fn server(url: &str) -> Result<(PgConnectOptions, Pooler), Error> {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (mut rest, mut said) = (Vec::new(), None);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            // How Prisma says so, which stands in many a URL.
            Some(("pooler", "transaction") | ("pgbouncer", "true")) => {
                said = Some(Pooler::ByTransaction);
            }
            Some(("pooler", "session")) => said = Some(Pooler::BySession),
            Some(("pooler", other)) => return Err(Error::Pooler { value: other.to_owned() }),
            Some(("pgbouncer", _)) => {}
            _ => rest.push(parameter),
        }
    }
    let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
    let options =
        PgConnectOptions::from_str(&address).map_err(|_| Error::Url { url: without_password(url) })?;
    let by_port = if options.get_port() == POOLER_PORT { Pooler::ByTransaction } else { Pooler::Unknown };
    Ok((options, said.unwrap_or(by_port)))
}

/// Makes an empty file that its owner alone can read: it will hold e-mail addresses and payments. Where it cannot be made,
/// opening it tells why.
#[cfg(unix)]
fn make_private(file: &Path) {
    use std::os::unix::fs::OpenOptionsExt;

    if file != Path::new(":memory:") {
        let _ = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file);
    }
}

/// Leaves it to the system who can read the file.
#[cfg(not(unix))]
fn make_private(_: &Path) {}

fn is_locked(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("5"))
}

/// `url` with the password between `:` and `@` taken out.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{place}")
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::{Pooler, server, without_password};

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://me:p@ss@host/db"), "postgres://me@host/db");
        assert_eq!(without_password("postgres://host/db"), "postgres://host/db");
        assert_eq!(without_password("mysql"), "mysql");
    }

    #[test]
    fn a_url_says_whether_there_is_a_pooler() {
        for (url, expected) in [
            ("postgres://me@host/db", Pooler::Unknown),
            ("postgres://me@host:5432/db?sslmode=require", Pooler::Unknown),
            ("postgres://me@host:6543/db", Pooler::ByTransaction),
            ("postgres://me@host:6543/db?sslmode=require", Pooler::ByTransaction),
            ("postgres://me@host:6543/db?pooler=session", Pooler::BySession),
            ("postgres://me@host:6432/db?pooler=transaction", Pooler::ByTransaction),
            ("postgres://me@host:6432/db?pgbouncer=true&sslmode=require", Pooler::ByTransaction),
            (
                "postgres://me@host:6432/db?sslmode=require&pooler=transaction&application_name=x",
                Pooler::ByTransaction,
            ),
        ] {
            let (options, pooler) = server(url).unwrap();
            assert_eq!(pooler, expected, "{url}");
            assert_eq!(options.get_database(), Some("db"), "{url}");
            let required = matches!(options.get_ssl_mode(), PgSslMode::Require);
            assert_eq!(required, url.contains("sslmode=require"), "{url}");
        }
        assert_eq!(
            server("postgres://host/db?pooler=statement").unwrap_err().to_string(),
            "pooler=statement is not understood: use pooler=transaction or pooler=session"
        );
    }
}
