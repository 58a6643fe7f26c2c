//! `growthctl demo`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, SubsecRound, Utc};
use growth_db::Db;
use growth_demo::business::Business;
use growth_domain::window::parse_as_of;
use growth_ingest::{Intake, Source, ingest, is_empty, link_waiting_users};
use growth_track::{count_usage, record, upsert_users};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::{Printer, Unit};
use crate::settings::Settings;

pub(crate) use growth_demo::business::PRODUCT;

/// Which of the possible sample businesses: figures in the documentation are about this one.
const SEED: u64 = 1;
const BATCH: usize = 1000;

/// Fills an empty database with a year of a sample business: sign-ups, plans, payments, refunds.
///
/// The same --as-of gives the same business.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// When the business's year ends: `now`, `today` (its first moment), a date, or an RFC 3339 time
    #[arg(long, default_value = "now", value_name = "TIME")]
    as_of: String,
    /// Write Stripe events of such a business to an NDJSON file and leave the database alone
    #[arg(long, value_name = "FILE", requires = "stripe_events")]
    events: Option<PathBuf>,
    /// With --events: how many
    #[arg(long, value_name = "N", requires = "events")]
    stripe_events: Option<usize>,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let as_of = parse_as_of(&args.as_of, now, settings.time_zone)
        .map_err(|error| misuse(format!("--as-of: {error}")))?;
    if let (Some(path), Some(count)) = (&args.events, args.stripe_events) {
        write_events(path, count, as_of, printer)?;
        return Ok(Outcome::Done);
    }
    let db = sample_database(settings, as_of, printer).await?;
    db.close().await;
    printer.done(&format!(
        "the sample business is in {}: try `growthctl report --days 30` with the same database",
        database::shown(settings)
    ))?;
    Ok(Outcome::Done)
}

/// Makes the sample business and sends it through the doors that real data takes.
pub(crate) async fn sample_database(
    settings: &Settings,
    as_of: DateTime<Utc>,
    printer: &Printer,
) -> anyhow::Result<Db> {
    let db = database::open_or_create(settings, &Printer::new(true, false)).await?;
    if !is_empty(&db).await? {
        return Err(misuse(format!(
            "the database {} already has data: name an empty one with --database-url, so that sample and real data \
             never mix",
            database::shown(settings)
        )));
    }
    let business = Business::sample(SEED, as_of);
    let total = business.stripe_events.len() + business.events.len() + business.usage.len();
    let mut progress = printer.progress("making the sample business", Some(total as u64), Unit::Things);
    let mut done = 0;
    let mut step = |n: usize| {
        done += n as u64;
        progress.at(done);
    };

    upsert_users(&db, &business.users).await?;
    let intake = Intake { source: Source::File, received_at: as_of, livemode: true, account: String::new() };
    for events in business.stripe_events.chunks(BATCH) {
        let documents = events.iter().map(|event| (event.to_string(), event.clone())).collect();
        let summary = ingest(&db, intake.clone(), documents).await?;
        if !summary.is_complete() {
            bail!("the sample business is broken, please report this: {:?}", summary.problems);
        }
        step(events.len());
    }
    let counting = growth_track::Counting {
        time_zone: Some(settings.time_zone),
        activation_event: Some(settings.activation_event.clone()),
    };
    let track = growth_track::Settings { counting, ..growth_track::Settings::new(as_of) };
    for events in business.events.chunks(BATCH) {
        let recorded = record(&db, events, &track).await?;
        if !recorded.rejected.is_empty() {
            bail!("the sample business is broken, please report this: {:?}", recorded.rejected);
        }
        step(events.len());
    }
    for usage in business.usage.chunks(BATCH) {
        count_usage(&db, usage, as_of).await?;
        step(usage.len());
    }
    while link_waiting_users(&db).await? > 0 {}
    Ok(db)
}

fn write_events(path: &Path, count: usize, as_of: DateTime<Utc>, printer: &Printer) -> anyhow::Result<()> {
    let shown = path.display();
    let file = File::create(path).map_err(|error| misuse(format!("cannot write {shown}: {error}")))?;
    let mut file = BufWriter::new(file);
    let mut progress = printer.progress("writing events", Some(count as u64), Unit::Things);
    for (n, event) in growth_demo::scaled::stripe_events(SEED, as_of, count).enumerate() {
        serde_json::to_writer(&mut file, &event).with_context(|| format!("cannot write {shown}"))?;
        file.write_all(b"\n").with_context(|| format!("cannot write {shown}"))?;
        progress.at(n as u64 + 1);
    }
    file.flush().with_context(|| format!("cannot write {shown}"))?;
    drop(progress);
    printer.done(&format!("{count} events written to {shown}"))?;
    Ok(())
}
