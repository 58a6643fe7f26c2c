//! `growthctl track usage`

use chrono::NaiveDate;
use growth_db::rows::settings as stored;
use growth_domain::window::day_of;
use growth_ingest::link_waiting_users;
use growth_track::{Batch, Counters, Usage, write};

use super::{SOURCE, now, tell_one};
use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Adds to a user's usage counters of a day.
///
/// Without an id, running it twice adds twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl track usage --user 42 --enrichments 3 --exports 1
  growthctl track usage --user 42 --sessions 1 --session-duration-ms 54000 --date 2026-07-01 --id s-9912")]
pub(super) struct Args {
    /// The user's id in your application
    #[arg(long, value_name = "ID")]
    user: String,
    /// The day [default: today, in the time zone in which days are counted]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<String>,
    /// Which application of the product
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// An id by which the increment is known when it is sent again
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    by: By,
}

/// By how much.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Counters")]
struct By {
    /// Contacts enriched
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    enrichments: Option<i64>,
    /// Searches made
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    searches: Option<i64>,
    /// Files exported
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    exports: Option<i64>,
    /// Pitches generated
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pitches_generated: Option<i64>,
    /// E-mails sent
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    emails_sent: Option<i64>,
    /// Campaigns created
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    campaigns_created: Option<i64>,
    /// Contacts added
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    contacts_added: Option<i64>,
    /// Sessions begun
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    sessions: Option<i64>,
    /// Time in sessions, in milliseconds
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    session_duration_ms: Option<i64>,
}

impl By {
    /// The counters, where any was given.
    fn counters(&self) -> Option<Counters> {
        let all = [
            self.enrichments,
            self.searches,
            self.exports,
            self.pitches_generated,
            self.emails_sent,
            self.campaigns_created,
            self.contacts_added,
            self.sessions,
            self.session_duration_ms,
        ];
        let mut counters = Counters::default();
        for (name, by) in Counters::NAMES.into_iter().zip(all) {
            if let (Some(counter), Some(by)) = (counters.by_name(name), by) {
                *counter = by;
            }
        }
        all.iter().any(Option::is_some).then_some(counters)
    }
}

pub(super) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let counters =
        args.by.counters().ok_or_else(|| misuse("name at least one counter, such as --enrichments 3"))?;
    let date = args.date.map(|date| {
        date.parse::<NaiveDate>().map_err(|_| misuse(format!("--date {date:?} is no day such as 2026-07-01")))
    });
    let date = date.transpose()?;
    let db = database::open_or_create(settings, printer).await?;
    let now = now();
    let date = if let Some(date) = date {
        date
    } else {
        let counted = stored::read_tracking(&db).await?.time_zone.parse().ok();
        day_of(now, settings.counting.time_zone.or(counted).unwrap_or(settings.time_zone))
    };
    let usage = Usage {
        message_id: args.id,
        source: SOURCE.to_owned(),
        user: args.user,
        date,
        app: args.app.unwrap_or_default(),
        counters,
    };
    let track =
        growth_track::Settings { counting: settings.counting.clone(), ..growth_track::Settings::new(now) };
    let written = write(&db, Batch { usage: &[usage], ..Batch::default() }, &track).await;
    if written.is_ok() {
        while link_waiting_users(&db).await? > 0 {}
    }
    db.close().await;
    tell_one(&written?.usage, &format!("counted for {date}"), "usage", printer)
}
