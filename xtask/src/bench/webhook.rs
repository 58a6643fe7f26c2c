//! Receiving signed webhooks over HTTP, durable before the answer, on a database of each engine.
//!
//! There are two peers. The first has no server at all: as many tasks insert one event each by a statement of its own,
//! through a pool like the product's. It verifies nothing, parses nothing inside the time, and applies nothing. The
//! second is the [`SyncEngine`], on PostgreSQL, which is all that it knows.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Size;
use super::measure;
use super::sync_engine::SyncEngine;
use super::table::{self, NOT_MEASURED};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::{SECRET, Settings};
use crate::{ports, process, terminal};

/// Numbers of connections, and what part of the events a run with so many posts, so that it takes some seconds.
const LOADS: [(usize, u64); 5] = [(1, 40), (8, 20), (32, 10), (128, 5), (512, 5)];
const SYNC_ENGINE_HEADER: [&str; 9] = [
    "connections",
    "events",
    "requests/s",
    "p99 ms",
    "applied/s",
    "peer events/s",
    "peer p99 ms",
    "applied, ratio",
    "p99, ratio",
];

/// Objects of a kind that no figure needs: their events are stored, and nothing more.
const UNNEEDED: &str = "payout";
/// How long applying what was received may take.
const PATIENCE: Duration = Duration::from_mins(10);

const HEADER: [&str; 13] = [
    "engine",
    "connections",
    "events",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "peak MiB",
    "applied/s",
    "peer inserts/s",
    "peer p50 ms",
    "peer p99 ms",
    "ratio",
];

/// Runs the bench and returns its tables.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let sync_engine = SyncEngine::install(scratch.path())?;
    let cluster = Cluster::start(Durability::Full)?;
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];
    for engine in engines {
        engine.has_client()?;
    }
    let loads =
        LOADS.map(|(connections, part)| (connections, (size.events / part).max(connections as u64 * 2)));
    let most = loads.iter().map(|(_, events)| *events).max().context("there are loads")?;
    let file = scratch.path().join("events.ndjson");
    terminal::progress(&format!("making {most} events"));
    product.record_events(&file, most, None)?;

    let mut bench = Bench { product: &product, folder: scratch.path(), file: &file, databases: 0 };
    let (mut needed, mut unneeded, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for engine in engines {
        for (connections, events) in loads {
            let load = Load { engine, connections, events };
            terminal::progress(&format!("{}, {connections} connections, {events} events", engine.name()));
            // Rounds alternate between product and peer, so that a slow minute of the machine meets both.
            let (mut applied, mut received) = (Vec::new(), Vec::new());
            let (mut inserted, mut by_engine) = (Vec::new(), Vec::new());
            for _ in 0..size.rounds {
                applied.push(bench.serve(&load, None)?);
                inserted.push(bench.insert(&load)?);
                received.push(bench.serve(&load, Some(UNNEEDED))?);
                if let Engine::Postgres(_) = engine {
                    by_engine.push(bench.sync(&load, &sync_engine)?);
                }
            }
            let (applied, received) = (middle(applied)?, middle(received)?);
            let peer = measure::middle(inserted, |run| run.rate).context("no round was run")?;
            needed.push(row(&load, &applied, &peer));
            unneeded.push(row(&load, &received, &peer));
            if let Some(peer) = measure::middle(by_engine, |run| run.rate) {
                synced.push(sync_engine_row(&load, &applied, &peer));
            }
        }
    }
    Ok(format!(
        "Events of a business, applied to the figures while more arrive:\n\n{}\n\
         The same events about objects that no figure needs, so that receiving alone is measured:\n\n{}\n\
         Events applied to the figures, beside {} on the same PostgreSQL, which is spared the events \
         that it does not know and those about checkout sessions, for which it would ask Stripe:\n\n{}\n\
         Rounds: {}, of which the one with the median rate counts; every run has a fresh database with durable \
         commits. Client, server and database share the machine. Latencies are the client's. CPU: of the server, \
         for each request, until the last answer; a PostgreSQL server's own comes on top. Applied/s: from the first \
         post until no event is pending. Peer of the first two tables: as many tasks that insert one event each by an autocommit statement \
         through the same pool, without HTTP, signatures, parsing and figures. Ratio: requests per second against \
         the peer's inserts per second.",
        table::markdown(HEADER, &needed),
        table::markdown(HEADER, &unneeded),
        sync_engine.name(),
        table::markdown(SYNC_ENGINE_HEADER, &synced),
        size.rounds
    ))
}

/// Returns the run of the median rate.
fn middle(served: Vec<Served>) -> Result<Served> {
    measure::middle(served, |served| served.run.rate).context("no round was run")
}

fn row(load: &Load<'_>, served: &Served, peer: &Run) -> [String; 13] {
    let Served { run, cpu_micros, peak_kib, applied } = served;
    let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    [
        load.engine.name().to_owned(),
        load.connections.to_string(),
        load.events.to_string(),
        format!("{:.0}", run.rate),
        format!("{:.2}", run.p50_ms),
        format!("{:.2}", run.p99_ms),
        or_not(cpu_micros.map(|micros| format!("{micros:.0}"))),
        or_not(peak_kib.map(table::mebibytes)),
        format!("{applied:.0}"),
        format!("{:.0}", peer.rate),
        format!("{:.2}", peer.p50_ms),
        format!("{:.2}", peer.p99_ms),
        format!("{:.2}", run.rate / peer.rate),
    ]
}

