//! `growthctl audit`

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use growth_backfill::{Audit, AuditOptions, Error, List, Step};
use growth_domain::window::Window;

use crate::asked::whole_days;
use crate::database;
use crate::failure::{Outcome, misuse};
use crate::output::{Form, OutputArgs};
use crate::printer::Printer;
use crate::settings::Settings;
use crate::stripe;

/// How long a webhook may be under way: what differs is looked at once more after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Compares the database with Stripe, object by object, and says PASS or FAIL.
///
/// Payments, refunds, disputes and invoices that were created in the window are compared, and every subscription as
/// it is now. It writes nothing. Each difference comes with the command that repairs it. The exit code is 1 when
/// anything differs or could not be compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key comes from STRIPE_SECRET_KEY, as for `growthctl backfill`.

Examples:
  growthctl audit --month 2026-10 --output audit.md
  growthctl audit --days 7 --format json | jq .passed")]
pub(crate) struct Args {
    /// The calendar month to compare, such as 2026-10
    #[arg(long, value_name = "MONTH", conflicts_with = "days")]
    month: Option<String>,
    /// How many days back to compare [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    days: Option<i64>,
    /// A connected account (acct_…) instead of your own
    #[arg(long, default_value = "", value_name = "ACCOUNT", hide_default_value = true)]
    account: String,
    #[command(flatten)]
    output: OutputArgs<Format>,
}

/// The forms of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, and for GitHub issues
    Markdown,
    /// For programs
    Json,
}

impl Form for Format {
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::Markdown => &["md", "markdown"],
            Self::Json => &["json"],
        }
    }
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let window = window(&args, now, settings)?;
    let output = args.output.resolve(Format::Markdown)?;
    let account = stripe::account(&args.account)?;
    let client = stripe::required_client(settings)?;
    let db = database::open(settings).await?;
    let options = AuditOptions { account, from: window.start, until: window.end, now, patience: PATIENCE };
    let mut board = printer.board(List::ALL.map(|list| list.to_string()));
    let mut watch = |step: Step<'_>| {
        if let Step::Read { list, objects, share } = step {
            board.at(&list.to_string(), objects as u64, share);
        }
    };
    let report = match Audit::new(db.clone(), client, options).run(&mut watch).await {
        Err(Error::Stripe(error)) => return Err(stripe::explained(error, settings)),
        report => report?,
    };
    drop(board);
    db.close().await;
    let text = match output.format {
        Format::Markdown => report.to_markdown(),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
    };
    output.write(&text, "audit", printer)?;
    Ok(if report.passed() { Outcome::Done } else { Outcome::LeftUndone })
}

/// What lies ahead cannot be compared.
fn window(args: &Args, now: DateTime<Utc>, settings: &Settings) -> anyhow::Result<Window> {
    let Some(month) = &args.month else {
        let window = Window::last_days(now, whole_days(args.days.unwrap_or(30))?, settings.time_zone);
        return window.map_err(|error| misuse(format!("--days: {error}")));
    };
    let window =
        Window::month(month, settings.time_zone).map_err(|error| misuse(format!("--month: {error}")))?;
    if window.start >= now {
        return Err(misuse(format!("--month: {month} has not begun yet")));
    }
    Ok(Window { end: window.end.min(now), ..window })
}
