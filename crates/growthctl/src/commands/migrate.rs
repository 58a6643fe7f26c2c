//! `growthctl migrate`

use chrono::Utc;
use growth_db::rows::events::{MONTHS_AHEAD, make_partitions, months_from};
use growth_db::{Db, migrate};
use growth_domain::pricing::Policy;

use crate::database;
use crate::failure::Outcome;
use crate::printer::{Printer, Unit};
use crate::settings::Settings;

/// Creates or upgrades the schema. Safe to run twice, and by two processes at once.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Args {
    /// List what is pending and change nothing
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Exit with 1 when anything is pending, and change nothing
    #[arg(long)]
    check: bool,
    /// Build the MRR ledger again from the stored history, and count all product events again, in the time zone and
    /// by the activation event of the settings
    #[arg(long, conflicts_with_all = ["dry_run", "check"])]
    rebuild: bool,
    /// PostgreSQL: index the properties of events, for your own queries (properties @> '…'); events are taken in at a
    /// sixth of the speed then
    #[arg(long, conflicts_with_all = ["dry_run", "check"])]
    with_properties_index: bool,
    /// With --rebuild: by which definitions MRR is counted from now on, stripe or conservative
    /// [default: those it was counted by]
    #[arg(long, requires = "rebuild", value_name = "POLICY")]
    policy: Option<Policy>,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    if args.dry_run || args.check {
        let pending = database::pending(settings).await?;
        for migration in &pending {
            printer.result(&format!("pending {}\n", migration.name))?;
        }
        if pending.is_empty() {
            printer.done("nothing is pending")?;
        }
        return Ok(if args.check && !pending.is_empty() { Outcome::LeftUndone } else { Outcome::Done });
    }
    let db = database::connect(settings).await?;
    let applied = migrate::run(&db).await?;
    for migration in &applied {
        printer.done(&format!("applied {}", migration.name))?;
    }
    if applied.is_empty() {
        printer.done("the schema is up to date")?;
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    make_partitions(&db, &months_from(Utc::now(), MONTHS_AHEAD)).await?;
    if args.with_properties_index {
        let made = growth_db::rows::events::make_properties_index(&db).await?;
        printer.done(if made {
            "made the index on the properties of events"
        } else {
            "the index on the properties of events is there, or of no use here"
        })?;
    }
    if args.rebuild {
        let mut progress = None;
        let policy = growth_ingest::rebuild(&db, args.policy, |done, total| {
            let progress = progress.get_or_insert_with(|| {
                printer.progress("rebuilding the ledger", Some(total as u64), Unit::Things)
            });
            progress.at(done as u64);
        })
        .await?;
        drop(progress);
        printer.done(&format!("built the ledger again with policy {policy}"))?;
        count_again(&db, settings, printer).await?;
    }
    db.close().await;
    Ok(Outcome::Done)
}

/// Makes the rollups of product events again.
async fn count_again(db: &Db, settings: &Settings, printer: &Printer) -> anyhow::Result<()> {
    let mut progress = None;
    let rebuilt = growth_track::rebuild(db, &settings.counting, |done, total| {
        let progress = progress
            .get_or_insert_with(|| printer.progress("counting events again", Some(total), Unit::Things));
        progress.at(done);
    })
    .await?;
    drop(progress);
    let events = indicatif::HumanCount(rebuilt.events);
    printer.done(&format!(
        "counted {events} events again by the days of {}, with {} as the activation event",
        rebuilt.time_zone, rebuilt.activation_event
    ))?;
    if let Some(before) = rebuilt.pruned_before {
        let day = before.format("%Y-%m-%d");
        printer
            .warning(&format!("raw events before {day} are pruned: what they gave stayed as it was counted"));
    }
    Ok(())
}
