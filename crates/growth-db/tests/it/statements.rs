//! Both engines accept every statement, and agree on its columns and parameters.

use growth_db::{Db, Engine, query, statements};
use growth_testkit::on_each_engine;
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
        Db::Postgres(pool) => {
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

#[test]
fn statements_prepare_alike() {
    growth_testkit::block_on(async {
        let (sqlite, postgres) = (growth_testkit::sqlite().await, growth_testkit::postgres().await);
        let (own, other) = (statements(Engine::Sqlite), statements(Engine::Postgres));
        assert!(own.len() > 80, "{} are not all of them", own.len());
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
        assert_eq!(own.len(), other.len());
    });
}

#[test]
fn no_two_statements_have_one_name() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut names: Vec<String> = statements(engine).into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

on_each_engine! {
    #[should_panic(expected = "assertion")]
    async fn a_forgotten_value_is_caught(db: TestDb) {
        let _ = query(&*db, "SELECT COALESCE($1, 'x') AS x").fetch_one::<(String,)>().await;
    }
}
