//! The same page again and again, as fast as the server answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use growth_testkit::signed::Client;
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::arguments::Get;
use crate::figures::{Seen, Stopwatch};

/// Reads and returns the figures, with the bytes of the last answer.
pub(crate) async fn run(get: Get) -> Result<Value> {
    let mut clients = Vec::new();
    for _ in 0..get.connections {
        let client = Client::connect(get.server.address).await;
        clients.push(client.with_context(|| format!("cannot connect to {}", get.server.address))?);
    }
    let work = Arc::new((get, AtomicU64::new(0)));
    let barrier = Arc::new(Barrier::new(clients.len() + 1));
    let mut tasks = JoinSet::new();
    for client in clients {
        let (work, barrier) = (Arc::clone(&work), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let (get, next) = &*work;
            get_all(client, get, next).await
        });
    }
    barrier.wait().await;
    let stopwatch = Stopwatch::start();
    let (mut seen, mut bytes) = (Seen::default(), 0);
    while let Some(task) = tasks.join_next().await {
        let (more, last) = task?;
        seen.add(more);
        bytes = bytes.max(last);
    }
    let mut figures = stopwatch.stop(seen);
    figures["bytes"] = bytes.into();
    Ok(figures)
}

async fn get_all(mut client: Client, get: &Get, next: &AtomicU64) -> (Seen, usize) {
    let authorization = format!("Bearer {}", get.server.secret);
    let mut headers = vec![("authorization", authorization.as_str())];
    if get.anew {
        headers.push(("cache-control", "no-cache"));
    }
    let (mut seen, mut bytes) = (Seen::default(), 0);
    while next.fetch_add(1, Ordering::Relaxed) < get.requests {
        let begun = Instant::now();
        match client.get_with(&get.server.path, &headers).await {
            Ok(answer) => {
                bytes = answer.body.len();
                seen.count(begun, answer.status.to_string());
            }
            Err(failure) => seen.count(begun, failure.to_string()),
        }
    }
    (seen, bytes)
}
