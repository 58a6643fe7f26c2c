//! Tables and bulk statements, written once for both engines.
//!
//! A thousand rows are one statement: they travel as one JSON parameter, which
//! the engine takes apart, and whole rows of a table to Postgres as an array for
//! each column, which is less work for both sides. What is written is decided in
//! Rust; SQL only stores it. Keys are sorted in every statement, or concurrent writers
//! would deadlock.
//!
//! Texts are assumed to be free of U+0000, within JSON as well: Postgres refuses
//! it and SQLite does not, so whoever reads a text from outside strips it there.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use growth_domain::stamp::Scope;
use serde::Serialize;
use sqlx::types::Json;

use crate::engine::{Engine, Query, Record, Target, Tx, built_query};
use crate::error::Error;

/// How a column is taken out of a JSON row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `TEXT`
    Text,
    /// `BIGINT`
    BigInt,
    /// `BOOLEAN`
    Bool,
    /// `TIMESTAMPTZ`
    Time,
    /// `DATE`
    Date,
    /// `JSONB`
    Json,
}

/// A Rust type that is a column's type on both engines.
pub trait Column {
    /// Its kind.
    const KIND: Kind;
}
impl Column for String {
    const KIND: Kind = Kind::Text;
}
impl Column for i64 {
    const KIND: Kind = Kind::BigInt;
}
impl Column for bool {
    const KIND: Kind = Kind::Bool;
}
impl Column for DateTime<Utc> {
    const KIND: Kind = Kind::Time;
}
impl Column for NaiveDate {
    const KIND: Kind = Kind::Date;
}
impl<T> Column for Json<T> {
    const KIND: Kind = Kind::Json;
}
impl<T: Column> Column for Option<T> {
    const KIND: Kind = T::KIND;
}

/// A table's row.
pub trait Table: Serialize + Record {
    /// The table's name.
    const NAME: &'static str;
    /// Its columns in order.
    const COLUMNS: &'static [(&'static str, Kind)];
    /// The columns of its primary key.
    const KEY: &'static [&'static str];
    /// The columns by which the rows of a scope are found; an index begins with each.
    const LOOKUPS: &'static [&'static str];

    /// Binds an array for each column to a statement for Postgres.
    #[doc(hidden)]
    fn bind_columns<'c>(query: Query<'c>, rows: &[Self]) -> Query<'c>
    where
        Self: Sized;
}

/// How a column of a rollup takes in another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The sum of both.
    Sum,
    /// The bits that are set in either.
    Bits,
    /// The lesser one that is not NULL.
    Earliest,
    /// The greater one that is not NULL.
    Latest,
}

impl Merge {
    /// The merged value of a column of `table`; both engines have no scalar `min` in common.
    fn sql(self, table: &str, column: &str) -> String {
        let (stored, given) = (format!("{table}.{column}"), format!("excluded.{column}"));
        let unless_stored = |is_better: &str| {
            format!(
                "CASE WHEN {stored} IS NULL OR {given} {is_better} {stored} THEN {given} ELSE {stored} END"
            )
        };
        match self {
            Self::Sum => format!("{stored} + {given}"),
            Self::Bits => format!("{stored} | {given}"),
            Self::Earliest => unless_stored("<"),
            Self::Latest => unless_stored(">"),
        }
    }
}

/// A row that gathers what many writers add to it.
pub trait Rollup: Table {
    /// Every column outside the key.
    const MERGE: &'static [(&'static str, Merge)];
}

/// A rollup of raw events: what was made of events that are gone is kept in a table of its own.
pub trait Kept: Rollup {
    /// The table of that part, with the same columns and key.
    const KEPT: &'static str;
}

/// Declares a row and its table.
#[doc(hidden)]
#[macro_export]
macro_rules! table {
    ($(#[$meta:meta])* pub struct $row:ident: $table:literal ($($key:literal),+) $([$($lookup:literal),+])? {
        $($(#[$field_meta:meta])* $field:ident: $kind:ty,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, sqlx::FromRow)]
        pub struct $row {
            $($(#[$field_meta])* pub $field: $kind,)+
        }
        impl $crate::table::Table for $row {
            const NAME: &'static str = $table;
            const COLUMNS: &'static [(&'static str, $crate::table::Kind)] =
                &[$((stringify!($field), <$kind as $crate::table::Column>::KIND)),+];
            const KEY: &'static [&'static str] = &[$($key),+];
            const LOOKUPS: &'static [&'static str] = &[$($($lookup),+)?];

            fn bind_columns<'c>(query: $crate::Query<'c>, rows: &[Self]) -> $crate::Query<'c> {
                query$(.bind_postgres(rows.iter().map(|row| &row.$field).collect::<Vec<&$kind>>()))+
            }
        }
    };
}

