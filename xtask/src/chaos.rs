//! `cargo xtask chaos`: whether an acknowledged event can be lost, doubled or misread.
//!
//! Events are posted out of order and several times, as Stripe does on a bad day. Meanwhile the server is killed and
//! PostgreSQL crashes, again and again. Afterwards the figures must be those of a calm run, in which the same events
//! were replayed once and in order.
//!
//! When to strike is told by the number of acknowledged events, not by a clock, and each kill must have cut off posts
//! that were under way: a storm that hit nothing proves nothing, and fails.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::table;
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::{SECRET, Server, Settings};
use crate::{ports, process, terminal};

const HEADER: [&str; 12] = [
    "engine",
    "events",
    "posts",
    "kills",
    "restarts",
    "cut off",
    "no server",
    "5xx",
    "acknowledged",
    "stored",
    "seconds",
    "verdict",
];

/// What tells of a run itself, and so differs between any two.
const NOT_COMPARED: [(&str, &[&str]); 2] =
    [("schema_migrations", &[]), ("stripe_events", &["received_at", "source", "attempts"])];
/// Tables that a comparison says nothing without.
const FILLED: [&str; 5] = ["stripe_events", "customers", "subscription_mrr", "mrr_movements", "payments"];
/// How long the server may take to apply what it has stored.
const PATIENCE: Duration = Duration::from_mins(3);
/// How many rows of a difference are shown, and how much of each: the payload of an event is long.
const SHOWN: usize = 3;
const SHOWN_CHARACTERS: usize = 600;

/// How much happens.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    events: u64,
    seed: u64,
    /// Of the server.
    kills: usize,
    /// Of PostgreSQL.
    restarts: usize,
    connections: usize,
    /// With programs as they are tested, not as they are shipped.
    short: bool,
}

/// Runs the storms and prints what happened; the code is 1 where anything differs from the calm.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let plan = Plan::parse(args)?;
    let product = if plan.short { Product::as_tested()? } else { Product::release()? };
    let scratch = Scratch::new("chaos")?;
    let cluster = Cluster::start(Durability::Full)?;
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];
    for engine in engines {
        engine.has_client()?;
    }
    let file = scratch.path().join("events.ndjson");
    product.record_events(&file, plan.events, None)?;
    let chaos = Chaos { plan: &plan, product: &product, folder: scratch.path(), file: &file };
    let mut rows = Vec::new();
    let mut passed = true;
    for engine in engines {
        terminal::progress(&format!("{}: a calm run and a storm of seed {}", engine.name(), plan.seed));
        let storm = chaos.storm(engine)?;
        for problem in &storm.problems {
            terminal::progress(&format!("error: {}: {problem}", engine.name()));
        }
        passed &= storm.problems.is_empty();
        rows.push(storm.row(engine));
    }
    terminal::print(&table::markdown(HEADER, &rows));
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Plan {
    fn parse(args: &[String]) -> Result<Self> {
        let short = args.iter().any(|word| word == "--short");
        let mut plan = if short {
            Self { events: 600, seed: 1, kills: 3, restarts: 1, connections: 16, short }
        } else {
            Self { events: 5_000, seed: 1, kills: 10, restarts: 3, connections: 32, short }
        };
        let mut words = args.iter().filter(|word| *word != "--short");
        while let Some(word) = words.next() {
            let number = match word.as_str() {
                "--events" => &mut plan.events,
                "--seed" => &mut plan.seed,
                other => bail!("chaos has no option {other}; it has --short, --events and --seed"),
            };
            let value = words.next().with_context(|| format!("{word} needs a number"))?;
            *number = value.parse().ok().with_context(|| format!("{word} {value}: not a number"))?;
        }
        // Between two strikes some events must come through.
        let least = 50 * (plan.kills + plan.restarts) as u64;
        ensure!(plan.events >= least, "--events {}: so many strikes need at least {least}", plan.events);
        Ok(plan)
    }

    /// Returns when what happens: kills spread over the whole, restarts of the database among them.
    fn strikes(&self, restarts: usize) -> VecDeque<Strike> {
        let strikes = self.kills + restarts;
        let restarts: BTreeSet<usize> =
            (0..restarts).map(|n| (2 * n * strikes + strikes) / (2 * restarts)).collect();
        // The last strike is to leave some events to hit.
        let gap = self.events / (strikes as u64 + 2);
        let mut random = self.seed;
        let strike = |n: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let after = gap * (n as u64 + 1) + (random >> 33) % (gap / 2).max(1);
            Strike { after, of_database: restarts.contains(&n) }
        };
        (0..strikes).map(strike).collect()
    }
}

