//! Product events to a collector, as fast as it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use growth_testkit::signed::Client;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::arguments::Collect;
use crate::figures::{Seen, Stopwatch};
use crate::product::{Event, Random, instant};

/// Posts and returns the figures.
pub(crate) async fn run(collect: Collect) -> Result<Value> {
    let mut clients = Vec::new();
    for _ in 0..collect.connections {
        let client = Client::connect(collect.server.address).await;
        clients.push(client.with_context(|| format!("cannot connect to {}", collect.server.address))?);
    }
    // Made before the clock starts, so that the client's own work slows nobody down.
    let bodies: Vec<Bytes> = (0..collect.requests).map(|number| body(&collect, number).into()).collect();
    let work = Arc::new((collect, bodies, AtomicU64::new(0)));
    let barrier = Arc::new(Barrier::new(clients.len() + 1));
    let mut tasks = JoinSet::new();
    for client in clients {
        let (work, barrier) = (Arc::clone(&work), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let (collect, bodies, next) = &*work;
            post_all(client, collect, bodies, next).await
        });
    }
    barrier.wait().await;
    let stopwatch = Stopwatch::start();
    let mut seen = Seen::default();
    while let Some(task) = tasks.join_next().await {
        seen.add(task?);
    }
    Ok(stopwatch.stop(seen))
}

async fn post_all(mut client: Client, collect: &Collect, bodies: &[Bytes], next: &AtomicU64) -> Seen {
    let authorization = format!("Bearer {}", collect.server.secret);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let mut seen = Seen::default();
    while let Some(body) =
        usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|number| bodies.get(number))
    {
        let begun = Instant::now();
        match client.post(&collect.server.path, &headers, body.clone()).await {
            Ok(answer) if answer.body == r#"{"success":true}"# => seen.count(begun, "200"),
            Ok(answer) => seen.count(begun, format!("{} {}", answer.status, answer.body)),
            Err(failure) => seen.count(begun, failure.to_string()),
        }
    }
    seen
}

fn body(collect: &Collect, number: u64) -> String {
    let calls: Vec<Value> = (0..collect.batch).map(|n| call(collect, number * collect.batch + n)).collect();
    match &calls[..] {
        [one] => one.to_string(),
        all => json!({"batch": all}).to_string(),
    }
}

fn call(collect: &Collect, number: u64) -> Value {
    let event = Event::new(&mut Random(number), collect.users);
    let mut properties = event.properties;
    properties["duration_ms"] = event.duration_ms.into();
    json!({
        "type": "track",
        "messageId": format!("m-{number:09}"),
        "event": event.name,
        "userId": event.user,
        "timestamp": instant(number * 1_000),
        "properties": properties,
        "context": {"app": {"name": event.app}, "sessionId": event.session, "userAgent": "bench/1"},
    })
}
