//! `growthctl report`

use anyhow::Context;
use clap::ValueEnum;

use crate::asked::AskArgs;
use crate::failure::Outcome;
use crate::output::{Formats, OutputArgs};
use crate::printer::Printer;
use crate::settings::Settings;

/// Writes the growth report: what came in, what moved MRR, who the users are, and how sure all that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl report --demo --days 30 --output report.md
  growthctl report --days 7 --as-of today       the last seven whole days
  growthctl report --as-of 2026-07-01 --format json | jq '.revenue[0].mrr.current'")]
pub(crate) struct Args {
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    output: OutputArgs<Format>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, and for GitHub issues
    Markdown,
    /// For programs
    Json,
}

impl Formats for Format {
    const EXTENSIONS: &'static [(&'static str, Self)] =
        &[("md", Self::Markdown), ("markdown", Self::Markdown), ("json", Self::Json)];

    fn usual(_: bool) -> Self {
        Self::Markdown
    }
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let output = args.output.resolve()?;
    let asked = args.ask.open(settings, printer).await?;
    let snapshot =
        growth_metrics::snapshot(&asked.db, &asked.request).await.context("cannot build the report")?;
    asked.close().await;
    let text = match output.format {
        Format::Markdown => growth_report::markdown(&snapshot),
        Format::Json => growth_report::json(&snapshot),
    };
    output.write(&text, "report", printer)?;
    Ok(Outcome::Done)
}