/// Something that goes wrong.
#[derive(Debug, PartialEq, Eq)]
struct Strike {
    /// How many events are acknowledged before.
    after: u64,
    /// Whether the database crashes, and not the server.
    of_database: bool,
}

/// What every storm needs.
struct Chaos<'a> {
    plan: &'a Plan,
    product: &'a Product,
    folder: &'a Path,
    file: &'a Path,
}

/// What happened in a storm.
struct Storm {
    sums: Value,
    kills: usize,
    restarts: usize,
    stored: u64,
    problems: Vec<String>,
}

impl Chaos<'_> {
    /// Lets a storm pass over a database and compares what is left with the calm.
    fn storm(&self, engine: Engine<'_>) -> Result<Storm> {
        let calm = engine.create("calm")?;
        let mut replay = self.product.growthctl(self.folder);
        replay.args(["--database-url", &calm.url(), "--quiet", "replay"]).arg(self.file);
        process::stdout(&mut replay)?;

        let stormy = engine.create("stormy")?;
        let settings = Settings {
            product: self.product,
            database_url: stormy.url(),
            port: ports::free()?,
            folder: self.folder,
        };
        let cluster = match engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(cluster) => Some(cluster),
        };
        let acknowledged = self.folder.join("acknowledged");
        let mut server = settings.start()?;
        let mut storm = self.rage(&settings, &mut server, cluster, &acknowledged)?;
        server.wait_until_applied(PATIENCE)?;
        let said = server.said();
        let status = server.terminate()?;
        if !status.success() {
            storm.problems.push(format!("the server did not end well after SIGTERM ({status}){said}"));
        }

        storm.stored = stormy.number("SELECT COUNT(*) FROM stripe_events")?;
        let acknowledged = fs::read_to_string(&acknowledged)?;
        storm.problems.extend(lost_or_doubled(&acknowledged, &stormy.rows("SELECT id FROM stripe_events")?));
        let unfinished = stormy.rows(
            "SELECT state, id, last_error FROM stripe_events WHERE state NOT IN ('applied', 'ignored')",
        )?;
        if !unfinished.is_empty() {
            storm.problems.push(format!(
                "{} events are not applied: {}",
                unfinished.len(),
                first(&unfinished)
            ));
        }
        storm.problems.extend(differences(&stormy, &calm)?);
        Ok(storm)
    }

    /// Sends everything, strikes meanwhile, and returns when all is acknowledged.
    fn rage(
        &self,
        settings: &Settings<'_>,
        server: &mut Server,
        cluster: Option<&Cluster>,
        acknowledged: &Path,
    ) -> Result<Storm> {
        let mut command = self.product.webhook_load("chaos");
        command
            .args(["--url", &server.url("/webhooks/stripe"), "--secret", SECRET, "--events"])
            .arg(self.file)
            .args(["--connections", &self.plan.connections.to_string()])
            .args(["--seed", &self.plan.seed.to_string(), "--acknowledged"])
            .arg(acknowledged)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let shown = process::shown(&command);
        let mut sender = Sender(command.spawn().with_context(|| format!("cannot run `{shown}`"))?);
        let stdout = sender.0.stdout.take().context("the sender has no stdout")?;

        let mut strikes = self.plan.strikes(cluster.map_or(0, |_| self.plan.restarts));
        let mut storm = Storm { sums: Value::Null, kills: 0, restarts: 0, stored: 0, problems: Vec::new() };
        // How many posts were cut off before the kill that was the last strike.
        let mut before = None;
        let mut in_vain = 0;
        for line in BufReader::new(stdout).lines() {
            storm.sums = serde_json::from_str(&line?).context("the sender printed no JSON")?;
            let (acknowledged, cut_off) = (storm.sum("acknowledged")?, storm.sum("unanswered")?);
            let done = storm.sums.get("events").is_some();
            if !done && strikes.front().is_none_or(|strike| acknowledged < strike.after) {
                continue;
            }
            in_vain += usize::from(before.take() == Some(cut_off));
            if done {
                break;
            }
            if let (Some(Strike { of_database: true, .. }), Some(cluster)) = (strikes.pop_front(), cluster) {
                cluster.crash_and_restart()?;
                storm.restarts += 1;
            } else {
                server.kill()?;
                *server = settings.start()?;
                before = Some(cut_off);
                storm.kills += 1;
            }
        }
        ensure!(sender.0.wait()?.success(), "the sender gave up{}", server.said());
        let acknowledged = storm.sum("acknowledged")?;
        if acknowledged != self.plan.events {
            storm.problems.push(format!("{acknowledged} of {} events are acknowledged", self.plan.events));
        }
        if !strikes.is_empty() {
            storm.problems.push(format!("the events ran out before {} strikes", strikes.len()));
        }
        if in_vain > 0 {
            storm.problems.push(format!("{in_vain} of {} kills cut off no post", storm.kills));
        }
        Ok(storm)
    }
}

