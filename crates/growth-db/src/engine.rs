//! One code path over two native drivers.
//!
//! The engine is chosen once, by the URL's scheme. Every statement is a single
//! `$1`-style string that both engines accept; values are encoded and rows
//! decoded by the native driver, so timestamps and JSON keep their types.
//!
//! A pooler that lends out a server's connections by transaction is the same
//! engine under one condition: nothing may be left on a connection, neither a
//! setting nor a prepared statement. Each transaction then begins by saying
//! where the tables are, and a single statement is a transaction by itself.

use std::path::Path;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Result, SqlSafeStr, SqlStr, Transaction, Type};
use tokio::sync::mpsc;

use crate::connect::SCHEMA;

/// An open database.
#[derive(Clone, Debug)]
pub enum Db {
    /// The embedded engine: one writer, several readers.
    Sqlite {
        /// The only connection that writes.
        writer: SqlitePool,
        /// Connections that refuse to write.
        readers: SqlitePool,
    },
    /// A server.
    Postgres {
        /// Connections to the server, or to a pooler in front of it.
        pool: PgPool,
        /// Whether a pooler gives each transaction another of the server's connections.
        by_transaction: bool,
    },
}

/// An open transaction; rolled back when dropped.
#[derive(Debug)]
pub enum Tx {
    /// On the writer connection, with the write lock.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a connection of the pool.
    Postgres {
        /// The driver's transaction.
        tx: Transaction<'static, Postgres>,
        /// Whether the server's connection goes to somebody else afterwards.
        by_transaction: bool,
    },
}

/// A place from which somebody writes single statements all the time.
///
/// On a server it keeps a connection, which saves asking a pool for one that still works each time. The embedded
/// engine has one connection that writes, which all share, and a pooler's are nobody's.
#[derive(Debug)]
pub struct Lane {
    db: Db,
    own: Option<PoolConnection<Postgres>>,
    used: Instant,
}

/// How many rows of a stream may wait at a pooler until somebody takes them.
const STREAMED: usize = 64;
/// A connection that was not used for so long may have been cut off without a word, by whatever stands between.
const IDLE: Duration = Duration::from_mins(1);

/// Which engine runs a statement, where its text must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite
    Sqlite,
    /// PostgreSQL
    Postgres,
}

/// Where a statement runs: any connection of the pool (reading only), or one transaction.
#[derive(Debug)]
pub enum Target<'c> {
    /// A connection of the pool.
    Db(&'c Db),
    /// A connection that may write, for one statement that is a transaction by itself.
    Alone(&'c Db),
    /// The same, on a connection that is kept for it.
    Lane(&'c mut Lane),
    /// An open transaction.
    Tx(&'c mut Tx),
}

/// A value that both engines can store.
pub trait Value<'v>: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> {}
impl<'v, T> Value<'v> for T where T: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> {}

/// A row that both engines can return; `#[derive(sqlx::FromRow)]` is enough.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement with its bound values.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<'c> {
    sql: SqlStr,
    target: Target<'c>,
    args: Result<Args>,
}

enum Args {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

impl Args {
    fn len(&self) -> usize {
        match self {
            Self::Sqlite(args) => args.len(),
            Self::Postgres(args) => args.len(),
        }
    }
}

/// The highest `$n` in `sql`, or how many `?` there are. SQLite reads a missing value as NULL, so count them here.
fn placeholders(sql: &str) -> usize {
    let number = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().unwrap_or(0)
    };
    sql.split('$').skip(1).map(number).max().unwrap_or_else(|| sql.matches('?').count())
}

/// Starts a statement on `target`.
pub fn query<'c>(target: impl Into<Target<'c>>, sql: impl SqlSafeStr) -> Query<'c> {
    let target = target.into();
    let args = match target.engine() {
        Engine::Sqlite => Args::Sqlite(SqliteArguments::default()),
        Engine::Postgres => Args::Postgres(PgArguments::default()),
    };
    Query { sql: sql.into_sql_str(), target, args: Ok(args) }
}

