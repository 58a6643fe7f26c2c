//! `growthctl prune`

use chrono::{SubsecRound, TimeDelta, Utc};
use growth_track::{month_of_pruning, prunable, prune};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::{Printer, Unit};
use crate::settings::Settings;

/// Takes away old raw events and keeps every figure that was made of them.
///
/// Whole UTC months go; on PostgreSQL their partitions are dropped, which takes no time and leaves no holes. Daily
/// counts, active users, retention and activation stay as they are. Events for those months are refused from then on,
/// so that nothing is counted twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl prune --older-than 400d --dry-run
  growthctl prune --older-than 400d")]
pub(crate) struct Args {
    /// Months that ended so long ago go: a number of days such as 400d
    #[arg(long, value_name = "DAYS")]
    older_than: String,
    /// Say what would go and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let days = days(&args.older_than)?;
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let older_than = now - days;
    let before = month_of_pruning(older_than);
    let db = database::open(settings).await?;
    if args.dry_run {
        let events = prunable(&db, older_than).await?;
        db.close().await;
        let events = indicatif::HumanCount(events);
        printer.done(&format!("{events} raw events before {before} would go, and no figure would change"))?;
        return Ok(Outcome::Done);
    }
    let mut progress = None;
    let pruned = prune(&db, older_than, now, |done, total| {
        let progress = progress.get_or_insert_with(|| printer.progress("pruning", Some(total), Unit::Things));
        progress.at(done);
    })
    .await;
    drop(progress);
    db.close().await;
    let pruned = pruned?;
    let events = indicatif::HumanCount(pruned.events);
    printer.done(&format!("took away {events} raw events before {before}; every figure is as it was"))?;
    if pruned.receipts > 0 {
        let receipts = indicatif::HumanCount(pruned.receipts);
        printer.done(&format!("forgot {receipts} ids of messages that nobody sends again"))?;
    }
    Ok(Outcome::Done)
}

/// Reads a number of days such as `400d` or `400`, from one month to a century.
fn days(text: &str) -> anyhow::Result<TimeDelta> {
    let number = text.trim().strip_suffix('d').unwrap_or(text.trim());
    let days = number.parse::<i64>().ok().filter(|days| (31..=36_500).contains(days));
    days.map(TimeDelta::days)
        .ok_or_else(|| misuse(format!("--older-than {text:?} is no number of days from 31d to 36500d")))
}
