//! Whether both engines accept a crate's statements.

use growth_db::{Db, Engine};
use sqlx::{AssertSqlSafe, Column, Either, Executor, SqlSafeStr, Statement};

/// What a statement gives and takes.
#[derive(Debug, PartialEq)]
struct Shape {
    columns: Vec<String>,
    parameters: usize,
}

async fn shape(db: &Db, name: &str, sql: &str) -> Shape {
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    let (columns, parameters) = match db {
        Db::Sqlite { writer, .. } => {
            let statement = writer.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            (names(statement.columns()), statement.parameters().map(count))
        }
        Db::Postgres { pool, .. } => {
            let statement = pool.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            (names(statement.columns()), statement.parameters().map(count))
        }
    };
    Shape { columns, parameters: parameters.unwrap_or_default() }
}

fn names(columns: &[impl Column]) -> Vec<String> {
    columns.iter().map(|column| column.name().to_owned()).collect()
}

fn count<T>(parameters: Either<&[T], usize>) -> usize {
    parameters.either(<[T]>::len, |count| count)
}

/// Prepares named statements on both engines and compares their columns and numbers of parameters.
///
/// # Panics
///
/// Where an engine refuses a statement, or the engines differ.
pub async fn assert_prepared_alike(statements: impl Fn(Engine) -> Vec<(String, String)>) {
    let (sqlite, postgres) = (crate::sqlite().await, crate::postgres().await);
    let (own, other) = (statements(Engine::Sqlite), statements(Engine::Postgres));
    assert_eq!(own.len(), other.len());
    assert!(!own.is_empty());
    for ((name, sqlite_sql), (twin, postgres_sql)) in own.iter().zip(&other) {
        assert_eq!(name, twin);
        let mut expected = shape(&sqlite, name, sqlite_sql).await;
        if postgres_sql.contains("UNNEST(") {
            // A hot insert: what SQLite takes as one JSON text, Postgres takes as one array a column.
            assert_eq!(expected.parameters, 1, "{name}");
            expected.parameters = postgres_sql.matches("[]").count();
        }
        assert_eq!(shape(&postgres, name, postgres_sql).await, expected, "{name}");
    }
}
