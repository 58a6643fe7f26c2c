//! The dashboard: how many requests a second it answers, and how soon.
//!
//! The peer is the same server's `/healthz` at the same connections, in the same round: what HTTP costs here without a
//! figure, a session or a database.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Size;
use super::measure;
use super::report::data::{AS_OF, Data};
use super::table::{self, verdict};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{ports, process, terminal};

const REQUESTS: [&str; 9] = [
    "engine",
    "database",
    "connections",
    "API req/s",
    "p50 ms",
    "p99 ms",
    "/healthz req/s",
    "its p99 ms",
    "ratio",
];
const PAGES: [&str; 8] = [
    "engine",
    "database",
    "figures counted anew, ms",
    "page of 30 days, counted anew, ms",
    "target",
    "",
    "page of 90 days with its files, KB",
    "target: <= 300",
];

const CONNECTIONS: [u64; 3] = [1, 32, 128];
/// How many requests a run has.
const ASKED: u64 = 20_000;
/// How often figures are counted anew.
const ANEW: u64 = 15;
const PAGE_MS: f64 = 100.0;
const PAGE_KB: f64 = 300.0;

/// Runs the bench and returns its tables.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let cluster = Cluster::start(Durability::Full)?;
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];
    for engine in engines {
        engine.has_client()?;
    }
    let data = Data::of(&product, scratch.path(), size.events)?;
    let (mut requests, mut pages) = (vec![], vec![]);
    for engine in engines {
        let demo = engine.create("dashboard_demo")?;
        process::stdout(data.growthctl(&demo).args(["demo", "--as-of", AS_OF]))?;
        let large = data.fill(engine, 1)?;
        for (name, database) in
            [("demo business".to_owned(), &demo), (format!("{} events", large.events), &large.database)]
        {
            terminal::progress(&format!("{}: {name}", engine.name()));
            let place = Place::open(&data, database)?;
            requests.extend(place.requests(size.rounds, engine, &name)?);
            pages.push(place.pages(engine, &name)?);
        }
        for database in [&demo, &large.database] {
            database.remove()?;
        }
    }
    let note = format!(
        "Rounds: {}, each of {ASKED} requests to the API and as many to its peer; the medians count. Answers are of \
         figures that were counted within the last seconds, as most are; those that are counted anew are in the second \
         table, the median of {ANEW}. The client shares the machine with the server.",
        size.rounds
    );
    Ok(format!("{}\n{note}\n\n{}", table::markdown(REQUESTS, &requests), table::markdown(PAGES, &pages)))
}

/// A dashboard that is served, and a token for it.
struct Place<'a> {
    product: &'a Product,
    server: Server,
    token: String,
}

/// What a run of requests tells.
struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
    bytes: f64,
}

impl<'a> Place<'a> {
    fn open(data: &Data<'a>, database: &Database<'_>) -> Result<Self> {
        let token = process::stdout(data.growthctl(database).args(["keys", "create", "--admin", "bench"]))?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let mut command = data.growthctl(database);
        command.args(["serve-dashboard", "--as-of", AS_OF, "--listen", &address.to_string()]);
        let server = Server::spawn(&mut command, address, data.folder.join("dashboard.log"))?;
        Ok(Self { product: data.product, server, token: token.trim().to_owned() })
    }

    fn requests(&self, rounds: usize, engine: Engine<'_>, name: &str) -> Result<Vec<[String; 9]>> {
        let row = |connections: u64| {
            let (mut api, mut peer) = (vec![], vec![]);
            for _ in 0..rounds {
                api.push(self.get("/api/admin/metrics?days=30", connections, ASKED, false)?);
                peer.push(self.get("/healthz", connections, ASKED, false)?);
            }
            let api = measure::middle(api, |run| run.rate).context("no round was run")?;
            let peer = measure::middle(peer, |run| run.rate).context("no round was run")?;
            Ok([
                engine.name().to_owned(),
                name.to_owned(),
                connections.to_string(),
                format!("{:.0}", api.rate),
                format!("{:.2}", api.p50),
                format!("{:.2}", api.p99),
                format!("{:.0}", peer.rate),
                format!("{:.2}", peer.p99),
                format!("{:.2}", api.rate / peer.rate),
            ])
        };
        CONNECTIONS.into_iter().map(row).collect()
    }

    fn pages(&self, engine: Engine<'_>, name: &str) -> Result<[String; 8]> {
        let figures = self.get("/api/admin/metrics?days=30", 1, ANEW, true)?;
        let page = self.get("/admin/metrics?days=30", 1, ANEW, true)?;
        let is_demo = name.starts_with("demo");
        let kilobytes = self.weight()? / 1e3;
        Ok([
            engine.name().to_owned(),
            name.to_owned(),
            format!("{:.0}", figures.p50),
            // Where counting takes longer than a page waits for it, a page comes first that says so.
            format!("{:.0}", page.p50),
            if is_demo { format!("<= {PAGE_MS}") } else { String::new() },
            if is_demo { verdict(page.p50 <= PAGE_MS) } else { String::new() },
            format!("{kilobytes:.0}"),
            verdict(kilobytes <= PAGE_KB),
        ])
    }

    /// The bytes of the largest page and of all that it loads, as they are sent.
    fn weight(&self) -> Result<f64> {
        let path = "/admin/metrics?days=90";
        self.get("/api/admin/metrics?days=90", 1, 1, false)?;
        let mut bytes = self.get(path, 1, 1, false)?.bytes;
        let page = self.server.text(path, &self.token)?;
        let files = page.split('"').filter(|part| part.starts_with("/admin/assets/"));
        let mut files: Vec<&str> = files.collect();
        files.sort_unstable();
        files.dedup();
        ensure!(!files.is_empty(), "the page loads no files: {page}");
        for file in files {
            bytes += self.get(file, 1, 1, false)?.bytes;
        }
        Ok(bytes)
    }

    fn get(&self, path: &str, connections: u64, requests: u64, anew: bool) -> Result<Run> {
        let mut get: Command = self.product.webhook_load("get");
        get.args(["--url", &self.server.url(path), "--secret", &self.token]);
        get.args(["--connections", &connections.to_string(), "--requests", &requests.to_string()]);
        get.args(["--anew", &anew.to_string()]);
        let told: Value =
            serde_json::from_str(&process::stdout(&mut get)?).context("the client printed no JSON")?;
        ensure!(
            told["statuses"]["200"].as_u64() == Some(requests),
            "{path} is not answered: {}{}",
            told["statuses"],
            self.server.said()
        );
        let figure = |name: &str| told[name].as_f64().with_context(|| format!("the client tells no {name}"));
        #[expect(clippy::cast_precision_loss, reason = "a figure to look at, of far fewer things than 2^52")]
        let rate = requests as f64 / figure("seconds")?;
        Ok(Run { rate, p50: figure("p50_ms")?, p99: figure("p99_ms")?, bytes: figure("bytes")? })
    }
}
