//! The report on a large database, and how soon a call answers.
//!
//! The peer is the same figures by plain SQL over raw events, run by the engine's own client in the same rounds. A report
//! that says anything else than the peer is no result but a failure.

pub(super) mod data;
mod peer;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use self::data::{AS_OF, Data, Filled};
use super::Size;
use super::measure::{self, Cost};
use super::table::{self, NOT_MEASURED, verdict};
use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::{process, terminal};

const REPORT: [&str; 9] =
    ["engine", "events", "report ms", "CPU ms", "peak MiB", "SQL over raw events ms", "ratio", "target", ""];
const GROWTH: [&str; 6] = ["engine", "events", "report ms", "times", "target", ""];
const FIGURES: [&str; 3] = ["figure by SQL over raw events, ms", "SQLite", "PostgreSQL"];
const REBUILD: [&str; 6] = ["engine", "events", "bare load s", "migrate --rebuild s", "CPU s", "peak MiB"];
const START: [&str; 5] = ["call", "engine", "ms", "target", ""];

/// How many times as many events the larger database has, of the same users on the same days.
const MORE: u64 = 10;
/// How many reports there are in a round, which take far less time than the peer.
const REPORTS: usize = 5;
/// How often a call that takes milliseconds is made.
const CALLS: usize = 21;

const RATIO: f64 = 50.0;
const TIMES: f64 = 1.5;
const VERSION_MS: f64 = 10.0;
const DEMO_MS: f64 = 100.0;

/// Runs the bench and returns its tables.
pub(super) fn run(size: &Size) -> Result<String> {
    let product = Product::release()?;
    let scratch = Scratch::new("bench")?;
    let cluster = Cluster::start(Durability::Full)?;
    let engines = [Engine::Sqlite(scratch.path()), Engine::Postgres(&cluster)];
    for engine in engines {
        engine.has_client()?;
    }
    terminal::progress("start-up times");
    let starts = starts(&product, &scratch, engines)?;

    let data = Data::of(&product, scratch.path(), size.events)?;
    let (mut reports, mut growth, mut rebuilds, mut figures) = (vec![], vec![], vec![], vec![]);
    for engine in engines {
        let measured = Measured::of(engine, &data, size.rounds)?;
        reports.extend(measured.reports(engine)?);
        growth.push(measured.growth(engine)?);
        rebuilds.extend(measured.rebuilds(engine));
        figures.push(measured.figures()?);
    }
    let figures: Vec<_> = peer::FIGURES
        .iter()
        .enumerate()
        .map(|(n, figure)| [figure.name.to_owned(), milliseconds(figures[0][n]), milliseconds(figures[1][n])])
        .collect();
    let note = format!(
        "Rounds: {}, each of {REPORTS} reports and one peer; the medians count. {} users; 120 days of events, of which a report over 90 days shows \
         the last 90 beside the 90 before them. Every figure that SQL over raw events gives is compared with the \
         report's; the report has revenue besides. With {MORE} times the events the same users come on the same days.",
        size.rounds, data.users
    );
    Ok(format!(
        "{}\n{note}\n\n{}\n{}\n{}\n{}",
        table::markdown(REPORT, &reports),
        table::markdown(GROWTH, &growth),
        table::markdown(FIGURES, &figures),
        table::markdown(REBUILD, &rebuilds),
        table::markdown(START, &starts)
    ))
}

/// A database, and what was measured on it in every round.
struct Rounds<'a> {
    filled: Filled<'a>,
    reports: Vec<Cost>,
    /// The time of each figure.
    peers: Vec<Vec<Duration>>,
}

/// What was measured on one engine: on the smaller database, and on the larger one.
struct Measured<'a>([Rounds<'a>; 2]);