/// Starts a statement whose text this crate put together from its own constants.
pub(crate) fn built_query<'c>(target: impl Into<Target<'c>>, sql: String) -> Query<'c> {
    query(target, AssertSqlSafe(sql))
}

/// Expands `$call` once for each engine and target, with a query of the driver's and what executes it.
macro_rules! run {
    ($given:expr, $make:path, |$query:ident, $executor:ident| $call:expr) => {{
        let given = $given;
        let keep = !given.target.is_by_transaction();
        let Query { sql, target, args } = given;
        let args = args?;
        debug_assert_eq!(placeholders(sql.as_str()), args.len(), "{}", sql.as_str());
        match (target, args) {
            (Target::Db(Db::Sqlite { readers: $executor, .. }), Args::Sqlite(args)) => {
                let $query = $make(sql, args);
                $call
            }
            (Target::Alone(Db::Sqlite { writer: $executor, .. }), Args::Sqlite(args)) => {
                let $query = $make(sql, args);
                $call
            }
            (
                Target::Db(Db::Postgres { pool: $executor, .. })
                | Target::Alone(Db::Postgres { pool: $executor, .. }),
                Args::Postgres(args),
            ) => {
                let $query = $make(sql, args).persistent(keep);
                $call
            }
            (Target::Lane(Lane { db: Db::Sqlite { writer: $executor, .. }, .. }), Args::Sqlite(args)) => {
                let ($executor, $query) = (&*$executor, $make(sql, args));
                $call
            }
            (Target::Lane(Lane { own: Some(own), .. }), Args::Postgres(args)) => {
                let ($executor, $query) = (&mut **own, $make(sql, args).persistent(keep));
                $call
            }
            (Target::Lane(Lane { own: None, .. }), Args::Postgres(_)) => Err(sqlx::Error::PoolClosed),
            (Target::Tx(Tx::Sqlite(tx)), Args::Sqlite(args)) => {
                let ($executor, $query) = (&mut **tx, $make(sql, args));
                $call
            }
            (Target::Tx(Tx::Postgres { tx, .. }), Args::Postgres(args)) => {
                let ($executor, $query) = (&mut **tx, $make(sql, args).persistent(keep));
                $call
            }
            _ => unreachable!("the arguments are made for the target's engine"),
        }
    }};
}

/// Does what `run!` does, in a transaction of the statement's own where it needs one.
macro_rules! run_whole {
    ($given:expr, $make:path, |$query:ident, $executor:ident| $call:expr) => {{
        let mut own = None;
        let done = run!($given.enclosed(&mut own).await?, $make, |$query, $executor| $call)?;
        if let Some(tx) = own {
            Box::pin(tx.commit()).await?;
        }
        Ok(done)
    }};
}

