//! Applying recorded Stripe events from a file, on a durable database of each engine.
//!
//! The peer is the bare load of the same file into a table of one column by the engine's own client, in one
//! transaction: what the bytes alone cost, with nothing read, checked or projected.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Size;
use super::measure::{self, Cost};
use super::table::{self, NOT_MEASURED};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::{process, terminal};

const HEADER: [&str; 9] =
    ["engine", "events", "seconds", "events/s", "CPU s", "peak MiB", "peer", "peer events/s", "ratio"];

/// Runs the bench and returns its table.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let cluster = Cluster::start(Durability::Full)?;
    let (sqlite_engine, postgres_engine) = (Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster));
    for engine in [sqlite_engine, postgres_engine] {
        engine.has_client()?;
    }
    let run = Run { product: &product, folder: scratch.path(), cluster: &cluster };

    let file = scratch.path().join("events.ndjson");
    terminal::progress(&format!("making {} events", size.events));
    product.record_events(&file, size.events, None)?;
    let events = count_lines(&file)?;
    ensure!(events >= size.events, "growthctl demo made {events} events instead of {}", size.events);

    // Rounds alternate between product and peer, so that a slow minute of the machine meets both.
    let (mut sqlite, mut sqlite_peer, mut postgres, mut postgres_peer) = (vec![], vec![], vec![], vec![]);
    for round in 1..=size.rounds {
        terminal::progress(&format!("round {round} of {}", size.rounds));
        sqlite.push(run.replay(sqlite_engine, &file, events, round)?);
        sqlite_peer.push(run.sqlite_peer(&file, events, round)?);
        postgres.push(run.replay(postgres_engine, &file, events, round)?);
        postgres_peer.push(run.postgres_peer(&file, events, round)?);
    }
    let rows = [
        row("SQLite", events, sqlite, "sqlite3 .import", sqlite_peer)?,
        row("PostgreSQL", events, postgres, r"psql \copy", postgres_peer)?,
    ];
    let note = format!(
        "Rounds: {}, of which the median counts. CPU and memory are those of growthctl; a PostgreSQL server's own come on top. Ratio: \
         events per second against the bare load of the same file into a table of one column.",
        size.rounds
    );
    Ok(format!("{}\n{note}", table::markdown(HEADER, &rows)))
}

fn row(engine: &str, events: u64, product: Vec<Cost>, peer: &str, peers: Vec<Cost>) -> Result<[String; 9]> {
    let cost = measure::median(product).context("no round was run")?;
    let other = measure::median(peers).context("no round was run")?;
    let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let ratio = table::per_second(events, cost) / table::per_second(events, other);
    Ok([
        engine.to_owned(),
        events.to_string(),
        table::seconds(cost.elapsed),
        table::rate(events, cost),
        or_not(cost.cpu.map(table::seconds)),
        or_not(cost.peak_kib.map(table::mebibytes)),
        peer.to_owned(),
        table::rate(events, other),
        format!("{ratio:.3}"),
    ])
}

/// What every part of the bench needs.
struct Run<'a> {
    product: &'a Product,
    folder: &'a Path,
    cluster: &'a Cluster,
}

impl Run<'_> {
    fn growthctl(&self, database: &Database<'_>) -> Command {
        let mut command = self.product.growthctl(self.folder);
        command.args(["--database-url", &database.url(), "--quiet"]);
        command
    }

    fn replay(&self, engine: Engine<'_>, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let database = engine.create(&format!("product_{round}"))?;
        measure::run(self.growthctl(&database).arg("migrate"))?;
        let cost = measure::run(self.growthctl(&database).arg("replay").arg(file))?;
        all_stored(&database, "stripe_events", events)?;
        Ok(cost)
    }

    fn sqlite_peer(&self, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let database = self.folder.join(format!("peer_{round}.db"));
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.arg("-bail").arg(&database).args([
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE lines (line TEXT)",
            // In this mode nothing is a quote, and the separator of columns is a byte that JSON never holds.
            ".mode ascii",
            r#".separator "\037" "\n""#,
            &format!(".import '{}' lines", file.display()),
        ]);
        let cost = measure::run(&mut sqlite3)?;
        all_stored(&Database::Sqlite(database), "lines", events)?;
        Ok(cost)
    }

    fn postgres_peer(&self, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let name = format!("peer_{round}");
        let database = Engine::Postgres(self.cluster).create(&name)?;
        let psql = || self.cluster.psql(&name).context("psql not found");
        process::stdout(psql()?.args(["--command", "CREATE TABLE lines (line TEXT)"]))?;
        // The bytes that would quote and separate are such as JSON never holds.
        let format = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')";
        let copy = format!(r"\copy lines FROM '{}' WITH {format}", file.display());
        let cost = measure::run(psql()?.args(["--command", &copy]))?;
        all_stored(&database, "public.lines", events)?;
        Ok(cost)
    }
}

/// Fails where a run was quick because it did not do its work.
fn all_stored(database: &Database<'_>, table: &str, events: u64) -> Result<()> {
    let stored = database.number(&format!("SELECT COUNT(*) FROM {table}"))?;
    ensure!(stored == events, "{stored} of {events} events are in {table}");
    Ok(())
}

fn count_lines(file: &Path) -> Result<u64> {
    let mut lines =
        BufReader::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?);
    let mut count = 0;
    loop {
        let buffer = lines.fill_buf()?;
        if buffer.is_empty() {
            return Ok(count);
        }
        count += buffer.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        let length = buffer.len();
        lines.consume(length);
    }
}
