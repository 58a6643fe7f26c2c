//! Each event once, as fast as the server answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use growth_testkit::signed::{Client, SIGNATURE};
use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::arguments::Post;
use crate::events;
use crate::figures::{Seen, Stopwatch};
use crate::server::Server;

/// How long a signature is used; a server refuses it when it is five minutes old.
const FRESH: Duration = Duration::from_mins(4);

/// Posts and returns the figures.
pub(crate) async fn run(post: Post) -> Result<Value> {
    let mut bodies = events::read(&post.events, post.limit)?;
    if let Some(kind) = &post.kind {
        for body in &mut bodies {
            *body = events::about(kind, body)?;
        }
    }
    let mut clients = Vec::new();
    for _ in 0..post.connections {
        let client = Client::connect(post.server.address).await;
        clients.push(client.with_context(|| format!("cannot connect to {}", post.server.address))?);
    }
    // Signed before the clock starts, so that the client's own work slows nobody down.
    let signed_at = Instant::now();
    let signed = bodies.into_iter().map(|body| (post.server.sign(&body), body)).collect();
    let work = Arc::new(Work { server: post.server, signed, signed_at, next: AtomicUsize::new(0) });
    let barrier = Arc::new(Barrier::new(clients.len() + 1));
    let mut tasks = JoinSet::new();
    for client in clients {
        let (work, barrier) = (Arc::clone(&work), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            work.post_all(client).await
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

/// What all connections share.
struct Work {
    server: Server,
    signed: Vec<(String, Bytes)>,
    signed_at: Instant,
    next: AtomicUsize,
}

impl Work {
    async fn post_all(&self, mut client: Client) -> Seen {
        let mut seen = Seen::default();
        while let Some((signature, body)) = self.signed.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let resigned = (self.signed_at.elapsed() > FRESH).then(|| self.server.sign(body));
            let signature = resigned.as_ref().unwrap_or(signature);
            let headers = [(SIGNATURE, signature.as_str()), ("content-type", "application/json")];
            let begun = Instant::now();
            match client.post(&self.server.path, &headers, body.clone()).await {
                Ok(answer) => seen.count(begun, answer.status.to_string()),
                Err(failure) => seen.count(begun, failure.to_string()),
            }
        }
        seen
    }
}