/// `WITH rows AS (…)`: the JSON array of objects in `$1` as a relation with these columns.
pub fn rows(engine: Engine, columns: &[(&str, Kind)]) -> String {
    let mut sql = String::from("WITH rows AS (SELECT ");
    for (i, (name, kind)) in columns.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        // The writers below cannot fail on a String.
        let _ = match (engine, kind) {
            (Engine::Postgres, _) => write!(sql, "{comma}{name}"),
            // The form in which the driver binds a time, so that texts compare as times do.
            (Engine::Sqlite, Kind::Time) => {
                write!(sql, "{comma}replace(value ->> '{name}', 'Z', '+00:00') AS {name}")
            }
            // `->>` would take the quotes off a JSON text, and `->` alone would store NULL as `null`.
            (Engine::Sqlite, Kind::Json) => {
                write!(sql, "{comma}nullif(value -> '{name}', 'null') AS {name}")
            }
            (Engine::Sqlite, _) => write!(sql, "{comma}value ->> '{name}' AS {name}"),
        };
    }
    if engine == Engine::Sqlite {
        sql.push_str(" FROM json_each($1)) ");
        return sql;
    }
    sql.push_str(" FROM json_to_recordset(CAST($1 AS json)) AS given(");
    for (i, (name, kind)) in columns.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}{name} {}", postgres_type(*kind));
    }
    sql.push_str(")) ");
    sql
}

fn postgres_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::BigInt => "bigint",
        Kind::Bool => "boolean",
        Kind::Time => "timestamptz",
        Kind::Date => "date",
        Kind::Json => "jsonb",
    }
}

pub(crate) fn names<T: Table>() -> String {
    T::COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// `WITH rows AS (…)`: the rows that [`bind_rows`] binds.
pub(crate) fn whole_rows<T: Table>(engine: Engine) -> String {
    if engine == Engine::Sqlite {
        return rows(engine, T::COLUMNS);
    }
    let (mut columns, mut arrays) = (Vec::new(), Vec::new());
    for (n, (name, kind)) in (1..).zip(T::COLUMNS) {
        arrays.push(format!("CAST(${n} AS {}[])", postgres_type(*kind)));
        columns.push(match kind {
            Kind::Json => format!("NULLIF({name}, 'null') AS {name}"),
            _ => (*name).to_owned(),
        });
    }
    let (columns, arrays) = (columns.join(", "), arrays.join(", "));
    format!("WITH rows AS (SELECT {columns} FROM UNNEST({arrays}) AS given({})) ", names::<T>())
}

/// Binds the first parameters of a statement that begins with [`whole_rows`].
pub(crate) fn bind_rows<'c, T: Table>(query: Query<'c>, rows: &[T]) -> Result<Query<'c>, Error> {
    Ok(match query.engine() {
        Engine::Sqlite => query.bind(json(rows)?),
        Engine::Postgres => T::bind_columns(query, rows),
    })
}

/// Concurrent writers that take keys in one order never wait for each other in a circle.
pub(crate) fn insert_sql<T: Table>(engine: Engine) -> String {
    insert_into_sql::<T>(engine, T::NAME)
}

fn insert_into_sql<T: Table>(engine: Engine, table: &str) -> String {
    let (rows, names, key) = (whole_rows::<T>(engine), names::<T>(), T::KEY.join(", "));
    format!(
        "{rows}INSERT INTO {table} ({names}) SELECT {names} FROM rows WHERE true ORDER BY {key} ON CONFLICT "
    )
}

pub(crate) fn insert_new_sql<T: Table>(engine: Engine) -> String {
    insert_sql::<T>(engine) + "DO NOTHING"
}

/// A row that is already there in the same words is not written again.
fn upsert_sql<T: Table>(engine: Engine) -> String {
    let rest: Vec<&str> =
        T::COLUMNS.iter().map(|(name, _)| *name).filter(|name| !T::KEY.contains(name)).collect();
    if rest.is_empty() {
        return insert_new_sql::<T>(engine);
    }
    let list = |f: &dyn Fn(&str) -> String| rest.iter().map(|name| f(name)).collect::<Vec<_>>().join(", ");
    format!(
        "{}({}) DO UPDATE SET {} WHERE ({}) {} ({})",
        insert_sql::<T>(engine),
        T::KEY.join(", "),
        list(&|name| format!("{name} = excluded.{name}")),
        list(&|name| format!("{}.{name}", T::NAME)),
        differs(engine),
        list(&|name| format!("excluded.{name}")),
    )
}

