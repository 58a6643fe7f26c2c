//! `growthctl forget`

use chrono::{DateTime, SubsecRound, Utc};
use growth_db::Db;
use growth_ingest::{Cleared, Person};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Forgets a person, for good.
///
/// Deletes the person's events, takes the id and the e-mail address out of the directory, and out of everything that
/// Stripe told; payments stay, without a user. Counts stay as they were, under a number that says nothing. A tombstone
/// keeps the person out: whatever names the id again is not stored, and what Stripe tells of the customer again is
/// stored without what says who it is. Delete the customer at Stripe as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user's id in your application
    #[arg(value_name = "USER")]
    user: String,
    /// Say what would go and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let db = database::open(settings).await?;
    let forgotten = forget(&db, &args, now).await;
    db.close().await;
    let Some((events, cleared)) = forgotten? else {
        return Err(misuse(format!("there is no user {:?}: see growthctl users list", args.user)));
    };
    let would = if args.dry_run { "would be " } else { "" };
    for (n, what, how) in [
        (events, "events", "deleted"),
        (cleared.customers, "customers at Stripe", "left without a user and an address"),
        (cleared.payments, "payments", "left without a user"),
        (cleared.documents, "of Stripe's documents", "cleared of what says who it is"),
    ] {
        if n > 0 {
            printer.done(&format!("{} {what} {would}{how}", indicatif::HumanCount(n)))?;
        }
    }
    printer.done(if args.dry_run { "nothing has changed" } else { "forgotten" })?;
    Ok(Outcome::Done)
}

/// Forgets in one transaction, which a dry run does not commit. `None` where there is no such user.
async fn forget(db: &Db, args: &Args, now: DateTime<Utc>) -> anyhow::Result<Option<(u64, Cleared)>> {
    let mut tx = db.begin().await?;
    growth_ingest::hold(&mut tx).await?;
    let Some(forgotten) = growth_track::forget(&mut tx, &args.user, now).await? else { return Ok(None) };
    let person =
        Person { user_id: forgotten.user_id, external_id: args.user.clone(), email: forgotten.email };
    let cleared = growth_ingest::forget(&mut tx, &person).await?;
    if !args.dry_run {
        tx.commit().await?;
    }
    Ok(Some((forgotten.events, cleared)))
}