impl<'a> Measured<'a> {
    fn of(engine: Engine<'a>, data: &Data<'_>, rounds: usize) -> Result<Self> {
        let fill = |times| -> Result<Rounds<'a>> {
            Ok(Rounds { filled: data.fill(engine, times)?, reports: Vec::new(), peers: Vec::new() })
        };
        let mut both = [fill(1)?, fill(MORE)?];
        // Rounds alternate between product and peer, so that a slow minute of the machine meets both.
        for round in 1..=rounds {
            terminal::progress(&format!("{}: round {round} of {rounds}", engine.name()));
            for one in &mut both {
                let mut report = report(data, &one.filled.database);
                let mut told = String::new();
                for _ in 0..REPORTS {
                    let (cost, text) = measure::run_and_read(&mut report)?;
                    one.reports.push(cost);
                    told = text;
                }
                one.peers.push(peer::run(&one.filled.database, &serde_json::from_str::<Value>(&told)?)?);
            }
        }
        for one in &both {
            one.filled.database.remove()?;
        }
        Ok(Self(both))
    }

    fn reports(&self, engine: Engine<'_>) -> Result<Vec<[String; 9]>> {
        let row = |one: &Rounds<'_>| -> Result<[String; 9]> {
            let cost = one.report()?;
            let peers = one.peers.iter().map(|figures| figures.iter().sum::<Duration>()).collect();
            let peer = measure::middle(peers, Duration::as_secs_f64).context("no round was run")?;
            let ratio = peer.as_secs_f64() / cost.elapsed.as_secs_f64();
            let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
            Ok([
                engine.name().to_owned(),
                one.filled.events.to_string(),
                milliseconds(cost.elapsed),
                or_not(cost.cpu.map(milliseconds)),
                or_not(cost.peak_kib.map(table::mebibytes)),
                milliseconds(peer),
                format!("{ratio:.1}"),
                format!(">= {RATIO}"),
                verdict(ratio >= RATIO),
            ])
        };
        self.0.iter().map(row).collect()
    }

    fn growth(&self, engine: Engine<'_>) -> Result<[String; 6]> {
        let [smaller, larger] = &self.0;
        let (before, after) = (smaller.report()?.elapsed, larger.report()?.elapsed);
        let times = after.as_secs_f64() / before.as_secs_f64();
        Ok([
            engine.name().to_owned(),
            format!("{} -> {}", smaller.filled.events, larger.filled.events),
            format!("{} -> {}", milliseconds(before), milliseconds(after)),
            format!("{times:.2}"),
            format!("<= {TIMES}"),
            verdict(times <= TIMES),
        ])
    }

    fn rebuilds(&self, engine: Engine<'_>) -> Vec<[String; 6]> {
        let row = |one: &Rounds<'_>| {
            let (filled, cost) = (&one.filled, one.filled.rebuild);
            let or_not = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
            [
                engine.name().to_owned(),
                filled.events.to_string(),
                table::seconds(filled.load),
                table::seconds(cost.elapsed),
                or_not(cost.cpu.map(table::seconds)),
                or_not(cost.peak_kib.map(table::mebibytes)),
            ]
        };
        self.0.iter().map(row).collect()
    }

    /// The median time of each figure on the larger database.
    fn figures(&self) -> Result<Vec<Duration>> {
        let median = |figure: usize| {
            let times = self.0[1].peers.iter().filter_map(|figures| figures.get(figure).copied()).collect();
            measure::middle(times, Duration::as_secs_f64).context("no round was run")
        };
        (0..peer::FIGURES.len()).map(median).collect()
    }
}

impl Rounds<'_> {
    fn report(&self) -> Result<Cost> {
        measure::median(self.reports.clone()).context("no round was run")
    }
}

fn report(data: &Data<'_>, database: &Database<'_>) -> Command {
    let mut report = data.growthctl(database);
    report.args(["report", "--days", "90", "--as-of", AS_OF, "--format", "json"]);
    report
}

/// Measures calls of which a person waits for the answer.
fn starts(product: &Product, scratch: &Scratch, engines: [Engine<'_>; 2]) -> Result<Vec<[String; 5]>> {
    let mut rows = Vec::new();
    let mut version = product.growthctl(scratch.path());
    let elapsed = median_of_calls(version.arg("--version"))?;
    rows.push(start_row("growthctl --version", "", elapsed, VERSION_MS));
    for engine in engines {
        let database = engine.create("demo")?;
        let call = |words: &[&str]| {
            let mut call = product.growthctl(scratch.path());
            call.args(["--database-url", &database.url(), "--quiet"]).args(words);
            call
        };
        process::stdout(&mut call(&["demo", "--as-of", AS_OF]))?;
        let elapsed = median_of_calls(&mut call(&["report", "--as-of", AS_OF]))?;
        rows.push(start_row("growthctl report, demo database", engine.name(), elapsed, DEMO_MS));
    }
    Ok(rows)
}

fn median_of_calls(command: &mut Command) -> Result<Duration> {
    let costs = (0..CALLS).map(|_| measure::run(command)).collect::<Result<Vec<_>>>()?;
    Ok(measure::median(costs).context("no call was made")?.elapsed)
}

fn start_row(call: &str, engine: &str, elapsed: Duration, target: f64) -> [String; 5] {
    [
        call.to_owned(),
        engine.to_owned(),
        milliseconds(elapsed),
        format!("<= {target}"),
        verdict(elapsed.as_secs_f64() * 1e3 <= target),
    ]
}

/// With one digit where it matters.
fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 100.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}