fn merge_sql<T: Rollup>(engine: Engine, table: &str) -> String {
    let insert = insert_into_sql::<T>(engine, table);
    format!("{insert}({}) DO UPDATE SET {}", T::KEY.join(", "), merged::<T>(table))
}

fn merged<T: Rollup>(table: &str) -> String {
    let merged = T::MERGE.iter().map(|(name, how)| format!("{name} = {}", how.sql(table, name)));
    merged.collect::<Vec<_>>().join(", ")
}

fn begin_again_sql<T: Kept>() -> String {
    let names = names::<T>();
    format!("INSERT INTO {} ({names}) SELECT {names} FROM {}", T::NAME, T::KEPT)
}

fn take_sql<T: Rollup>(engine: Engine, table: &str) -> String {
    let of = among_numbers(engine, "user_id", "$1");
    format!("DELETE FROM {table} WHERE {of} RETURNING {}", names::<T>())
}

fn clear_sql<T: Rollup>() -> String {
    format!("DELETE FROM {}", T::NAME)
}

/// The comparison for which NULL is a value like any other.
pub(crate) fn differs(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "IS NOT",
        Engine::Postgres => "IS DISTINCT FROM",
    }
}

/// `column IN ($1)` for a list of texts, bound by [`Query::bind_texts`](crate::Query::bind_texts).
pub fn among(engine: Engine, column: &str, placeholder: &str) -> String {
    match engine {
        Engine::Sqlite => format!("{column} IN (SELECT value FROM json_each({placeholder}))"),
        Engine::Postgres => format!("{column} = ANY (CAST({placeholder} AS text[]))"),
    }
}

/// The same for a list of numbers, bound by [`Query::bind_numbers`](crate::Query::bind_numbers).
pub fn among_numbers(engine: Engine, column: &str, placeholder: &str) -> String {
    match engine {
        Engine::Sqlite => format!("{column} IN (SELECT value FROM json_each({placeholder}))"),
        Engine::Postgres => format!("{column} = ANY (CAST({placeholder} AS bigint[]))"),
    }
}

fn find_sql<T: Table>(engine: Engine, column: &str) -> String {
    debug_assert!(T::LOOKUPS.contains(&column), "{} is not looked up by {column}", T::NAME);
    format!(
        "SELECT {} FROM {} WHERE account = $2 AND livemode = $3 AND {}",
        names::<T>(),
        T::NAME,
        among(engine, column, "$1")
    )
}

fn delete_sql<T: Table>(engine: Engine, column: &str) -> String {
    debug_assert!(T::LOOKUPS.contains(&column), "{} is not looked up by {column}", T::NAME);
    format!(
        "DELETE FROM {} WHERE account = $2 AND livemode = $3 AND {}",
        T::NAME,
        among(engine, column, "$1")
    )
}

fn delete_except_sql<T: Table>(engine: Engine, column: &str, kept_by: &[&str]) -> String {
    let kept = among(engine, &format!("({})", kept_by.join(" || ' ' || ")), "$4");
    format!("{} AND NOT ({kept})", delete_sql::<T>(engine, column))
}

/// Inserts rows whose key is new and leaves the others as they are; returns how many were new.
pub async fn insert_new<T: Table>(tx: &mut Tx, rows: &[T]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let sql = insert_new_sql::<T>(tx.engine());
    Ok(bind_rows(built_query(tx, sql), rows)?.execute().await?)
}

/// Inserts or replaces rows; no two of them may have the same key. Returns how many changed.
pub async fn upsert<T: Table>(tx: &mut Tx, rows: &[T]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let sql = upsert_sql::<T>(tx.engine());
    Ok(bind_rows(built_query(tx, sql), rows)?.execute().await?)
}

/// Merges rows into those that are there; no two of them may have the same key.
pub async fn merge<T: Rollup>(tx: &mut Tx, rows: &[T]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = merge_sql::<T>(tx.engine(), T::NAME);
    bind_rows(built_query(tx, sql), rows)?.execute().await?;
    Ok(())
}

/// Merges rows into the part of a rollup that is kept when its raw events go.
pub async fn keep<T: Kept>(tx: &mut Tx, rows: &[T]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = merge_sql::<T>(tx.engine(), T::KEPT);
    bind_rows(built_query(tx, sql), rows)?.execute().await?;
    Ok(())
}

/// Empties a rollup but for what is kept of events that are gone.
pub async fn begin_again<T: Kept>(tx: &mut Tx) -> Result<(), Error> {
    built_query(&mut *tx, clear_sql::<T>()).execute().await?;
    built_query(tx, begin_again_sql::<T>()).execute().await?;
    Ok(())
}

/// Takes the rows of some users out of a rollup, and returns them.
pub async fn take<T: Rollup>(tx: &mut Tx, users: &[i64]) -> Result<Vec<T>, Error> {
    take_from(tx, T::NAME, users).await
}