fn sync_engine_row(load: &Load<'_>, served: &Served, peer: &Run) -> [String; 9] {
    let Served { run, applied, .. } = served;
    [
        load.connections.to_string(),
        load.events.to_string(),
        format!("{:.0}", run.rate),
        format!("{:.2}", run.p99_ms),
        format!("{applied:.0}"),
        format!("{:.0}", peer.rate),
        format!("{:.2}", peer.p99_ms),
        format!("{:.2}", applied / peer.rate),
        format!("{:.2}", run.p99_ms / peer.p99_ms),
    ]
}

/// What is sent, and where to.
struct Load<'a> {
    engine: Engine<'a>,
    connections: usize,
    events: u64,
}

/// What the sender saw.
struct Run {
    seconds: f64,
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// What the server did meanwhile.
struct Served {
    run: Run,
    cpu_micros: Option<f64>,
    peak_kib: Option<u64>,
    /// Events a second, from the first post until none was pending.
    applied: f64,
}

/// What every run needs.
struct Bench<'a> {
    product: &'a Product,
    folder: &'a Path,
    file: &'a Path,
    databases: usize,
}

impl Bench<'_> {
    /// Posts to a server on a fresh database.
    fn serve(&mut self, load: &Load<'_>, kind: Option<&str>) -> Result<Served> {
        let database = self.database(load.engine)?;
        let settings = Settings {
            product: self.product,
            database_url: database.url(),
            port: ports::free()?,
            folder: self.folder,
        };
        let server = settings.start()?;
        let mut post = self.product.webhook_load("post");
        post.args(["--url", &server.url("/webhooks/stripe"), "--secret", SECRET]);
        if let Some(kind) = kind {
            post.args(["--kind", kind]);
        }
        let before = measure::cpu_of(server.pid());
        let run = self.sent(&mut post, load, "200").with_context(|| format!("webhooks{}", server.said()))?;
        let ended = Instant::now();
        let cpu = measure::cpu_of(server.pid()).zip(before).map(|(now, before)| now.saturating_sub(before));
        server.wait_until_applied(PATIENCE)?;
        let applied = per_second(load.events, run.seconds + ended.elapsed().as_secs_f64());
        let peak_kib = measure::resident_kib(server.pid());
        ensure!(server.terminate()?.success(), "the server did not end well after SIGTERM");
        all_stored(&database, load)?;
        let cpu_micros = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / per_second(load.events, 1.0));
        Ok(Served { run, cpu_micros, peak_kib, applied })
    }

    /// Inserts into a fresh database.
    fn insert(&mut self, load: &Load<'_>) -> Result<Run> {
        let database = self.database(load.engine)?;
        let mut migrate = self.product.growthctl(self.folder);
        process::stdout(migrate.args(["--database-url", &database.url(), "migrate"]))?;
        let mut direct = self.product.webhook_load("direct");
        let run = self.sent(direct.args(["--database-url", &database.url()]), load, "inserted")?;
        all_stored(&database, load)?;
        Ok(run)
    }

    /// Posts to the sync engine on a fresh database.
    fn sync(&mut self, load: &Load<'_>, engine: &SyncEngine) -> Result<Run> {
        let database = self.database(load.engine)?;
        let server = engine.serve(&database.url())?;
        let mut post = self.product.webhook_load("post");
        post.args(["--url", &server.url("/"), "--secret", SECRET]);
        let run = self.sent(&mut post, load, "200").with_context(|| format!("webhooks{}", server.said()))?;
        engine.did_its_work(&server)?;
        Ok(run)
    }

    /// Runs the sender and reads its figures; anything but the one outcome is an error.
    fn sent(&self, sender: &mut Command, load: &Load<'_>, outcome: &str) -> Result<Run> {
        sender.arg("--events").arg(self.file);
        sender.args(["--connections", &load.connections.to_string(), "--limit", &load.events.to_string()]);
        let text = process::stdout(sender)?;
        let json: Value = serde_json::from_str(&text).context("the sender printed no JSON")?;
        let outcomes = &json["statuses"];
        ensure!(outcomes[outcome].as_u64() == Some(load.events), "not all are {outcome}: {outcomes}");
        let figure = |name: &str| json[name].as_f64().with_context(|| format!("the sender tells no {name}"));
        let seconds = figure("seconds")?;
        Ok(Run {
            seconds,
            rate: per_second(load.events, seconds),
            p50_ms: figure("p50_ms")?,
            p99_ms: figure("p99_ms")?,
        })
    }

    fn database<'e>(&mut self, engine: Engine<'e>) -> Result<Database<'e>> {
        self.databases += 1;
        engine.create(&format!("run_{}", self.databases))
    }
}

/// Fails where a run was quick because it did not do its work.
fn all_stored(database: &Database<'_>, load: &Load<'_>) -> Result<()> {
    let stored = database.number("SELECT COUNT(*) FROM stripe_events")?;
    ensure!(stored == load.events, "{stored} of {} events are stored", load.events);
    Ok(())
}

fn per_second(events: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at, of far fewer things than 2^52")]
    let events = events as f64;
    events / seconds
}