impl Storm {
    /// Returns one of the sender's sums.
    fn sum(&self, name: &str) -> Result<u64> {
        self.sums[name].as_u64().with_context(|| format!("the sender tells no {name}"))
    }

    fn row(&self, engine: Engine<'_>) -> [String; 12] {
        let sum = |name: &str| self.sum(name).map_or_else(|_| "-".to_owned(), |n| n.to_string());
        let seconds = self.sums["seconds"].as_f64().unwrap_or_default();
        [
            engine.name().to_owned(),
            sum("events"),
            sum("posts"),
            self.kills.to_string(),
            self.restarts.to_string(),
            sum("unanswered"),
            sum("unsent"),
            sum("unavailable"),
            sum("acknowledged"),
            self.stored.to_string(),
            format!("{seconds:.1}"),
            if self.problems.is_empty() { "as calm" } else { "FAILED" }.to_owned(),
        ]
    }
}

/// The sender's process; dropping it ends it.
struct Sender(Child);

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compares the ids that were acknowledged with those of the stored rows.
fn lost_or_doubled(acknowledged: &str, stored: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut times = BTreeMap::<&str, usize>::new();
    for id in stored {
        *times.entry(id.trim_matches('\'')).or_default() += 1;
    }
    let mut complain = |what: &str, ids: Vec<&str>| {
        if !ids.is_empty() {
            let shown = ids[..ids.len().min(SHOWN)].join(", ");
            problems.push(format!("{} {what}, such as {shown}", ids.len()));
        }
    };
    let lost = acknowledged.lines().filter(|id| !times.contains_key(id)).collect();
    complain("acknowledged events are not stored", lost);
    let doubled = times.iter().filter(|(_, n)| **n > 1).map(|(id, _)| *id).collect();
    complain("events are stored several times", doubled);
    problems
}

/// Compares every table of two databases, and tells where they differ.
fn differences(stormy: &Database<'_>, calm: &Database<'_>) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let tables = calm.tables()?;
    ensure!(stormy.tables()? == tables, "the databases have different tables");
    for table in &tables {
        let left_out = match NOT_COMPARED.iter().find(|(name, _)| name == table) {
            Some((_, [])) => continue,
            Some((_, columns)) => *columns,
            None => &[],
        };
        let mut columns = calm.columns(table)?;
        columns.retain(|column| !left_out.contains(&column.as_str()));
        // Each database has a secret of its own.
        let only = if table == "settings" { " WHERE key <> 'erasure_salt'" } else { "" };
        let sql = format!("SELECT {} FROM {table}{only}", columns.join(", "));
        let (ours, theirs) = (stormy.rows(&sql)?, calm.rows(&sql)?);
        if FILLED.contains(&table.as_str()) && theirs.is_empty() {
            problems.push(format!("{table} is empty after the calm run, so that nothing was compared"));
        }
        problems.extend(difference(table, &columns, ours, theirs));
    }
    let missing = FILLED.iter().filter(|name| !tables.iter().any(|table| table == **name));
    problems.extend(missing.map(|name| format!("there is no table {name}")));
    Ok(problems)
}

