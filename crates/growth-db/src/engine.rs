//! One code path over two native drivers.
//!
//! The engine is chosen once, by the URL's scheme. Every statement is a single
//! `$1`-style string that both engines accept; values are encoded and rows
//! decoded by the native driver, so timestamps and JSON keep their types.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_core::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Result, SqlSafeStr, SqlStr, Transaction, Type};

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
    Postgres(PgPool),
}

/// An open transaction; rolled back when dropped.
#[derive(Debug)]
pub enum Tx {
    /// On the writer connection, with the write lock.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a connection of the pool.
    Postgres(Transaction<'static, Postgres>),
}

/// A place from which somebody writes single statements all the time.
///
/// On a server it keeps a connection, which saves asking a pool for one that still works each time. The embedded
/// engine has one connection that writes, which all share.
#[derive(Debug)]
pub struct Lane {
    db: Db,
    own: Option<PoolConnection<Postgres>>,
    used: Instant,
}

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

/// The highest `$n` in `sql`. SQLite reads a missing value as NULL, so count them here.
fn placeholders(sql: &str) -> usize {
    let number = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().unwrap_or(0)
    };
    sql.split('$').skip(1).map(number).max().unwrap_or(0)
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

/// Expands `$call` once for each engine and target.
macro_rules! run {
    ($query:expr, |$sql:ident, $args:ident, $executor:ident| $call:expr) => {{
        let Query { sql: $sql, target, args } = $query;
        let args = args?;
        debug_assert_eq!(placeholders($sql.as_str()), args.len(), "{}", $sql.as_str());
        match (target, args) {
            (Target::Db(Db::Sqlite { readers: $executor, .. }), Args::Sqlite($args)) => $call,
            (Target::Alone(Db::Sqlite { writer: $executor, .. }), Args::Sqlite($args)) => $call,
            (
                Target::Db(Db::Postgres($executor)) | Target::Alone(Db::Postgres($executor)),
                Args::Postgres($args),
            ) => $call,
            (Target::Lane(Lane { db: Db::Sqlite { writer: $executor, .. }, .. }), Args::Sqlite($args)) => {
                let $executor = &*$executor;
                $call
            }
            (Target::Lane(Lane { own: Some(own), .. }), Args::Postgres($args)) => {
                let $executor = &mut **own;
                $call
            }
            (Target::Lane(Lane { own: None, .. }), Args::Postgres(_)) => Err(sqlx::Error::PoolClosed),
            (Target::Tx(Tx::Sqlite(tx)), Args::Sqlite($args)) => {
                let $executor = &mut **tx;
                $call
            }
            (Target::Tx(Tx::Postgres(tx)), Args::Postgres($args)) => {
                let $executor = &mut **tx;
                $call
            }
            _ => unreachable!("the arguments are made for the target's engine"),
        }
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
        run!(self, |sql, args, db| Ok(sqlx::query_with(sql, args).execute(db).await?.rows_affected()))
    }

    /// The only row.
    pub async fn fetch_one<T: Record>(self) -> Result<T> {
        run!(self, |sql, args, db| sqlx::query_as_with(sql, args).fetch_one(db).await)
    }

    /// The row, where there is one.
    pub async fn fetch_optional<T: Record>(self) -> Result<Option<T>> {
        run!(self, |sql, args, db| sqlx::query_as_with(sql, args).fetch_optional(db).await)
    }

    /// All rows.
    pub async fn fetch_all<T: Record>(self) -> Result<Vec<T>> {
        run!(self, |sql, args, db| sqlx::query_as_with(sql, args).fetch_all(db).await)
    }

    /// Streams rows, for results too large to hold.
    pub fn fetch<T: Record + 'c>(self) -> Result<BoxStream<'c, Result<T>>> {
        run!(self, |sql, args, db| Ok(sqlx::query_as_with(sql, args).fetch(db)))
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
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// How many connections to a server there are at most; 1 for an embedded database, as far as writing goes.
    pub fn connections(&self) -> u32 {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres(pool) => pool.options().get_max_connections(),
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
            Self::Postgres(pool) => pool.close().await,
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
            (Db::Postgres(pool), None) => {
                self.own = Some(pool.acquire().await?);
                Ok(false)
            }
            (Db::Postgres(_), Some(_)) => Ok(true),
            (Db::Sqlite { .. }, _) => Ok(false),
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
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a script of several statements without values.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(tx) => sqlx::raw_sql(script).execute(&mut **tx).await.map(drop),
            Self::Postgres(tx) => sqlx::raw_sql(script).execute(&mut **tx).await.map(drop),
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