/// The same out of what is kept of it.
pub async fn take_kept<T: Kept>(tx: &mut Tx, users: &[i64]) -> Result<Vec<T>, Error> {
    take_from(tx, T::KEPT, users).await
}

async fn take_from<T: Rollup>(tx: &mut Tx, table: &str, users: &[i64]) -> Result<Vec<T>, Error> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let sql = take_sql::<T>(tx.engine(), table);
    Ok(built_query(tx, sql).bind_numbers(users).fetch_all().await?)
}

/// The rows of one scope whose `column` is one of `values`.
pub async fn find<T: Table>(
    on: impl Into<Target<'_>>,
    scope: &Scope,
    column: &'static str,
    values: &[String],
) -> Result<Vec<T>, Error> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let on = on.into();
    let sql = find_sql::<T>(on.engine(), column);
    Ok(built_query(on, sql).bind_texts(values).bind(&scope.account).bind(scope.livemode).fetch_all().await?)
}

/// Deletes the rows of one scope whose `column` is one of `values`; returns how many.
pub async fn delete<T: Table>(
    tx: &mut Tx,
    scope: &Scope,
    column: &'static str,
    values: &[String],
) -> Result<u64, Error> {
    if values.is_empty() {
        return Ok(0);
    }
    let sql = delete_sql::<T>(tx.engine(), column);
    Ok(built_query(tx, sql).bind_texts(values).bind(&scope.account).bind(scope.livemode).execute().await?)
}

/// Deletes the rows of one scope whose `column` is one of `values`, but for those whose `kept_by`
/// (columns joined by a blank) is one of `kept`; returns how many.
pub async fn delete_except<T: Table>(
    tx: &mut Tx,
    scope: &Scope,
    column: &'static str,
    values: &[String],
    kept_by: &[&'static str],
    kept: &[String],
) -> Result<u64, Error> {
    if values.is_empty() {
        return Ok(0);
    }
    let sql = delete_except_sql::<T>(tx.engine(), column, kept_by);
    let query = built_query(tx, sql).bind_texts(values).bind(&scope.account).bind(scope.livemode);
    Ok(query.bind_texts(kept).execute().await?)
}

/// What is bound to `$1` of a bulk statement.
pub fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, Error> {
    serde_json::to_string(rows).map_err(|error| Error::Database(sqlx::Error::Encode(error.into())))
}

/// The statement made for the rollup `T`, beside those of [`statements_of`].
#[doc(hidden)]
pub fn merge_statement_of<T: Rollup>(engine: Engine) -> (String, String) {
    (format!("{}::merge", T::NAME), merge_sql::<T>(engine, T::NAME))
}

/// The statements made for the rollup `T` of raw events, beside that one.
#[doc(hidden)]
pub fn kept_statements_of<T: Kept>(engine: Engine) -> Vec<(String, String)> {
    vec![
        (format!("{}::merge", T::KEPT), merge_sql::<T>(engine, T::KEPT)),
        (format!("{}::clear", T::NAME), clear_sql::<T>()),
        (format!("{}::begin_again", T::NAME), begin_again_sql::<T>()),
    ]
}

/// The statements that take a user's rows out of the rollup `T`.
#[doc(hidden)]
pub fn take_statements_of<T: Kept>(engine: Engine) -> Vec<(String, String)> {
    vec![
        (format!("{}::take", T::NAME), take_sql::<T>(engine, T::NAME)),
        (format!("{}::take", T::KEPT), take_sql::<T>(engine, T::KEPT)),
    ]
}

/// The statements made for `T`, for the test that prepares every statement on both engines.
#[doc(hidden)]
pub fn statements_of<T: Table>(engine: Engine) -> Vec<(String, String)> {
    let mut made = vec![
        (format!("{}::insert_new", T::NAME), insert_new_sql::<T>(engine)),
        (format!("{}::upsert", T::NAME), upsert_sql::<T>(engine)),
    ];
    for by in T::LOOKUPS {
        made.push((format!("{}::find by {by}", T::NAME), find_sql::<T>(engine, by)));
        made.push((format!("{}::delete by {by}", T::NAME), delete_sql::<T>(engine, by)));
        let own: Vec<&str> =
            T::KEY.iter().copied().filter(|key| !["account", "livemode"].contains(key)).collect();
        let texts = |name: &&str| T::COLUMNS.contains(&(*name, Kind::Text));
        let kept_by: Vec<&str> = own.into_iter().filter(texts).collect();
        made.push((
            format!("{}::delete_except by {by}", T::NAME),
            delete_except_sql::<T>(engine, by, &kept_by),
        ));
    }
    made
}
