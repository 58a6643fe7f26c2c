//! `growthctl explain`

mod rows;

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use growth_metrics::explain::{Metric, explain};

use crate::asked::AskArgs;
use crate::failure::{Outcome, misuse};
use crate::output::{Form, OutputArgs};
use crate::printer::Printer;
use crate::settings::Settings;

/// Shows the rows behind a number of the report: subscriptions, customers, movements, payments, users, days.
///
/// Their parts add up to the number, exactly. Of a ratio, each row has a part above and a part below the line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl explain mrr                         the subscriptions that MRR is made of
  growthctl explain churn --days 30             who left, when and why
  growthctl explain nrr --as-of 2026-07-01 --output nrr.csv
  growthctl explain event:page_load --days 7    a custom or known event by day
  growthctl explain --list                      every number that it knows")]
pub(crate) struct Args {
    #[arg(
        required_unless_present = "list",
        help = "Which number, such as mrr, churn, new_revenue or active_users"
    )]
    metric: Option<String>,
    /// Name every number that can be explained
    #[arg(long, conflicts_with = "metric")]
    list: bool,
    #[command(flatten)]
    ask: AskArgs,
    /// How many rows a table shows at most; CSV and JSON have all
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs<Format>,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For spreadsheets: money in major units
    Csv,
    /// For programs: money in minor or micro-minor units
    Json,
}

impl Form for Format {
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::Table => &["txt"],
            Self::Csv => &["csv"],
            Self::Json => &["json"],
        }
    }
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let Some(name) = args.metric else {
        printer.result(&known())?;
        return Ok(Outcome::Done);
    };
    let metric: Metric = name.parse().map_err(|error| misuse(format!("{error}")))?;
    let output = args.output.resolve(Format::Table)?;
    let currency = args.ask.currency()?;
    let asked = args.ask.open(settings, printer).await?;
    let mut explanation = explain(&asked.db, &asked.request, &metric)
        .await
        .with_context(|| format!("cannot explain {metric}"))?;
    if let Some(currency) = &currency {
        explanation.keep_currency(currency);
    }
    let zone = asked.request.time_zone;
    asked.close().await;
    let text = match output.format {
        Format::Json => rows::json(&explanation)?,
        Format::Csv => rows::csv(&explanation)?,
        Format::Table => {
            let terminal = printer.terminal().filter(|_| !output.is_file());
            let width = terminal.and_then(|terminal| u16::try_from(terminal.columns).ok());
            rows::table(&explanation, zone, args.limit, width)
        }
    };
    output.write(&text, "explanation", printer)?;
    Ok(Outcome::Done)
}

fn known() -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(["number", "what it is, and its rows"]);
    for metric in Metric::all() {
        table.add_row([metric.to_string().as_str(), metric.meaning()]);
    }
    table.add_row(["event:NAME", "events of a name, by day and application"]);
    format!("{table}\n")
}
