//! The peer of the webhook server: each event by a statement of its own, with no server in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::DateTime;
use growth_db::rows::{StripeEventRow, inbox};
use growth_db::{Db, Target};
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::arguments::Direct;
use crate::events;
use crate::figures::{Seen, Stopwatch};

/// Inserts and returns the figures.
pub(crate) async fn run(direct: Direct) -> Result<Value> {
    let events = events::read(&direct.events, direct.limit)?;
    // When an event came is no matter here, as long as it is the same work for the database.
    let received_at = DateTime::UNIX_EPOCH;
    let rows = events.iter().map(|event| events::row(event, received_at)).collect::<Result<Vec<_>>>()?;
    let db = Db::connect(&direct.database_url).await.context("cannot open the database")?;
    let work = Arc::new((db, rows, AtomicUsize::new(0)));
    let barrier = Arc::new(Barrier::new(direct.connections + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..direct.connections {
        let (work, barrier) = (Arc::clone(&work), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let (db, rows, next) = &*work;
            insert_all(db, rows, next).await
        });
    }
    barrier.wait().await;
    let stopwatch = Stopwatch::start();
    let mut seen = Seen::default();
    while let Some(task) = tasks.join_next().await {
        seen.add(task?);
    }
    let result = stopwatch.stop(seen);
    work.0.close().await;
    Ok(result)
}

async fn insert_all(db: &Db, rows: &[StripeEventRow], next: &AtomicUsize) -> Seen {
    let mut seen = Seen::default();
    while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        match inbox::receive(Target::Alone(db), std::slice::from_ref(row)).await {
            Ok(new) if new.len() == 1 => seen.count(begun, "inserted"),
            Ok(_) => seen.count(begun, "known before"),
            Err(error) => seen.count(begun, format!("{error:#}")),
        }
    }
    seen
}
