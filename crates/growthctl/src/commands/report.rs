//! `growthctl report`

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use growth_db::Db;
use growth_domain::window::{Window, parse_as_of};
use growth_metrics::Request;

use crate::commands::demo;
use crate::database;
use crate::failure::{Outcome, misuse};
use crate::output::{Form, OutputArgs};
use crate::printer::{Printer, Terminal};
use crate::settings::{DatabaseAt, Settings, sqlite_url};

/// Writes the growth report: what came in, what moved MRR, who the users are, and how sure all that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl report --demo --days 30             in a terminal: tables and small charts
  growthctl report --demo --days 30 --output report.html
  growthctl report --days 7 --as-of today       the last seven whole days
  growthctl report --as-of 2026-07-01 --format json | jq '.revenue[0].mrr.current'")]
pub(crate) struct Args {
    /// How many days the report covers; the same number before them is compared with
    #[arg(long, default_value_t = 7, value_name = "N")]
    days: u32,
    #[command(flatten)]
    output: OutputArgs<Format>,
    /// The end of the report: `now`, `today` (its first moment), a date, or an RFC 3339 time
    #[arg(long, default_value = "now", value_name = "TIME")]
    as_of: String,
    /// Live or test data [default: live where there is any]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// A connected account (acct_…) instead of your own
    #[arg(long, default_value = "", value_name = "ACCOUNT", hide_default_value = true)]
    account: String,
    /// About a sample business in a temporary database
    #[arg(long)]
    demo: bool,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, and for GitHub, which draws its charts
    Markdown,
    /// A page for a browser, in one file
    Html,
    /// For programs
    Json,
    /// For a terminal; there it is the default
    Text,
}

impl Form for Format {
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::Markdown => &["md", "markdown"],
            Self::Html => &["html", "htm"],
            Self::Json => &["json"],
            Self::Text => &["txt"],
        }
    }
}

/// Live or test mode of Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Real money
    Live,
    /// Test data
    Test,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let as_of = parse_as_of(&args.as_of, now, settings.time_zone)
        .map_err(|error| misuse(format!("--as-of: {error}")))?;
    let request = request(&args, as_of, settings)?;
    let for_a_person = args.output.says_nothing() && printer.terminal().is_some();
    let output = args.output.resolve(if for_a_person { Format::Text } else { Format::Markdown })?;
    // Text in a file, or for another program, is as wide as most terminals and without colour.
    let terminal = printer.terminal().filter(|_| !output.is_file());
    let terminal = terminal.unwrap_or(Terminal { columns: 100, colour: false });
    let text = if args.demo {
        let folder = tempfile::tempdir().context("cannot make a temporary folder for the sample business")?;
        let at = DatabaseAt::Url(sqlite_url(&folder.path().join("demo.db")));
        let settings = Settings { database: at, ..settings.clone() };
        let db = demo::sample_database(&settings, as_of, printer).await?;
        let request = Request { product: demo::PRODUCT.to_owned(), ..request };
        let text = render(&db, &request, output.format, terminal).await?;
        db.close().await;
        text
    } else {
        let db = database::open(settings).await?;
        render(&db, &request, output.format, terminal).await?
    };
    output.write(&text, "report", printer)?;
    Ok(Outcome::Done)
}

fn request(args: &Args, as_of: DateTime<Utc>, settings: &Settings) -> anyhow::Result<Request> {
    let windows = Window::last_days(as_of, args.days, settings.time_zone)
        .and_then(|window| Ok((window, window.previous(settings.time_zone, args.days)?)));
    let (window, previous) = windows.map_err(|error| misuse(format!("--days: {error}")))?;
    Ok(Request {
        product: settings.product.clone().unwrap_or_default(),
        window,
        previous,
        days: args.days,
        time_zone: settings.time_zone,
        livemode: args.mode.map(|mode| mode == Mode::Live),
        account: args.account.clone(),
        goal: Some(settings.goal.clone()),
        activation_days: settings.activation_days,
        funnel_days: 30,
        app: None,
        currency: None,
        rates: growth_domain::fx::Rates::default(),
    })
}

async fn render(db: &Db, request: &Request, format: Format, terminal: Terminal) -> anyhow::Result<String> {
    let snapshot = growth_metrics::snapshot(db, request).await.context("cannot build the report")?;
    Ok(match format {
        Format::Markdown => growth_report::markdown(&snapshot),
        Format::Html => growth_report::html(&snapshot),
        Format::Json => growth_report::json(&snapshot),
        Format::Text => growth_report::text(&snapshot, terminal.columns, terminal.colour),
    })
}