impl<'c> Query<'c> {
    /// Binds the next placeholder.
    pub fn bind<'v>(mut self, value: impl Value<'v>) -> Self {
        if let Ok(args) = &mut self.args {
            let added = match args {
                Args::Sqlite(args) => args.add(value),
                Args::Postgres(args) => args.add(value),
            };
            if let Err(error) = added {
                self.args = Err(sqlx::Error::Encode(error));
            }
        }
        self
    }

    /// Binds a list of texts for [`table::among`](crate::table::among): an array on Postgres, whose
    /// planner sees its length then, and JSON on SQLite.
    pub fn bind_texts(self, texts: &[impl AsRef<str>]) -> Self {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        match self.engine() {
            Engine::Postgres => self.bind_postgres(texts),
            Engine::Sqlite => self.bind(serde_json::Value::from(texts).to_string()),
        }
    }

    /// Binds a list of numbers for [`table::among_numbers`](crate::table::among_numbers).
    pub fn bind_numbers(self, numbers: &[i64]) -> Self {
        match self.engine() {
            Engine::Postgres => self.bind_postgres(numbers.to_vec()),
            Engine::Sqlite => self.bind(serde_json::Value::from(numbers).to_string()),
        }
    }

    /// Binds the next placeholder of a statement that is for Postgres alone, such as an array.
    #[doc(hidden)]
    pub fn bind_postgres<'v>(mut self, value: impl Encode<'v, Postgres> + Type<Postgres>) -> Self {
        if let Ok(Args::Postgres(args)) = &mut self.args
            && let Err(error) = args.add(value)
        {
            self.args = Err(sqlx::Error::Encode(error));
        }
        self
    }

    /// Which engine will run it.
    pub(crate) fn engine(&self) -> Engine {
        self.target.engine()
    }

    /// Runs the statement and returns how many rows it changed.
    pub async fn execute(self) -> Result<u64> {
        run_whole!(self, sqlx::query_with, |query, db| Ok(query.execute(db).await?.rows_affected()))
    }

    /// The only row.
    pub async fn fetch_one<T: Record>(self) -> Result<T> {
        run_whole!(self, sqlx::query_as_with, |query, db| query.fetch_one(db).await)
    }

    /// The row, where there is one.
    pub async fn fetch_optional<T: Record>(self) -> Result<Option<T>> {
        run_whole!(self, sqlx::query_as_with, |query, db| query.fetch_optional(db).await)
    }

    /// All rows.
    pub async fn fetch_all<T: Record>(self) -> Result<Vec<T>> {
        run_whole!(self, sqlx::query_as_with, |query, db| query.fetch_all(db).await)
    }

    /// Streams rows, for results too large to hold.
    pub fn fetch<T: Record + 'c>(self) -> Result<BoxStream<'c, Result<T>>> {
        if self.target.to_enclose().is_some() {
            return Ok(self.fetch_enclosed());
        }
        run!(self, sqlx::query_as_with, |query, db| Ok(query.fetch(db)))
    }

    /// Puts the statement into a transaction of its own, for the caller to commit, where it must not stand alone.
    async fn enclosed<'t>(self, own: &'t mut Option<Tx>) -> Result<Query<'t>>
    where
        'c: 't,
    {
        let begun = match self.target.to_enclose() {
            // Boxed, like its end, so that no other statement has to make room for it.
            Some(db) => Some(Box::pin(db.begin()).await?),
            None => None,
        };
        Ok(match begun {
            Some(tx) => Query { target: Target::Tx(own.insert(tx)), ..self },
            None => self,
        })
    }

    /// A stream that owns the transaction it reads from, which goes on as the rows are taken.
    fn fetch_enclosed<T: Record + 'c>(self) -> BoxStream<'c, Result<T>> {
        let (sender, mut receiver) = mpsc::channel(STREAMED);
        let mut reading = Box::pin(async move {
            let mut own = None;
            let mut rows = self.enclosed(&mut own).await?.fetch::<T>()?;
            while let Some(row) = rows.try_next().await? {
                if sender.send(row).await.is_err() {
                    break;
                }
            }
            drop(rows);
            match own {
                Some(tx) => tx.commit().await,
                None => Ok(()),
            }
        });
        let mut read = false;
        let rows = stream::poll_fn(move |context| {
            if !read && let Poll::Ready(end) = reading.as_mut().poll(context) {
                read = true;
                if let Err(error) = end {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            receiver.poll_recv(context).map(|row| row.map(Ok))
        });
        rows.boxed()
    }
}

impl Db {
    /// Begins a transaction; the only way to write.
    ///
    /// On SQLite it takes the write lock at once: a deferred transaction that
    /// reads before it writes fails with `SQLITE_BUSY_SNAPSHOT` under contention.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { pool, by_transaction: false } => {
                Tx::Postgres { tx: pool.begin().await?, by_transaction: false }
            }
            Self::Postgres { pool, by_transaction: true } => {
                let begin = AssertSqlSafe(format!("BEGIN; SET LOCAL search_path TO {SCHEMA}"));
                Tx::Postgres { tx: pool.begin_with(begin).await?, by_transaction: true }
            }
        })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Whether a pooler gives each transaction another of the server's connections.
    fn is_by_transaction(&self) -> bool {
        matches!(self, Self::Postgres { by_transaction: true, .. })
    }

    /// How many connections to a server there are at most; 1 for an embedded database, as far as writing goes.
    pub fn connections(&self) -> u32 {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres { pool, .. } => pool.options().get_max_connections(),
        }
    }

    /// Copies an embedded database as it is now to a new file, without keeping its writers waiting. A server's is not
    /// copied, which `false` says.
    pub async fn copy_embedded(&self, file: &Path) -> Result<bool> {
        let Self::Sqlite { writer, .. } = self else { return Ok(false) };
        let file = file.display().to_string();
        sqlx::query("VACUUM INTO $1").bind(file).execute(writer).await?;
        Ok(true)
    }

    /// Waits until every connection is closed, so that an embedded database is one whole file again.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

