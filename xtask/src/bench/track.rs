//! Product events: from a file, and over HTTP, with all rollups.
//!
//! The peer of an import is the engine's own bulk load of the very rows that the import made into a table with the
//! same indexes, without rollups, checks or knowing what came before: `COPY` on PostgreSQL, `.import` on SQLite.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Size;
use super::measure::{self, Cost};
use super::table::{self, NOT_MEASURED};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::{Server, Settings};
use crate::{ports, process, terminal};

const IMPORT: [&str; 9] =
    ["engine", "events", "seconds", "events/s", "CPU s", "peak MiB", "peer", "peer events/s", "ratio"];
const STORED: [&str; 4] = ["engine", "bytes an event, with indexes", "rollups, of that", "bytes of a line"];
const HTTP: [&str; 7] =
    ["engine", "events a request", "connections", "events/s", "p50 ms", "p99 ms", "server CPU µs an event"];

/// How many events there are for one user.
const EVENTS_OF_A_USER: u64 = 100;
/// How much longer the file is whose import must need no more memory.
const LONGER: u64 = 5;

/// Runs the bench and returns its tables.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let cluster = Cluster::start(Durability::Full)?;
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];
    for engine in engines {
        engine.has_client()?;
    }
    let run = Run { product: &product, folder: scratch.path(), cluster: &cluster, events: size.events };
    terminal::progress(&format!("making {} events", size.events));
    let file = run.lines("events.ndjson", size.events)?;

    let (mut imports, mut stored, mut http) = (Vec::new(), Vec::new(), Vec::new());
    for engine in engines {
        let (mut costs, mut peers) = (Vec::new(), Vec::new());
        for round in 1..=size.rounds {
            terminal::progress(&format!("{}: round {round} of {}", engine.name(), size.rounds));
            let database = run.import(engine, &file, &format!("track_{round}"), &mut costs)?;
            if round == 1 {
                stored.push(run.size(engine, &database, &file)?);
            }
            peers.push(run.peer(engine, &database, round)?);
        }
        imports.push(run.row(engine, costs, peers)?);
        http.extend(run.http(engine)?);
    }
    terminal::progress(&format!("a file that is {LONGER} times as long"));
    fs::remove_file(&file)?;
    let long = run.lines("long.ndjson", size.events * LONGER)?;
    let mut memory = Vec::new();
    for engine in engines {
        let mut costs = Vec::new();
        let more = Run { events: size.events * LONGER, ..run };
        more.import(engine, &long, "track_long", &mut costs)?;
        let cost = costs.pop().context("no run")?;
        let peak = cost.peak_kib.map_or_else(|| NOT_MEASURED.to_owned(), table::mebibytes);
        memory.push(format!("{} {peak} MiB, {} events/s", engine.name(), table::rate(more.events, cost)));
    }
    let note = format!(
        "Rounds: {}, of which the median counts. {} events of {} users in 90 days; CPU and memory are those of \
         growthctl. Ratio: events per second against the engine's own bulk load of the same rows into the same indexed \
         table, without rollups. A file of {} events: {}.",
        size.rounds,
        size.events,
        run.users(),
        size.events * LONGER,
        memory.join("; ")
    );
    Ok(format!(
        "{}\n{note}\n\n{}\n{}",
        table::markdown(IMPORT, &imports),
        table::markdown(STORED, &stored),
        table::markdown(HTTP, &http)
    ))
}

/// What every part of the bench needs.
#[derive(Clone, Copy)]
struct Run<'a> {
    product: &'a Product,
    folder: &'a Path,
    cluster: &'a Cluster,
    events: u64,
}

