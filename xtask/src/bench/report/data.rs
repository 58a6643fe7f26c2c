//! The databases that are reported on: users, payments and months of events, with the product's own rollups.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bench::measure::{self, Cost};
use crate::database::{Database, Engine};
use crate::product::Product;
use crate::{process, terminal};

/// When all reports end: in the middle of a day, as those end that are asked for as of now.
pub(in crate::bench) const AS_OF: &str = "2025-06-30T15:00:00Z";
/// How many users there are at most; fewer where there are fewer events than five for each.
const USERS: u64 = 200_000;
const EVENTS_OF_A_USER: u64 = 5;
/// How many of Stripe's events there are at most; fewer where there are fewer than ten events for each.
const PAYMENTS: u64 = 100_000;
const EVENTS_OF_A_PAYMENT: u64 = 10;

/// What all databases have in common.
pub(in crate::bench) struct Data<'a> {
    pub(in crate::bench) product: &'a Product,
    pub(in crate::bench) folder: &'a Path,
    /// How many users there are.
    pub(super) users: u64,
    /// How many visits they make.
    visits: u64,
    /// A file of Stripe's events.
    payments: PathBuf,
}

/// A database and what it took to make it.
pub(in crate::bench) struct Filled<'a> {
    pub(in crate::bench) database: Database<'a>,
    /// How many events it has.
    pub(in crate::bench) events: u64,
    /// Counting all events again.
    pub(super) rebuild: Cost,
    /// How long the bare rows took to load.
    pub(super) load: Duration,
}

impl<'p> Data<'p> {
    /// Prepares databases of so many visits.
    pub(in crate::bench) fn of(product: &'p Product, folder: &'p Path, visits: u64) -> Result<Self> {
        let payments = folder.join("payments.ndjson");
        product.record_events(&payments, (visits / EVENTS_OF_A_PAYMENT).clamp(1, PAYMENTS), Some(AS_OF))?;
        let users = (visits / EVENTS_OF_A_USER).clamp(1, USERS);
        Ok(Self { product, folder, users, visits, payments })
    }

    /// Makes a call of growthctl on a database.
    pub(in crate::bench) fn growthctl(&self, database: &Database<'_>) -> Command {
        let mut command = self.product.growthctl(self.folder);
        command.args(["--database-url", &database.url(), "--quiet"]);
        command
    }

    /// Makes a database in which every visit has so many events.
    pub(in crate::bench) fn fill<'a>(&self, engine: Engine<'a>, events_of_visit: u64) -> Result<Filled<'a>> {
        let events = self.visits * events_of_visit;
        terminal::progress(&format!("{}: making {events} events", engine.name()));
        let database = engine.create(&format!("report_{events_of_visit}"))?;
        process::stdout(self.growthctl(&database).arg("migrate"))?;
        self.load("users", &database, events_of_visit)?;
        process::stdout(self.growthctl(&database).arg("replay").arg(&self.payments))?;
        execute(&database, sign_up_before_paying(engine))?;
        self.begin_months(&database)?;
        let start = Instant::now();
        self.load("events", &database, events_of_visit)?;
        let load = start.elapsed();
        let rebuild = measure::run(self.growthctl(&database).args(["migrate", "--rebuild"]))?;
        let counted = database.number("SELECT SUM(n) FROM daily_event")?;
        let stored = database.number("SELECT COUNT(*) FROM events")?;
        ensure!(stored == counted, "{counted} of {stored} events are counted");
        execute(&database, after_loading(engine))?;
        Ok(Filled { database, events: stored, rebuild, load })
    }

    /// Hands a script of rows to the engine's own client.
    fn load(&self, what: &str, database: &Database<'_>, events_of_visit: u64) -> Result<()> {
        let mut rows = self.product.product_history(what);
        let engine = if matches!(database, Database::Sqlite(_)) { "sqlite" } else { "postgres" };
        rows.args(["--engine", engine, "--as-of", AS_OF, "--users", &self.users.to_string()]);
        rows.args(["--visits", &self.visits.to_string(), "--events-of-visit", &events_of_visit.to_string()]);
        let mut rows = rows.stdout(Stdio::piped()).spawn().context("cannot run product-history")?;
        let script = rows.stdout.take().context("product-history has no output")?;
        let status = client(database)?.stdin(script).stdout(Stdio::null()).status();
        let written = rows.wait();
        ensure!(status?.success() && written?.success(), "{what} could not be loaded");
        Ok(())
    }

    /// Lets the product make a place for the events of each month, as it does when the first one of a month is told.
    fn begin_months(&self, database: &Database<'_>) -> Result<()> {
        let file = self.folder.join("months.ndjson");
        let line = |month: u32| {
            format!(r#"{{"event": "page_load", "at": "2025-{month:02}-15T12:00:00Z", "app": "finder"}}"#)
        };
        fs::write(&file, (3..=6).map(line).collect::<Vec<_>>().join("\n"))?;
        process::stdout(self.growthctl(database).args(["track", "--file"]).arg(file))?;
        Ok(())
    }
}

/// Makes a call of the engine's client that reads a script.
fn client(database: &Database<'_>) -> Result<Command> {
    Ok(match database {
        Database::Sqlite(file) => {
            let mut sqlite3 = Command::new("sqlite3");
            sqlite3.arg("-bail").arg(file);
            sqlite3
        }
        Database::Postgres(cluster, name) => cluster.psql(name).context("psql not found")?,
    })
}

fn execute(database: &Database<'_>, sql: &str) -> Result<()> {
    let mut client = client(database)?;
    match database {
        Database::Sqlite(_) => client.arg(sql),
        Database::Postgres(..) => client.args(["--command", sql]),
    };
    process::stdout(&mut client).map(drop)
}

/// Nobody pays before the sign-up, and some pay soon after it.
fn sign_up_before_paying(engine: Engine<'_>) -> &'static str {
    match engine {
        Engine::Sqlite(_) => {
            "UPDATE users SET created_at = MIN(users.created_at, strftime('%Y-%m-%dT%H:%M:%S+00:00', customer.at, \
             '-' || (users.id % 20 + 1) || ' days')) FROM (SELECT user_id, MIN(created_at) AS at FROM customers \
             WHERE user_id IS NOT NULL GROUP BY user_id) AS customer WHERE customer.user_id = users.id"
        }
        Engine::Postgres(_) => {
            "UPDATE growth.users SET created_at = LEAST(users.created_at, customer.at - (users.id % 20 + 1) * \
             interval '24 hours') FROM (SELECT user_id, MIN(created_at) AS at FROM growth.customers \
             WHERE user_id IS NOT NULL GROUP BY user_id) AS customer WHERE customer.user_id = users.id"
        }
    }
}

/// What a server does by itself after a while.
fn after_loading(engine: Engine<'_>) -> &'static str {
    match engine {
        Engine::Sqlite(_) => "PRAGMA wal_checkpoint(TRUNCATE)",
        Engine::Postgres(_) => "VACUUM (ANALYZE)",
    }
}