impl Lane {
    /// Makes a lane, which connects when it is used first.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), own: None, used: Instant::now() }
    }

    /// Connects where that has not been done. Returns whether it was, so that the connection may be a dead one.
    pub async fn open(&mut self) -> Result<bool> {
        if self.used.elapsed() > IDLE {
            self.give_up();
        }
        self.used = Instant::now();
        match (&self.db, &self.own) {
            (Db::Postgres { pool, by_transaction: false }, None) => {
                self.own = Some(pool.acquire().await?);
                Ok(false)
            }
            (Db::Postgres { .. }, Some(_)) => Ok(true),
            (Db::Postgres { by_transaction: true, .. } | Db::Sqlite { .. }, _) => Ok(false),
        }
    }

    /// Gives the connection up, whatever is going on in it: a statement that was not waited for may still be done.
    pub fn give_up(&mut self) {
        drop(self.own.take().map(PoolConnection::detach));
    }
}

impl Tx {
    /// Makes what was written last.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres { tx, .. } => tx.commit().await,
        }
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Runs a script of several statements without values.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(tx) => sqlx::raw_sql(script).execute(&mut **tx).await.map(drop),
            Self::Postgres { tx, .. } => sqlx::raw_sql(script).execute(&mut **tx).await.map(drop),
        }
    }
}

impl Target<'_> {
    /// The same place, for a statement that is not the last one there.
    pub fn reborrow(&mut self) -> Target<'_> {
        match self {
            Self::Db(db) => Target::Db(db),
            Self::Alone(db) => Target::Alone(db),
            Self::Lane(lane) => Target::Lane(lane),
            Self::Tx(tx) => Target::Tx(tx),
        }
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Db(db) | Self::Alone(db) => db.engine(),
            Self::Lane(lane) => lane.db.engine(),
            Self::Tx(tx) => tx.engine(),
        }
    }

    /// Whether a pooler is in between, so that no prepared statement may be left behind.
    fn is_by_transaction(&self) -> bool {
        match self {
            Self::Db(db) | Self::Alone(db) => db.is_by_transaction(),
            Self::Lane(lane) => lane.db.is_by_transaction(),
            Self::Tx(tx) => matches!(tx, Tx::Postgres { by_transaction: true, .. }),
        }
    }

    /// The database in which a statement must not stand alone, since a pooler would not know our schema.
    fn to_enclose(&self) -> Option<&Db> {
        let db = match self {
            Self::Db(db) | Self::Alone(db) => db,
            Self::Lane(lane) => &lane.db,
            Self::Tx(_) => return None,
        };
        db.is_by_transaction().then_some(db)
    }
}

impl<'c> From<&'c Db> for Target<'c> {
    fn from(db: &'c Db) -> Self {
        Self::Db(db)
    }
}

impl<'c> From<&'c mut Lane> for Target<'c> {
    fn from(lane: &'c mut Lane) -> Self {
        Self::Lane(lane)
    }
}

impl<'c> From<&'c mut Tx> for Target<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        Self::Tx(tx)
    }
}