impl Run<'_> {
    fn users(&self) -> u64 {
        (self.events / EVENTS_OF_A_USER).max(1)
    }

    fn lines(&self, name: &str, count: u64) -> Result<PathBuf> {
        let file = self.folder.join(name);
        let mut command = self.product.webhook_load("lines");
        command.arg("--events").arg(&file).args(["--count", &count.to_string()]);
        process::stdout(command.args(["--users", &(count / EVENTS_OF_A_USER).max(1).to_string()]))?;
        Ok(file)
    }

    fn growthctl(&self, database: &Database<'_>) -> Command {
        let mut command = self.product.growthctl(self.folder);
        command.args(["--database-url", &database.url(), "--quiet"]);
        command
    }

    fn import<'a>(
        &'a self,
        engine: Engine<'a>,
        file: &Path,
        name: &str,
        costs: &mut Vec<Cost>,
    ) -> Result<Database<'a>> {
        let database = engine.create(name)?;
        process::stdout(self.growthctl(&database).arg("migrate"))?;
        costs.push(measure::run(self.growthctl(&database).args(["track", "--file"]).arg(file))?);
        for (table, column) in
            [("events", "COUNT(*)"), ("daily_event", "SUM(n)"), ("user_activity", "SUM(n)")]
        {
            let counted = database.number(&format!("SELECT {column} FROM {table}"))?;
            ensure!(counted == self.events, "{counted} of {} events are in {table}", self.events);
        }
        Ok(database)
    }

    /// Loads the rows of a database into a fresh one with the same indexes.
    fn peer(&self, engine: Engine<'_>, from: &Database<'_>, round: usize) -> Result<Cost> {
        let name = format!("track_peer_{round}");
        let peer = engine.create(&name)?;
        process::stdout(self.growthctl(&peer).arg("migrate"))?;
        let rows = self.folder.join("rows");
        let cost = match (from, &peer) {
            (Database::Sqlite(from), Database::Sqlite(to)) => {
                process::stdout(Command::new("sqlite3").arg("-bail").arg(from).args([
                    ".mode ascii",
                    &format!(".once '{}'", rows.display()),
                    "SELECT * FROM events ORDER BY created_at",
                ]))?;
                let mut load = Command::new("sqlite3");
                load.arg("-bail").arg(to).args([
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                    ".mode ascii",
                    &format!(".import '{}' events", rows.display()),
                ]);
                measure::run(&mut load)?
            }
            (Database::Postgres(_, source), Database::Postgres(_, name)) => {
                let psql = |database: &str| self.cluster.psql(database).context("psql not found");
                let copy = format!(
                    r"\copy (SELECT * FROM growth.events ORDER BY created_at) TO '{}'",
                    rows.display()
                );
                process::stdout(psql(source)?.args(["--command", &copy]))?;
                let months = process::stdout(psql(source)?.args([
                    "--tuples-only",
                    "--no-align",
                    "--command",
                    PARTITIONS,
                ]))?;
                process::stdout(
                    psql(name)?.args(["--command", &format!("SET search_path = growth; {months}")]),
                )?;
                let copy = format!(r"\copy growth.events FROM '{}'", rows.display());
                measure::run(psql(name)?.args(["--command", &copy]))?
            }
            _ => bail!("the peer is on another engine"),
        };
        let stored = peer.number("SELECT COUNT(*) FROM events")?;
        ensure!(stored == self.events, "{stored} of {} rows are in the peer", self.events);
        fs::remove_file(&rows)?;
        Ok(cost)
    }

    fn row(&self, engine: Engine<'_>, costs: Vec<Cost>, peers: Vec<Cost>) -> Result<[String; 9]> {
        let cost = measure::median(costs).context("no round was run")?;
        let peer = measure::median(peers).context("no round was run")?;
        let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
        let ratio = table::per_second(self.events, cost) / table::per_second(self.events, peer);
        Ok([
            engine.name().to_owned(),
            self.events.to_string(),
            table::seconds(cost.elapsed),
            table::rate(self.events, cost),
            or_not(cost.cpu.map(table::seconds)),
            or_not(cost.peak_kib.map(table::mebibytes)),
            if matches!(engine, Engine::Sqlite(_)) { "sqlite3 .import" } else { r"psql \copy" }.to_owned(),
            table::rate(self.events, peer),
            format!("{ratio:.2}"),
        ])
    }

    /// What an event takes on the disk.
    fn size(&self, engine: Engine<'_>, database: &Database<'_>, file: &Path) -> Result<[String; 4]> {
        let bytes = |tables: &[&str]| -> Result<u64> {
            let names = tables.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
            database.number(&match engine {
                Engine::Sqlite(_) => format!(
                    "SELECT SUM(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name IN ({names}))"
                ),
                Engine::Postgres(_) => format!(
                    "SELECT SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class c \
                     LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
                     WHERE c.relnamespace = 'growth'::regnamespace AND c.relkind = 'r' \
                     AND COALESCE(p.relname, c.relname) IN ({names})"
                ),
            })
        };
        let events = bytes(&["events"])?;
        let rollups = bytes(&["user_activity", "daily_event", "user_milestones"])?;
        #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
        let percent = rollups as f64 * 100.0 / events as f64;
        Ok([
            engine.name().to_owned(),
            (events / self.events).to_string(),
            format!("{percent:.1} %"),
            (fs::metadata(file)?.len() / self.events).to_string(),
        ])
    }

    /// Events over HTTP, one by one and in batches.
    fn http(&self, engine: Engine<'_>) -> Result<Vec<[String; 7]>> {
        let mut rows = Vec::new();
        for (batch, connections) in [(1, 1), (1, 32), (100, 1), (100, 8)] {
            terminal::progress(&format!(
                "{}: {batch} events a request, {connections} connections",
                engine.name()
            ));
            let database = engine.create(&format!("http_{batch}_{connections}"))?;
            process::stdout(self.growthctl(&database).arg("migrate"))?;
            let key = process::stdout(self.growthctl(&database).args(["keys", "create", "bench"]))?;
            let settings = Settings {
                product: self.product,
                database_url: database.url(),
                port: ports::free()?,
                folder: self.folder,
            };
            let server = settings.start()?;
            rows.push(self.post(engine, &server, key.trim(), batch, connections)?);
            ensure!(server.terminate()?.success(), "the server did not end well");
            let stored = database.number("SELECT COUNT(*) FROM events")?;
            ensure!(stored == self.requests(batch) * batch, "{stored} events are stored");
        }
        Ok(rows)
    }

    fn requests(&self, batch: u64) -> u64 {
        if batch == 1 { (self.events / 10).clamp(1, 20_000) } else { (self.events / batch).clamp(1, 2_000) }
    }

    fn post(
        &self,
        engine: Engine<'_>,
        server: &Server,
        key: &str,
        batch: u64,
        connections: u64,
    ) -> Result<[String; 7]> {
        let path = if batch == 1 { "/v1/track" } else { "/v1/batch" };
        let requests = self.requests(batch);
        let mut load = self.product.webhook_load("collect");
        load.args(["--url", &server.url(path), "--secret", key]);
        load.args(["--connections", &connections.to_string(), "--requests", &requests.to_string()]);
        load.args(["--batch", &batch.to_string(), "--users", &self.users().to_string()]);
        let before = measure::cpu_of(server.pid());
        let told: Value = serde_json::from_str(&process::stdout(&mut load)?)?;
        let after = measure::cpu_of(server.pid());
        ensure!(told["statuses"]["200"] == requests, "not all were taken: {told}");
        let number = |name: &str| told[name].as_f64().with_context(|| format!("{name} is missing in {told}"));
        #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
        let events = (requests * batch) as f64;
        let cpu = after
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before).as_secs_f64() * 1e6 / events);
        Ok([
            engine.name().to_owned(),
            batch.to_string(),
            connections.to_string(),
            format!("{:.0}", events / number("seconds")?),
            format!("{:.2}", number("p50_ms")?),
            format!("{:.2}", number("p99_ms")?),
            cpu.map_or_else(|| NOT_MEASURED.to_owned(), |cpu| format!("{cpu:.0}")),
        ])
    }
}

/// Makes the partitions of one database in another.
const PARTITIONS: &str = "SELECT 'CREATE TABLE IF NOT EXISTS ' || c.relname || ' PARTITION OF events ' || \
    pg_get_expr(c.relpartbound, c.oid) || ';' FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
    WHERE i.inhparent = 'growth.events'::regclass";
