//! A report as Markdown.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use growth_domain::money::{Micros, format_micros, format_minor, with_thousands};

use super::report::{Difference, Problem, Report};
use super::totals::{Sides, Totals};

pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    let verdict = if report.passed() { "PASS" } else { "FAIL" };
    let _ = writeln!(text, "# Stripe audit: {verdict}\n\n{}\n", summary(report));
    if !report.left_out.is_empty() {
        let rows = report.left_out.iter().map(|missing| {
            [missing.list.to_string(), time(missing.from), time(missing.until), cell(&missing.reason)]
        });
        section(&mut text, "Left out", ["List", "From", "Until", "Why"], &rows.collect::<Vec<_>>());
    }
    if !report.differences.is_empty() {
        let rows: Vec<_> = report.differences.iter().map(difference).collect();
        section(&mut text, "Differences", ["Object", "What", "Here", "At Stripe", "Repair"], &rows);
    }
    if report.more_differences > 0 {
        let more = with_thousands(report.more_differences.into());
        let _ = writeln!(text, "{more} more differ and are not listed.\n");
    }
    if !report.repairs.is_empty() {
        let commands = report.repairs.join("\n");
        let _ = writeln!(text, "To repair what is listed, then audit again:\n\n```sh\n{commands}\n```\n");
    }
    let rows: Vec<_> =
        report.totals.iter().flat_map(|(currency, totals)| figures(currency, totals)).collect();
    section(&mut text, "Totals", ["Figure", "Here", "At Stripe", "Difference"], &rows);
    let rows = report
        .compared
        .iter()
        .map(|(kind, compared)| [format!("{kind}s"), count(compared.objects), count(compared.different)]);
    section(&mut text, "Compared", ["Objects", "Compared", "Different"], &rows.collect::<Vec<_>>());
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn summary(report: &Report) -> String {
    let account = match report.account.as_str() {
        "" => String::new(),
        account => format!(" of account {account}"),
    };
    let mut text = format!(
        "What was created from {} until before {}, and every subscription as it is now: {} data{account}, \
         MRR by policy `{}`. Audited at {}.",
        time(report.from),
        time(report.until),
        report.mode,
        report.policy,
        time(report.audited_at),
    );
    if !report.not_compared.is_empty() {
        let kinds: Vec<String> = report.not_compared.iter().map(|kind| format!("{kind}s")).collect();
        let _ = write!(text, "\n\nNot compared, for what was left out: {}.", kinds.join(", "));
    }
    text
}

fn difference(difference: &Difference) -> [String; 5] {
    let Difference { kind, id, currency, problem, repair, .. } = difference;
    let object = format!("{kind} `{id}`");
    let [what, here, there] = match problem {
        Problem::MissingHere => ["missing here".to_owned(), String::new(), String::new()],
        Problem::UnknownThere => ["unknown at Stripe".to_owned(), String::new(), String::new()],
        Problem::Differs { field, ours, theirs } => {
            [field.replace('_', " "), cell(&ours.to_text(currency)), cell(&theirs.to_text(currency))]
        }
    };
    let repair = if repair.starts_with("growthctl") { format!("`{repair}`") } else { cell(repair) };
    [object, what, here, there, repair]
}

fn figures(currency: &str, totals: &Totals) -> Vec<[String; 4]> {
    let code = currency.to_uppercase();
    let row = |label: &str, sides: Sides, shown: &dyn Fn(i64) -> String| {
        [label.to_owned(), shown(sides.ours), shown(sides.theirs), shown(sides.difference)]
    };
    let minor =
        |label: &str, sides: Sides| row(label, sides, &|amount| format_minor(amount.into(), currency));
    let number = |label: &str, sides: Sides| row(&format!("{code} {label}"), sides, &|n| n.to_string());
    let micros = |amount: i64| format_micros(Micros(amount.into()), currency);
    let mut rows = vec![
        minor("Gross volume", totals.gross_volume),
        minor("Refunds", totals.refunds),
        minor("Disputes", totals.disputes),
        minor("Fees", totals.fees),
        number("fees not known", totals.fees_not_known),
        number("active subscriptions", totals.active_subscriptions),
        row("MRR", totals.mrr_micros, &micros),
    ];
    if totals.mrr_not_compared > 0 {
        let left_out = count(totals.mrr_not_compared);
        let label = format!("{code} subscriptions left out of MRR");
        rows.push([label, left_out.clone(), left_out, String::new()]);
    }
    rows
}

/// Adds a table whose columns are as wide as their widest cell; one without rows is left out.
fn section<const N: usize>(text: &mut String, title: &str, head: [&str; N], rows: &[[String; N]]) {
    if rows.is_empty() {
        return;
    }
    let head = head.map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(3)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let rule = widths.map(|width| "-".repeat(width));
    let _ = writeln!(text, "## {title}\n");
    for row in [&head, &rule].into_iter().chain(rows) {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    }
    text.push('\n');
}

fn count(number: u64) -> String {
    with_thousands(number.into())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What somebody else wrote, so that it stays in its cell.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}
