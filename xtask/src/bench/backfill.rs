//! Bringing in an account's history from a server that answers as Stripe's API does.
//!
//! The first table is about waiting: each page takes 250 ms, as it does over the internet. The second is about work:
//! pages come at once. The peers are the [`SyncEngine`], and Stripe's own client for Node, which pages through the
//! customers and stores nothing. Both are spared what growthctl reads besides.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Size;
use super::measure::{self, Cost};
use super::sync_engine::SyncEngine;
use super::table::{self, NOT_MEASURED};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{ports, process, terminal};

const KEY: &str = "rk_live_of_a_throw_away_server";
const CUSTOMERS: u64 = 5_000;
const LATENCY: &str = "250";
/// More than Stripe allows; nobody else uses this server.
const RATE: &str = "100";
/// What the engine can bring in from a page alone.
const OBJECTS: [&str; 9] = [
    "product",
    "price",
    "customer",
    "subscription",
    "invoice",
    "charge",
    "payment_intent",
    "refund",
    "dispute",
];
const HEADER: [&str; 7] = ["who", "database", "objects", "seconds", "objects/s", "CPU s", "peak MiB"];

/// What was brought in, and what it cost.
struct Run {
    objects: u64,
    cost: Cost,
}

/// Runs the bench and returns its tables.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let engine = SyncEngine::install(scratch.path())?;
    let cluster = Cluster::start(Durability::Full)?;
    let mut bench =
        Bench { product: &product, folder: scratch.path(), cluster: &cluster, engine: &engine, databases: 0 };
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];

    terminal::progress(&format!("{CUSTOMERS} customers, {LATENCY} ms a page"));
    let stripe = bench.stripe(&["--customers", &CUSTOMERS.to_string(), "--latency", LATENCY])?;
    let [mut sqlite, mut postgres, mut synced, mut listed] = [const { Vec::new() }; 4];
    for _ in 0..size.rounds {
        sqlite.push(bench.backfill(engines[0], &stripe, None)?);
        postgres.push(bench.backfill(engines[1], &stripe, None)?);
        synced.push(bench.sync(&stripe, &["customer"])?);
        listed.push(bench.list(&stripe)?);
    }
    for run in synced.iter().chain(&listed) {
        ensure!(run.objects == CUSTOMERS, "a peer found {} of {CUSTOMERS} customers", run.objects);
    }
    let waiting = [
        row("growthctl", "SQLite", sqlite)?,
        row("growthctl", "PostgreSQL", postgres)?,
        row(engine.name(), "PostgreSQL", synced)?,
        row("stripe for Node, pages alone", "none", listed)?,
    ];
    drop(stripe);

    terminal::progress(&format!("{} objects at once", size.events));
    let stripe = bench.stripe(&["--objects", &size.events.to_string()])?;
    let [mut sqlite, mut postgres, mut synced] = [const { Vec::new() }; 3];
    for _ in 0..size.rounds {
        sqlite.push(bench.backfill(engines[0], &stripe, Some(RATE))?);
        postgres.push(bench.backfill(engines[1], &stripe, Some(RATE))?);
        synced.push(bench.sync(&stripe, &OBJECTS)?);
    }
    for run in sqlite.iter().chain(&postgres) {
        ensure!(run.objects >= size.events, "{} of {} objects were found", run.objects, size.events);
    }
    let working = [
        row("growthctl", "SQLite", sqlite)?,
        row("growthctl", "PostgreSQL", postgres)?,
        row(engine.name(), "PostgreSQL", synced)?,
    ];
    Ok(format!(
        "{CUSTOMERS} customers at {LATENCY} ms a page; growthctl reads eleven more lists:\n\n{}\n\
         A business of a year, pages at once, growthctl at {RATE} requests a second. The engine brings in all but \
         checkout sessions and the payments of invoices, and computes no figures:\n\n{}\n\
         Rounds: {}, of which the median counts. CPU and memory are those of the program itself; a PostgreSQL server's \
         own come on top.",
        table::markdown(HEADER, &waiting),
        table::markdown(HEADER, &working),
        size.rounds
    ))
}

fn row(who: &str, database: &str, runs: Vec<Run>) -> Result<[String; 7]> {
    let Run { objects, cost } =
        measure::middle(runs, |run| run.cost.elapsed.as_secs_f64()).context("no round was run")?;
    let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    Ok([
        who.to_owned(),
        database.to_owned(),
        objects.to_string(),
        table::seconds(cost.elapsed),
        table::rate(objects, cost),
        or_not(cost.cpu.map(table::seconds)),
        or_not(cost.peak_kib.map(table::mebibytes)),
    ])
}

/// What every part of the bench needs.
struct Bench<'a> {
    product: &'a Product,
    folder: &'a Path,
    cluster: &'a Cluster,
    engine: &'a SyncEngine,
    databases: usize,
}

impl Bench<'_> {
    fn stripe(&self, args: &[&str]) -> Result<Server> {
        let address = ([127, 0, 0, 1], ports::free()?).into();
        let mut command = self.product.fake_stripe(address, KEY);
        Server::spawn(command.args(args), address, self.folder.join("stripe.log"))
    }

    /// Reads everything, at a rate of its own or by default.
    fn backfill(&mut self, engine: Engine<'_>, stripe: &Server, rate: Option<&str>) -> Result<Run> {
        let database = self.database(engine)?;
        process::stdout(self.growthctl(&database).arg("migrate"))?;
        let mut command = self.growthctl(&database);
        command
            .env("STRIPE_API_BASE", stripe.url("/"))
            .env("STRIPE_SECRET_KEY", KEY)
            .envs(rate.map(|rate| ("GROWTHCTL_STRIPE_REQUESTS_PER_SECOND", rate)))
            .args(["backfill", "--days", "400", "--format", "json"]);
        let (cost, text) = measure::run_and_read(&mut command)?;
        let told: Value = serde_json::from_str(&text).context("growthctl printed no JSON")?;
        ensure!(told["complete"] == true, "the backfill is not complete: {told:#}");
        let lists = told["lists"].as_object().context("growthctl tells no lists")?;
        Ok(Run { objects: lists.values().filter_map(|tally| tally["found"].as_u64()).sum(), cost })
    }

    fn growthctl(&self, database: &Database<'_>) -> Command {
        let mut command = self.product.growthctl(self.folder);
        command.args(["--database-url", &database.url(), "--quiet"]);
        command
    }

    fn sync(&mut self, stripe: &Server, objects: &[&str]) -> Result<Run> {
        let url = self.database(Engine::Postgres(self.cluster))?.url();
        process::stdout(&mut self.engine.migrate(&url))?;
        counted(&mut self.engine.sync(&url, stripe, KEY, objects))
    }

    fn list(&self, stripe: &Server) -> Result<Run> {
        counted(&mut self.engine.list(stripe, KEY))
    }

    fn database<'e>(&mut self, engine: Engine<'e>) -> Result<Database<'e>> {
        self.databases += 1;
        engine.create(&format!("run_{}", self.databases))
    }
}

/// Runs a peer that tells how many objects of each kind it found.
fn counted(command: &mut Command) -> Result<Run> {
    let (cost, text) = measure::run_and_read(command)?;
    let counts: Value = serde_json::from_str(&text).context("the peer printed no JSON")?;
    let counts = counts.as_object().context("the peer tells no counts")?;
    Ok(Run { objects: counts.values().filter_map(Value::as_u64).sum(), cost })
}
