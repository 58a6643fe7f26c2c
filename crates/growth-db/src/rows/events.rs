//! Product events and the receipts of their messages.

use std::collections::BTreeSet;

use chrono::{Datelike, Months, NaiveDate};

use crate::engine::{Db, Engine, Tx, built_query, query};
use crate::error::Error;
use crate::rows::{EventRow, ReceiptRow};
use crate::table::{bind_rows, insert_new_sql, json};

statements! {
    ANY = "SELECT COUNT(*) > 0 AS known FROM (SELECT 1 FROM daily_event LIMIT 1) AS one";
}

/// A look into the catalogue's tables, since `to_regclass` may remember how it was before the lock.
const POSTGRES_MISSING: &str =
    "SELECT wanted.name FROM json_array_elements_text(CAST($1 AS json)) AS wanted(name)
    WHERE NOT EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = CAST('events' AS regclass) AND relname = wanted.name)";
const POSTGRES_LOCK: &str = "SELECT 1::bigint FROM (SELECT pg_advisory_xact_lock(7160119473)) AS locked";

/// Tells whether there are figures that were made of events.
pub async fn any(tx: &mut Tx) -> Result<bool, Error> {
    let (known,) = query(tx, ANY).fetch_one().await?;
    Ok(known)
}

/// Writes receipts down; returns source and message id of those that were new.
pub async fn store_receipts(tx: &mut Tx, receipts: &[ReceiptRow]) -> Result<Vec<(String, String)>, Error> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = store_receipts_sql(tx.engine());
    Ok(bind_rows(built_query(tx, sql), receipts)?.fetch_all().await?)
}

/// Stores events whose key is new; returns the `id` of those that were.
///
/// Postgres needs [`make_partitions`] for their months first.
pub async fn store(tx: &mut Tx, events: &[EventRow]) -> Result<Vec<i64>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let sql = store_sql(tx.engine());
    let stored: Vec<(i64,)> = bind_rows(built_query(tx, sql), events)?.fetch_all().await?;
    Ok(stored.into_iter().map(|(id,)| id).collect())
}

fn store_receipts_sql(engine: Engine) -> String {
    insert_new_sql::<ReceiptRow>(engine) + " RETURNING source, message_id"
}

fn store_sql(engine: Engine) -> String {
    insert_new_sql::<EventRow>(engine) + " RETURNING id"
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![
        ("events::store_receipts".to_owned(), store_receipts_sql(engine)),
        ("events::store".to_owned(), store_sql(engine)),
    ]
}

/// Makes sure that Postgres has a place for the events of these UTC months.
///
/// It has a transaction of its own: one that has written would wait for writers that wait for it.
/// Safe to run in many processes at once; nobody who reads or writes events has to wait for it.
pub async fn make_partitions(db: &Db, months: &BTreeSet<NaiveDate>) -> Result<(), Error> {
    if db.engine() == Engine::Sqlite {
        return Ok(());
    }
    let partitions: Vec<(String, NaiveDate)> =
        months.iter().map(|month| (partition(*month), *month)).collect();
    let names = json(&partitions.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
    if query(db, POSTGRES_MISSING).bind(&names).fetch_all::<(String,)>().await?.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    query(&mut tx, POSTGRES_LOCK).fetch_one::<(i64,)>().await?;
    let missing: BTreeSet<String> = query(&mut tx, POSTGRES_MISSING)
        .bind(&names)
        .fetch_all()
        .await?
        .into_iter()
        .map(|(name,)| name)
        .collect();
    for (name, month) in partitions.iter().filter(|(name, _)| missing.contains(name)) {
        // `CREATE TABLE … PARTITION OF` would lock everybody out of `events`, attaching does not.
        built_query(&mut tx, format!("CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS)"))
            .execute()
            .await?;
        // The policies of `events` do not hold for who asks a partition itself: that is for the owner alone.
        built_query(&mut tx, format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")).execute().await?;
        built_query(&mut tx, attach_sql(name, *month)).execute().await?;
    }
    tx.commit().await?;
    Ok(())
}

fn partition(month: NaiveDate) -> String {
    month.format("events_%Y_%m").to_string()
}

fn attach_sql(name: &str, month: NaiveDate) -> String {
    let first = month.with_day(1).unwrap_or(month);
    let next = first + Months::new(1);
    format!(
        "ALTER TABLE events ATTACH PARTITION {name} \
         FOR VALUES FROM ('{first}T00:00:00Z') TO ('{next}T00:00:00Z')"
    )
}
