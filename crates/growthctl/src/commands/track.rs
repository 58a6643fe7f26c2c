//! `growthctl track`

mod file;
mod names;
mod usage;

use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, Utc};
use growth_domain::catalogue::{EventCategory, EventName, EventStatus, suggest};
use growth_ingest::link_waiting_users;
use growth_track::lines::{instant, property_value};
use growth_track::{Event, Recorded, record};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Records a product event, many of them from a file, or an increment of usage counters.
///
/// What is recorded counts at once: in the figures of its own day, however late it comes. The first events decide in
/// which time zone days are counted.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  growthctl track user_signed_up --user 42
  growthctl track enrichment_completed --user 42 --property contacts=12 --duration-ms 830
  growthctl track --file events.ndjson --rejects rejected.ndjson
  psql -c \"COPY (SELECT …) TO STDOUT CSV HEADER\" app | growthctl track --file - --import-id july
  growthctl track usage --user 42 --enrichments 3 --exports 1

A line of a file has the fields event, at (both needed), user, anonymous_id, id, category, app,
session, properties, duration_ms, status, error_message, ip, user_agent, referrer, active.
docs/TRACKING.md tells the rest."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    counters: Option<Counters>,
    /// What happened: a name of the catalogue, or your own in `snake_case`
    #[arg(value_name = "EVENT", value_parser = names::Names, hide_possible_values = true,
        required_unless_present = "file", conflicts_with = "file")]
    event: Option<String>,
    /// Read events from this file, NDJSON or CSV with a header; - reads stdin
    #[arg(long, value_name = "FILE", help_heading = "Many events")]
    file: Option<PathBuf>,
    /// Write the lines that were left out to this file, as they are
    #[arg(long, value_name = "FILE", requires = "file", help_heading = "Many events")]
    rejects: Option<PathBuf>,
    /// A name for this import: lines without an id are known by their number when it is run again
    #[arg(long, value_name = "NAME", requires = "file", help_heading = "Many events")]
    import_id: Option<String>,
    #[command(flatten)]
    one: OneEvent,
}

#[derive(Debug, clap::Subcommand)]
enum Counters {
    #[command(about = "Add to a user's usage counters of a day")]
    Usage(usage::Args),
}

/// What can be said of one event.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "One event")]
struct OneEvent {
    /// The user's id in your application
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    user: Option<String>,
    /// When it happened, such as 2026-07-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "file")]
    at: Option<String>,
    /// Another category than that of the catalogue
    #[arg(long, value_name = "CATEGORY", conflicts_with = "file",
        value_parser = clap::builder::PossibleValuesParser::new(EventCategory::ALL.map(EventCategory::as_str)))]
    category: Option<String>,
    /// Which application of the product it happened in
    #[arg(long, value_name = "APP", conflicts_with = "file")]
    app: Option<String>,
    /// The session it belongs to
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    session: Option<String>,
    /// Anything else worth keeping; a value that is JSON is taken as JSON; may be given more than once
    #[arg(long = "property", value_name = "NAME=VALUE", conflicts_with = "file")]
    properties: Vec<String>,
    /// How long it took, in milliseconds
    #[arg(long, value_name = "N", conflicts_with = "file", allow_negative_numbers = true)]
    duration_ms: Option<i64>,
    /// How it ended [default: success]
    #[arg(long, value_name = "STATUS", conflicts_with = "file",
        value_parser = clap::builder::PossibleValuesParser::new(EventStatus::ALL.map(EventStatus::as_str)))]
    status: Option<String>,
    /// What went wrong
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    error_message: Option<String>,
    /// An id by which the event is known when it is sent again
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    id: Option<String>,
    /// The event is my own, though its name is almost one of the catalogue
    #[arg(long, conflicts_with = "file")]
    custom: bool,
}

/// Who sends what is told on a command line.
const SOURCE: &str = "cli";

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    if let Some(Counters::Usage(usage)) = args.counters {
        return usage::run(usage, settings, printer).await;
    }
    if let Some(file) = args.file {
        return file::run(&file, args.rejects.as_ref(), args.import_id, settings, printer).await;
    }
    let Some(name) = args.event else { return Err(misuse("name an event, or a --file of them")) };
    let now = now();
    let event = args.one.event(&name, now)?;
    let db = database::open_or_create(settings, printer).await?;
    let track = growth_track::Settings {
        counting: settings.counting.clone(),
        store_ip: settings.collector.store_ip,
        ..growth_track::Settings::new(now)
    };
    let recorded = record(&db, &[event], &track).await;
    if recorded.is_ok() {
        while link_waiting_users(&db).await? > 0 {}
    }
    db.close().await;
    tell_one(&recorded?, &format!("recorded {name}"), "the event", printer)
}

/// Tells what became of one thing.
fn tell_one(recorded: &Recorded, done: &str, what: &str, printer: &Printer) -> anyhow::Result<Outcome> {
    if let Some((_, problem)) = recorded.rejected.first() {
        return Err(misuse(problem.clone()));
    }
    if recorded.erased > 0 {
        printer.warning("not recorded: this user was forgotten");
        return Ok(Outcome::LeftUndone);
    }
    if recorded.duplicates > 0 {
        printer.done(&format!("known before: {what} with this id is recorded already"))?;
    } else {
        printer.done(done)?;
    }
    Ok(Outcome::Done)
}

#[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

impl OneEvent {
    fn event(self, name: &str, now: DateTime<Utc>) -> anyhow::Result<Event> {
        if let Some(meant) = suggest(name).filter(|_| !self.custom && EventName::parse(name).is_ok()) {
            return Err(misuse(format!(
                "{name} is not in the catalogue of events: did you mean {meant}? --custom records it as your own"
            )));
        }
        let at = self.at.map(|at| instant("--at", &at).map_err(misuse)).transpose()?;
        let mut event = Event::new(name, at.unwrap_or(now));
        SOURCE.clone_into(&mut event.source);
        event.message_id = self.id;
        event.user = self.user;
        event.category = self.category;
        event.app = self.app.unwrap_or_default();
        event.session_id = self.session;
        event.duration_ms = self.duration_ms;
        if let Some(status) = self.status {
            event.status = status;
        }
        event.error_message = self.error_message;
        for property in self.properties {
            let (name, value) =
                property.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    misuse(format!("--property {property:?}: give a name and a value, such as contacts=12"))
                })?;
            event = event.property(name, property_value(value));
        }
        Ok(event)
    }
}
