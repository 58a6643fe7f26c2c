//! `growthctl report`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use growth_db::Db;
use growth_domain::window::{Window, parse_as_of};
use growth_metrics::Request;

use crate::commands::demo;
use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::{DatabaseAt, Settings, sqlite_url};

/// Writes the growth report: what came in, what moved MRR, who the users are, and how sure all that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl report --demo --days 30 --output report.md
  growthctl report --days 7 --as-of today       the last seven whole days
  growthctl report --as-of 2026-07-01 --format json | jq '.revenue[0].mrr.current'")]
pub(crate) struct Args {
    /// How many days the report covers; the same number before them is compared with
    #[arg(long, default_value_t = 7, value_name = "N")]
    days: u32,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write [default: by the file's extension, else markdown]
    #[arg(long, value_enum)]
    format: Option<Format>,
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

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, and for GitHub issues
    Markdown,
    /// For programs, see docs/report.schema.json
    Json,
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
    let format = format(&args)?;
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let as_of = parse_as_of(&args.as_of, now, settings.time_zone)
        .map_err(|error| misuse(format!("--as-of: {error}")))?;
    let request = request(&args, as_of, settings)?;
    if let Some(output) = &args.output {
        check_folder(output)?;
    }
    let text = if args.demo {
        let folder = tempfile::tempdir().context("cannot make a temporary folder for the sample business")?;
        let at = DatabaseAt::Url(sqlite_url(&folder.path().join("demo.db")));
        let settings = Settings { database: at, ..settings.clone() };
        let db = demo::sample_database(&settings, as_of, printer).await?;
        let request = Request { product: demo::PRODUCT.to_owned(), ..request };
        let text = render(&db, &request, format).await?;
        db.close().await;
        text
    } else {
        let db = database::open(settings).await?;
        render(&db, &request, format).await?
    };
    match &args.output {
        Some(path) => {
            write(path, &text).with_context(|| format!("cannot write the report to {}", path.display()))?;
            printer.done(&format!("report written to {}", path.display()))?;
        }
        None => printer.result(&text)?,
    }
    Ok(Outcome::Done)
}

fn request(args: &Args, as_of: DateTime<Utc>, settings: &Settings) -> anyhow::Result<Request> {
    let windows = Window::last_days(as_of, args.days, settings.time_zone)
        .and_then(|window| Ok((window, window.previous(settings.time_zone, args.days)?)));
    let (window, previous) = windows.map_err(|error| misuse(format!("--days: {error}")))?;
    Ok(Request {
        product: settings.product.clone().unwrap_or_else(|| "Growth report".to_owned()),
        window,
        previous,
        days: args.days,
        time_zone: settings.time_zone,
        livemode: args.mode.map(|mode| mode == Mode::Live),
        account: args.account.clone(),
        goal: Some(settings.goal.clone()),
        activation_days: settings.activation_days,
    })
}

fn format(args: &Args) -> anyhow::Result<Format> {
    let extension = args.output.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    match (args.format, extension) {
        (Some(format), _) => Ok(format),
        (None, None | Some("md" | "markdown")) => Ok(Format::Markdown),
        (None, Some("json")) => Ok(Format::Json),
        (None, Some(other)) => Err(misuse(format!(
            "--output: no format goes by the extension .{other}: use .md or .json, or say --format"
        ))),
    }
}

/// So that a wrong path is told before the work, not after it.
fn check_folder(output: &Path) -> anyhow::Result<()> {
    let folder = folder_of(output);
    if output.is_dir() {
        return Err(misuse(format!("--output: {} is a folder, name a file in it", output.display())));
    }
    if folder.is_dir() {
        return Ok(());
    }
    Err(misuse(format!("--output: there is no folder {}, make it first", folder.display())))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

async fn render(db: &Db, request: &Request, format: Format) -> anyhow::Result<String> {
    let snapshot = growth_metrics::snapshot(db, request).await.context("cannot build the report")?;
    Ok(match format {
        Format::Markdown => growth_report::markdown(&snapshot),
        Format::Json => growth_report::json(&snapshot),
    })
}

/// Writes beside the file and renames, so that nobody ever sees half a report.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut made = tempfile::Builder::new();
    made.prefix(".report-");
    // A temporary file is for its owner alone. This one shall be as if made the usual way: the process's mask
    // takes away what it must.
    #[cfg(unix)]
    made.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = made.tempfile_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
