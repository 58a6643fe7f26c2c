//! Both migration histories end in the same shape.

use std::collections::BTreeSet;

use growth_db::{Db, query};

/// Table, column, SQLite's type, whether it may be NULL, and its place in the primary key from 1.
type Columns = BTreeSet<(String, String, String, bool, i64)>;

/// Table, name, whether unique.
type Indexes = BTreeSet<(String, String, bool)>;

const SQLITE_COLUMNS: &str = "SELECT m.name, c.name, replace(c.type, 'BIGINT', 'INTEGER'), c.\"notnull\" = 0, c.pk
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'";
const POSTGRES_COLUMNS: &str = "SELECT c.table_name::text, c.column_name::text,
    CASE WHEN c.data_type IN ('bigint', 'boolean') THEN 'INTEGER'
        WHEN c.data_type IN ('text', 'jsonb', 'date', 'timestamp with time zone') THEN 'TEXT'
        ELSE c.data_type::text END,
    c.is_nullable = 'YES',
    COALESCE((SELECT array_position(i.indkey::int2[], a.attnum) + 1 FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = c.column_name
        WHERE i.indisprimary AND i.indrelid = format('%I.%I', c.table_schema, c.table_name)::regclass), 0)::bigint
    FROM information_schema.columns c WHERE c.table_schema = 'growth'";

const SQLITE_INDEXES: &str = "SELECT m.name, i.name, i.\"unique\" = 1
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin = 'c'";
const POSTGRES_INDEXES: &str = "SELECT t.relname::text, x.relname::text, i.indisunique FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'growth'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.oid)";

async fn of_both<T: growth_db::Record + Ord>(
    sqlite: &'static str,
    postgres: &'static str,
) -> [BTreeSet<T>; 2] {
    let (own, other) = (growth_testkit::sqlite().await, growth_testkit::postgres().await);
    [rows(&own, sqlite).await, rows(&other, postgres).await]
}

async fn rows<T: growth_db::Record + Ord>(db: &Db, sql: &'static str) -> BTreeSet<T> {
    query(db, sql).fetch_all().await.unwrap().into_iter().collect()
}

#[test]
fn both_histories_end_in_the_same_tables() {
    growth_testkit::block_on(async {
        let [sqlite, postgres]: [Columns; 2] = of_both(SQLITE_COLUMNS, POSTGRES_COLUMNS).await;
        let only = |own: &Columns, other: &Columns| own.difference(other).cloned().collect::<Vec<_>>();
        assert_eq!(only(&sqlite, &postgres), [], "only on SQLite");
        assert_eq!(only(&postgres, &sqlite), [], "only on Postgres");
        assert!(sqlite.len() > 200, "{} columns are not all of them", sqlite.len());
    });
}

#[test]
fn both_histories_end_in_the_same_indexes() {
    growth_testkit::block_on(async {
        let [sqlite, postgres]: [Indexes; 2] = of_both(SQLITE_INDEXES, POSTGRES_INDEXES).await;
        assert_eq!(sqlite, postgres);
        assert!(sqlite.len() > 25, "{} indexes are not all of them", sqlite.len());
    });
}

#[test]
fn every_table_of_sqlite_is_strict() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let lax = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0
            AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations'";
        assert_eq!(query(&*db, lax).fetch_all::<(String,)>().await.unwrap(), []);
    });
}
