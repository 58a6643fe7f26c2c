//! `growthctl replay`

mod files;
mod stored;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{SubsecRound, Utc};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use growth_db::rows::EventState;
use growth_db::rows::inbox::Filter;
use growth_domain::window::parse_as_of;

use crate::asked::Mode;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Takes in recorded Stripe events (from `/v1/events` or webhooks), plain objects, or pages of lists; or applies
/// events again that are stored already.
///
/// The order does not matter, and taking the same in again changes nothing. What cannot be read is
/// told with its line, and stops nothing else; the exit code is 1 then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl replay events.ndjson charges.json      take files in
  growthctl replay --failed                        try what failed again, after an upgrade
  growthctl replay --since 2026-07-01 --type charge.refunded
                                                   apply those events again")]
pub(crate) struct Args {
    /// JSON or NDJSON files; - reads stdin
    #[arg(value_name = "FILE", required_unless_present_any = STORED, conflicts_with_all = STORED)]
    files: Vec<PathBuf>,
    /// The mode of objects that do not say whether they are live
    #[arg(long, value_enum, default_value_t = Mode::Live, conflicts_with_all = STORED)]
    mode: Mode,
    /// Apply stored events again that could not be applied
    #[arg(long, help_heading = "Stored events")]
    failed: bool,
    /// Apply stored events that wait, as serve-webhook does by itself
    #[arg(long, help_heading = "Stored events")]
    pending: bool,
    /// Apply all stored events again
    #[arg(long, help_heading = "Stored events", conflicts_with_all = ["failed", "pending"])]
    all: bool,
    /// Only those that came since a date or an RFC 3339 time
    #[arg(long, help_heading = "Stored events", value_name = "TIME")]
    since: Option<String>,
    /// Only those of a type such as charge.refunded; may be given more than once
    #[arg(long = "type", help_heading = "Stored events", value_name = "TYPE")]
    types: Vec<String>,
}

/// What chooses among stored events.
const STORED: [&str; 5] = ["failed", "pending", "all", "since", "types"];

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    if !args.files.is_empty() {
        return files::take_in(&args.files, args.mode, settings, printer).await;
    }
    stored::apply_again(filter(args, settings)?, settings, printer).await
}

fn filter(args: Args, settings: &Settings) -> anyhow::Result<Filter> {
    let states = [(args.failed, EventState::Failed), (args.pending, EventState::Pending)];
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    let since = args.since.map(|since| {
        parse_as_of(&since, now, settings.time_zone).map_err(|error| misuse(format!("--since: {error}")))
    });
    Ok(Filter {
        states: states.into_iter().filter_map(|(wanted, state)| wanted.then_some(state)).collect(),
        since: since.transpose()?,
        event_types: args.types,
    })
}

/// What was done, by type, and then what became of it; a count of 0 is told of the first one only.
fn table(by_type: &BTreeMap<String, u64>, counts: impl IntoIterator<Item = (&'static str, u64)>) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(["what", "events and objects"]);
    let shown = |n: u64| indicatif::HumanCount(n).to_string();
    for (kind, n) in by_type {
        table.add_row([kind.clone(), shown(*n)]);
    }
    for (i, (what, n)) in counts.into_iter().enumerate() {
        if n > 0 || i == 0 {
            table.add_row([what.to_owned(), shown(n)]);
        }
    }
    table.to_string()
}