/// Compares two sets of rows and describes what only one of them has.
fn difference(
    table: &str,
    columns: &[String],
    mut stormy: Vec<String>,
    mut calm: Vec<String>,
) -> Option<String> {
    stormy.sort_unstable();
    calm.sort_unstable();
    if stormy == calm {
        return None;
    }
    let mut balance = BTreeMap::<&str, i64>::new();
    for row in &stormy {
        *balance.entry(row).or_default() += 1;
    }
    for row in &calm {
        *balance.entry(row).or_default() -= 1;
    }
    let only = |sign: i64| -> Vec<&str> {
        balance.iter().filter(|(_, n)| n.signum() == sign).map(|(row, _)| *row).collect()
    };
    let mut text = format!("{table} differs ({})", columns.join(", "));
    for (whose, rows) in [("after the storm", only(1)), ("after the calm", only(-1))] {
        let _ = write!(text, "\n  {} rows only {whose}", rows.len());
        for row in rows.iter().take(SHOWN) {
            let _ = write!(text, "\n    {row:.SHOWN_CHARACTERS$}");
        }
    }
    Some(text)
}

fn first(rows: &[String]) -> String {
    rows[..rows.len().min(SHOWN)].join("; ")
}

#[cfg(test)]
mod tests {
    use super::{Plan, difference, lost_or_doubled};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read() {
        let plan = Plan::parse(&words("--seed 9 --short --events 700")).expect("valid");
        assert_eq!(plan, Plan { events: 700, seed: 9, kills: 3, restarts: 1, connections: 16, short: true });
        assert_eq!(Plan::parse(&[]).expect("valid").events, 5_000);
        for (wrong, why) in [
            ("--kills 3", "chaos has no option --kills; it has --short, --events and --seed"),
            ("--seed", "--seed needs a number"),
            ("--events many", "--events many: not a number"),
            ("--events 100", "--events 100: so many strikes need at least 650"),
        ] {
            assert_eq!(Plan::parse(&words(wrong)).expect_err("invalid").to_string(), why);
        }
    }

    #[test]
    fn strikes_are_spread_and_leave_something_to_hit() {
        for seed in 0..100 {
            let plan = Plan::parse(&words(&format!("--seed {seed}"))).expect("valid");
            let strikes = plan.strikes(3);
            assert_eq!(strikes.len(), 13);
            assert!(
                strikes.iter().zip(strikes.iter().skip(1)).all(|(one, next)| one.after + 100 < next.after)
            );
            assert!(strikes.iter().all(|strike| (300..4_700).contains(&strike.after)));
            let of_database: Vec<usize> = (0..13).filter(|n| strikes[*n].of_database).collect();
            assert_eq!(of_database, [2, 6, 10]);
            assert!(plan.strikes(0).iter().all(|strike| !strike.of_database));
        }
    }

    #[test]
    fn a_lost_and_a_doubled_event_are_told() {
        let stored = |ids: &str| words(ids);
        assert!(lost_or_doubled("a\nb\n", &stored("'b' 'a' c")).is_empty());
        assert_eq!(
            lost_or_doubled("a\nb\nd", &stored("'b' b")),
            [
                "2 acknowledged events are not stored, such as a, d",
                "1 events are stored several times, such as b"
            ]
        );
    }

    #[test]
    fn a_difference_shows_its_first_rows() {
        let rows = |text: &str| words(text);
        let columns = rows("id amount");
        assert_eq!(difference("payments", &columns, rows("b,2 a,1"), rows("a,1 b,2")), None);
        // A row that one side has twice is a difference too.
        assert!(difference("payments", &columns, rows("a,1 a,1"), rows("a,1")).is_some());
        assert_eq!(
            difference("payments", &columns, rows("a,1 b,3"), rows("b,2 c,9 a,1")).expect("a difference"),
            "payments differs (id, amount)\n  1 rows only after the storm\n    b,3\n  2 rows only after the calm\n    \
             b,2\n    c,9"
        );
    }
}
