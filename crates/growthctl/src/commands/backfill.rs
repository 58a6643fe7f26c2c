//! `growthctl backfill`

mod listing;
mod shown;

use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use growth_backfill::{Backfill, Error, List, Options, Step, Summary};
use growth_domain::window::Window;

use crate::asked::whole_days;
use crate::database::{self, Target};
use crate::failure::{Outcome, misuse};
use crate::printer::{Printer, Warnings};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::stripe;

use listing::Listing;

/// Brings in history from Stripe's API: what webhooks lost, and what was before them.
///
/// What the database has already is recognised and nothing is counted twice. Run it as often as you like, beside
/// `serve-webhook` too. One that was interrupted goes on where it was; the exit code is 1 when something is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key comes from STRIPE_SECRET_KEY: a restricted key that may read is enough. docs/BACKFILL.md
lists the permissions, and tells how it works together with webhooks.

Examples:
  STRIPE_SECRET_KEY=rk_live_… growthctl backfill --days 90 --dry-run
  growthctl backfill --days 90
  growthctl backfill --days 2 --format json | jq .missing")]
pub(crate) struct Args {
    /// How many days back; prices, coupons and subscriptions are read from their beginning
    #[arg(long, default_value_t = 90, value_name = "N", allow_negative_numbers = true)]
    days: i64,
    /// Write nothing, and show what would be written; --verbose lists each object
    #[arg(long)]
    dry_run: bool,
    /// Go on with a backfill that was interrupted, which is the default
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Begin again instead
    #[arg(long)]
    restart: bool,
    /// A connected account (acct_…) instead of your own
    #[arg(long, default_value = "", value_name = "ACCOUNT", hide_default_value = true)]
    account: String,
    /// How to show what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How a summary is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Text,
    /// For programs
    Json,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let window = Window::last_days(now, whole_days(args.days)?, settings.time_zone);
    let window = window.map_err(|error| misuse(format!("--days: {error}")))?;
    let account = stripe::account(&args.account)?;
    let client = stripe::required_client(settings)?;
    if database::is_to_be_made(settings).await? {
        // So that a key or an address that is wrong makes no database.
        stripe::reach(&client, &account, settings).await?;
    }
    let target = if args.dry_run {
        database::open_to_try(settings).await?
    } else {
        Target::of(database::open_or_create(settings, printer).await?)
    };
    let options = Options {
        account,
        from: window.start,
        dry_run: args.dry_run,
        restart: args.restart && !args.resume,
        now,
    };
    let mut signals = Signals::listen()?;
    let mut board = printer.board(List::ALL.map(|list| list.to_string()));
    let mut listing = Listing::new(printer, args.format == Format::Json);
    let mut watch = |step: Step<'_>| match step {
        Step::Began { resumed, from, until } => {
            let mode = if client.livemode() { "live" } else { "test" };
            board.beside(|| printer.remark(&beginning(resumed, mode, from, until)));
        }
        Step::Read { list, objects, share } => board.at(&list.to_string(), objects as u64, share),
        Step::TakenIn { list, seen } if printer.verbose => board.beside(|| listing.add(list, seen)),
        Step::TakenIn { .. } | Step::LeftOut { .. } => {}
    };
    let backfill = Backfill::new(target.db.clone(), client.clone(), options);
    let ran = tokio::select! {
        ran = backfill.run(&mut watch) => Some(ran),
        () = signals.next() => None,
    };
    drop(board);
    let Some(ran) = ran else {
        let stored = if args.dry_run {
            "nothing was written"
        } else {
            "what was read is stored, the next one goes on"
        };
        printer.warning(&format!("interrupted: {stored}"));
        return Ok(Outcome::LeftUndone);
    };
    let summary = match ran {
        Err(Error::Stripe(error)) => return Err(stripe::explained(error, settings)),
        ran => ran?,
    };
    target.close().await;
    match args.format {
        Format::Text => {
            listing.end()?;
            printer.done(&shown::text(&summary))?;
        }
        Format::Json => listing.end_with(&summary)?,
    }
    tell_problems(&summary, printer);
    Ok(if summary.is_complete() { Outcome::Done } else { Outcome::LeftUndone })
}

fn beginning(resumed: bool, mode: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
    let going_on = if resumed { "going on with a backfill that is unfinished: " } else { "" };
    format!("{going_on}reading {mode} data from {} until {}", shown::time(from), shown::time(until))
}

fn tell_problems(summary: &Summary, printer: &Printer) {
    let mut warnings = Warnings::new(printer);
    for problem in &summary.problems {
        warnings.tell(problem);
    }
    let untold = summary.problem_count - summary.problems.len() as u64;
    if untold > 0 {
        printer.warning(&format!(
            "{untold} more objects have such problems; those that are unreadable are in stripe_events"
        ));
    }
    for (reason, lists) in shown::missing(summary) {
        printer.warning(&format!("missing, since {reason}"));
        for line in lists {
            printer.remark(&format!("  {line}"));
        }
    }
    if !summary.missing.is_empty() && !summary.dry_run {
        printer.warning(
            "once that is mended, run the same command again to read what is missing; what was stored is not read again",
        );
    }
}
