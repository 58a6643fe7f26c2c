//! `growthctl migrate`

use growth_db::migrate;
use growth_domain::pricing::Policy;

use crate::database;
use crate::failure::Outcome;
use crate::printer::{Printer, Unit};
use crate::settings::Settings;

/// Creates or upgrades the schema. Safe to run twice, and by two processes at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// List what is pending and change nothing
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Exit with 1 when anything is pending, and change nothing
    #[arg(long)]
    check: bool,
    /// Build the MRR ledger again from the stored history
    #[arg(long, conflicts_with_all = ["dry_run", "check"])]
    rebuild: bool,
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
    }
    db.close().await;
    Ok(Outcome::Done)
}
