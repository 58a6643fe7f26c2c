//! Events as Stripe sends them on a bad day: out of order, several times, and again until they are acknowledged.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use growth_testkit::signed::{Answer, Client, Failure, SIGNATURE};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::arguments::Chaos;
use crate::deliveries::{Random, order};
use crate::events;
use crate::server::Server;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The pause before a connection that failed is used again is between these.
const PAUSE_MS: (u64, u64) = (5, 60);
/// A server that acknowledges nothing for so long will not do so any more.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often progress is told in a run.
const TOLD: usize = 500;

/// Writes a line of the result.
type Tell = fn(&Value) -> io::Result<()>;

/// Sends until all is acknowledged, telling its progress, and returns the sums.
pub(crate) async fn run(chaos: Chaos, tell: Tell) -> Result<Value> {
    let bodies = events::read(&chaos.events, None)?;
    let ids = bodies.iter().map(|body| events::id(body)).collect::<Result<Vec<_>>>()?;
    let mut random = Random(chaos.seed);
    let queue: VecDeque<usize> = order(bodies.len(), &mut random, chaos.duplicates).into();
    let deliveries = queue.len();
    let state = State {
        queue,
        acknowledged: vec![false; bodies.len()],
        tally: Tally::default(),
        advanced: Instant::now(),
        given_up: None,
        random,
    };
    let sender = Arc::new(Sender { server: chaos.server, bodies, tell, state: Mutex::new(state) });
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..chaos.connections {
        let sender = Arc::clone(&sender);
        tasks.spawn(async move { sender.send_all().await });
    }
    while let Some(task) = tasks.join_next().await {
        task?;
    }
    let state = sender.state();
    let acknowledged: Vec<&str> =
        ids.iter().zip(&state.acknowledged).filter(|(_, yes)| **yes).map(|(id, _)| id.as_str()).collect();
    fs::write(&chaos.acknowledged, acknowledged.join("\n"))
        .with_context(|| format!("cannot write {}", chaos.acknowledged.display()))?;
    if let Some(why) = &state.given_up {
        bail!("{why}; until then {}", state.tally.json());
    }
    let mut sums = state.tally.json();
    sums["events"] = ids.len().into();
    sums["deliveries"] = deliveries.into();
    sums["seconds"] = begun.elapsed().as_secs_f64().into();
    Ok(sums)
}

/// What all connections share.
struct Sender {
    server: Server,
    bodies: Vec<Bytes>,
    tell: Tell,
    state: Mutex<State>,
}

struct State {
    /// What is still to be sent, by the number of its event.
    queue: VecDeque<usize>,
    /// By event, whether any of its posts was answered with success.
    acknowledged: Vec<bool>,
    tally: Tally,
    /// When something was acknowledged last.
    advanced: Instant,
    given_up: Option<String>,
    random: Random,
}

/// How many posts ended in which way.
#[derive(Debug, Default)]
struct Tally {
    posts: u64,
    /// Events, each counted once.
    acknowledged: usize,
    /// Posts that were sent, and whose answer never came.
    unanswered: u64,
    /// Posts that found no server.
    unsent: u64,
    /// Posts that were answered with a status above 499.
    unavailable: u64,
    /// Posts that the server called wrong, after the first of which nothing more is sent.
    refused: u64,
}

impl Tally {
    fn json(&self) -> Value {
        json!({
            "posts": self.posts,
            "acknowledged": self.acknowledged,
            "retried": self.unanswered + self.unsent + self.unavailable,
            "unanswered": self.unanswered,
            "unsent": self.unsent,
            "unavailable": self.unavailable,
            "refused": self.refused,
        })
    }
}

impl Sender {
    /// Sends what is in the queue over one connection, until nothing is left.
    async fn send_all(&self) {
        let mut client = Client::new(self.server.address);
        while let Some(event) = self.next() {
            let body = &self.bodies[event];
            let signature = self.server.sign(body);
            let headers = [(SIGNATURE, signature.as_str()), ("content-type", "application/json")];
            let answer = timeout(ANSWER, client.post(&self.server.path, &headers, body.clone())).await;
            let answer = answer.unwrap_or_else(|_| {
                Err(Failure::Unanswered(io::Error::new(io::ErrorKind::TimedOut, "the server takes too long")))
            });
            if let Some(pause) = self.settle(event, answer) {
                sleep(pause).await;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<usize> {
        let mut state = self.state();
        if state.given_up.is_some() {
            return None;
        }
        // Whoever puts an event back looks here again, so an empty queue leaves none behind.
        state.queue.pop_front()
    }

    /// Notes how a post ended, and returns how long to wait where it has to be sent again.
    fn settle(&self, event: usize, answer: Result<Answer, Failure>) -> Option<Duration> {
        let mut state = self.state();
        let State { queue, acknowledged, tally, advanced, given_up, random } = &mut *state;
        tally.posts += 1;
        let problem = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                *advanced = Instant::now();
                if !std::mem::replace(&mut acknowledged[event], true) {
                    tally.acknowledged += 1;
                    if tally.acknowledged.is_multiple_of(self.bodies.len().div_ceil(TOLD))
                        && let Err(error) = (self.tell)(&tally.json())
                    {
                        *given_up = Some(format!("cannot tell the progress: {error}"));
                    }
                }
                return None;
            }
            Ok(Answer { status: status @ 500.., body, .. }) => {
                tally.unavailable += 1;
                format!("{status} {body}")
            }
            Ok(Answer { status, body, .. }) => {
                tally.refused += 1;
                let event = String::from_utf8_lossy(&self.bodies[event]);
                *given_up = Some(format!("the server refused an event ({status} {body}): {event}"));
                return None;
            }
            Err(failure) => {
                match failure {
                    Failure::Unsent(_) => tally.unsent += 1,
                    Failure::Unanswered(_) => tally.unanswered += 1,
                }
                failure.to_string()
            }
        };
        if advanced.elapsed() > PATIENCE {
            *given_up = Some(format!("nothing was acknowledged for {} s: {problem}", PATIENCE.as_secs()));
        }
        queue.push_back(event);
        Some(Duration::from_millis(PAUSE_MS.0 + random.below(PAUSE_MS.1 - PAUSE_MS.0)))
    }
}
