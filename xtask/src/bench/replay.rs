//! Applying recorded Stripe events from a file, on a durable database of each engine.
//!
//! The peer is the bare load of the same file into a table of one column by the engine's own client, in one
//! transaction: what the bytes alone cost, with nothing read, checked or projected.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::Size;
use super::measure::{self, Cost};
use super::table::{self, NOT_MEASURED};
use crate::metadata::Metadata;
use crate::postgres::{Cluster, Durability};
use crate::process;
use crate::scratch::Scratch;
use crate::terminal;

const HEADER: [&str; 9] =
    ["engine", "events", "seconds", "events/s", "CPU s", "peak MiB", "peer", "peer events/s", "ratio"];

/// Runs the bench and returns its table.
pub(super) fn run(size: &Size) -> Result<String> {
    if !process::passes(&mut process::cargo(&["build", "--release", "--locked", "--package", "growthctl"]))? {
        bail!("growthctl does not build");
    }
    let growthctl = Metadata::read()?.target.join("release/growthctl");
    let scratch = Scratch::new("bench")?;
    let cluster = Cluster::start(Durability::Full)?;
    let run = Run { growthctl: &growthctl, folder: scratch.path(), cluster: &cluster };

    let file = scratch.path().join("events.ndjson");
    let wanted = size.events.to_string();
    terminal::progress(&format!("making {wanted} events"));
    measure::run(run.growthctl().arg("demo").arg("--events").arg(&file).args(["--stripe-events", &wanted]))?;
    let events = count_lines(&file)?;
    ensure!(events >= size.events, "growthctl demo made {events} events instead of {wanted}");

    // Rounds alternate between product and peer, so that a slow minute of the machine meets both.
    let (mut sqlite, mut sqlite_peer, mut postgres, mut postgres_peer) = (vec![], vec![], vec![], vec![]);
    for round in 1..=size.rounds {
        terminal::progress(&format!("round {round} of {}", size.rounds));
        sqlite.push(run.sqlite(&file, events, round)?);
        sqlite_peer.extend(run.sqlite_peer(&file, events, round)?);
        postgres.push(run.postgres(&file, events, round)?);
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
    let other = measure::median(peers);
    let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let ratio = other.map(|other| table::per_second(events, cost) / table::per_second(events, other));
    Ok([
        engine.to_owned(),
        events.to_string(),
        table::seconds(cost.elapsed),
        table::rate(events, cost),
        or_not(cost.cpu.map(table::seconds)),
        or_not(cost.peak_kib.map(table::mebibytes)),
        peer.to_owned(),
        or_not(other.map(|other| table::rate(events, other))),
        or_not(ratio.map(|ratio| format!("{ratio:.3}"))),
    ])
}

/// What every part of the bench needs.
struct Run<'a> {
    growthctl: &'a Path,
    folder: &'a Path,
    cluster: &'a Cluster,
}

impl Run<'_> {
    /// Makes a call of the product that finds neither a settings file nor a database on its own.
    fn growthctl(&self) -> Command {
        let mut command = Command::new(self.growthctl);
        command.current_dir(self.folder).env_remove("DATABASE_URL");
        process::without_postgres_variables(&mut command);
        command
    }

    fn replay(&self, url: &str, file: &Path) -> Result<Cost> {
        measure::run(self.growthctl().args(["--database-url", url, "migrate"]))?;
        measure::run(self.growthctl().args(["--database-url", url, "--quiet", "replay"]).arg(file))
    }

    fn sqlite(&self, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let database = self.folder.join(format!("product-{round}.db"));
        let cost = self.replay(&format!("sqlite://{}", database.display()), file)?;
        if process::on_path("sqlite3").is_some() {
            all_stored(Command::new("sqlite3").arg(&database), "stripe_events", events)?;
        }
        Ok(cost)
    }

    fn postgres(&self, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let database = format!("product_{round}");
        self.create(&database)?;
        let cost = self.replay(&self.cluster.url(&database), file)?;
        self.all_stored(&database, "growth.stripe_events", events)?;
        Ok(cost)
    }

    fn sqlite_peer(&self, file: &Path, events: u64, round: usize) -> Result<Option<Cost>> {
        if process::on_path("sqlite3").is_none() {
            return Ok(None);
        }
        let database = self.folder.join(format!("peer-{round}.db"));
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.arg("-bail").arg(&database).args([
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE lines (line TEXT)",
            // In this mode nothing is a quote, and the separator of columns is a byte that JSON never holds.
            ".mode ascii",
            r#".separator "\037" "\n""#,
            &format!(".import '{}' lines", file.display()),
        ]);
        let cost = measure::run(&mut sqlite3)?;
        all_stored(Command::new("sqlite3").arg(&database), "lines", events)?;
        Ok(Some(cost))
    }

    fn postgres_peer(&self, file: &Path, events: u64, round: usize) -> Result<Cost> {
        let database = format!("peer_{round}");
        self.create(&database)?;
        process::stdout(self.psql(&database)?.args(["--command", "CREATE TABLE lines (line TEXT)"]))?;
        // The bytes that would quote and separate are such as JSON never holds.
        let format = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')";
        let copy = format!(r"\copy lines FROM '{}' WITH {format}", file.display());
        let cost = measure::run(self.psql(&database)?.args(["--command", &copy]))?;
        self.all_stored(&database, "lines", events)?;
        Ok(cost)
    }

    fn create(&self, database: &str) -> Result<()> {
        let sql = format!("CREATE DATABASE {database}");
        process::stdout(self.psql("postgres")?.args(["--command", &sql])).map(drop)
    }

    fn all_stored(&self, database: &str, table: &str, events: u64) -> Result<()> {
        all_stored(self.psql(database)?.args(["--tuples-only", "--no-align", "--command"]), table, events)
    }

    fn psql(&self, database: &str) -> Result<Command> {
        self.cluster.psql(database).context("psql not found beside the programs of the server")
    }
}

/// Fails where a run was quick because it did not do its work.
fn all_stored(client: &mut Command, table: &str, events: u64) -> Result<()> {
    let stored = process::stdout(client.arg(format!("SELECT count(*) FROM {table}")))?;
    ensure!(stored.trim() == events.to_string(), "{} of {events} events are in {table}", stored.trim());
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
