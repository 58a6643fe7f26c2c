//! `growthctl report`

use anyhow::Context;
use clap::ValueEnum;

use crate::asked::AskArgs;
use crate::failure::Outcome;
use crate::output::{Form, OutputArgs};
use crate::printer::{Printer, Terminal};
use crate::settings::Settings;

/// Writes the growth report: what came in, what moved MRR, who the users are, and how sure all that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl report --demo --days 30             in a terminal: tables and small charts
  growthctl report --demo --days 30 --output report.html
  growthctl report --days 7 --as-of today       the last seven whole days
  growthctl report --as-of 2026-07-01 --format json | jq '.revenue[0].mrr.current'")]
pub(crate) struct Args {
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    output: OutputArgs<Format>,
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

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let for_a_person = args.output.says_nothing() && printer.terminal().is_some();
    let output = args.output.resolve(if for_a_person { Format::Text } else { Format::Markdown })?;
    let asked = args.ask.open(settings, printer).await?;
    let snapshot = Box::pin(growth_metrics::snapshot(&asked.db, &asked.request));
    let snapshot = printer.patiently("counting", snapshot).await.context("cannot build the report")?;
    asked.close().await;
    let text = match output.format {
        Format::Markdown => growth_report::markdown(&snapshot),
        Format::Html => growth_report::html(&snapshot),
        Format::Json => growth_report::json(&snapshot),
        Format::Text => {
            // Text in a file, or for another program, is as wide as most terminals and without colour.
            let terminal = printer.terminal().filter(|_| !output.is_file());
            let Terminal { columns, colour } = terminal.unwrap_or(Terminal { columns: 100, colour: false });
            growth_report::text(&snapshot, columns, colour)
        }
    };
    output.write(&text, "report", printer)?;
    Ok(Outcome::Done)
}
