//! An explanation as a table for people, as CSV for spreadsheets, as JSON for programs.

use anyhow::Context;
use chrono_tz::Tz;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use growth_domain::money::{Micros, decimal_micros, decimal_minor, with_thousands};
use growth_metrics::explain::{Cell, Explanation, Measure, Part, Row};

/// Indented JSON: money in minor or micro-minor units, as whole numbers.
pub(super) fn json(explanation: &Explanation) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(explanation).context("cannot write the rows as JSON")?;
    text.push('\n');
    Ok(text)
}

/// A table with a header: money as exact decimals of the major unit, instants in UTC.
pub(super) fn csv(explanation: &Explanation) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let currency = has_currency(explanation).then_some("currency");
    let header = explanation.columns.iter().copied().chain(currency).chain(parts_of(explanation));
    writer.write_record(header)?;
    for row in &explanation.rows {
        let code = currency.map(|_| row.currency.clone().unwrap_or_default().to_uppercase());
        let cells = row.cells.iter().map(|cell| harmless(plain(cell, row)));
        let parts = part(row.part, row.currency.as_deref(), explanation.measure);
        writer.write_record(cells.chain(code).chain(parts))?;
    }
    let bytes =
        writer.into_inner().map_err(|error| anyhow::anyhow!("cannot write the rows as CSV: {error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// Text from outside that a spreadsheet would take for a formula is text.
fn harmless((text, is_told): (String, bool)) -> String {
    let is_formula = is_told && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text }
}

/// A cell for a program, and whether its text comes from outside.
fn plain(cell: &Cell, row: &Row) -> (String, bool) {
    let currency = row.currency.as_deref().unwrap_or_default();
    let text = match cell {
        Cell::Unknown => String::new(),
        Cell::Text(text) => return (text.clone(), true),
        Cell::At(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Cell::Day(day) => day.to_string(),
        Cell::Count(number) => number.to_string(),
        Cell::Minor(amount) => decimal_minor((*amount).into(), currency),
        Cell::Micros(amount) => decimal_micros(Micros(*amount), currency),
    };
    (text, false)
}

/// What the number is, its rows up to a limit, and their sums. Instants are local.
pub(super) fn table(explanation: &Explanation, zone: Tz, limit: usize) -> String {
    let header = &explanation.header;
    let moment = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
    let mut text = format!(
        "{}: {}\nfrom {} to {}, {}\n",
        explanation.metric,
        explanation.metric.meaning(),
        moment(header.window.start),
        moment(header.window.end),
        header.time_zone,
    );
    if explanation.rows.is_empty() {
        text.push_str("There are no rows, so the number is 0, or n/a where it is a ratio.\n");
        return text;
    }
    let mut table = Table::new();
    let currency = has_currency(explanation).then_some("currency");
    let parts = parts_of(explanation);
    let titles = explanation.columns.iter().copied().chain(currency).chain(parts.iter().copied());
    table.load_preset(UTF8_FULL_CONDENSED).set_header(titles.map(|title| title.replace('_', " ")));
    for row in explanation.rows.iter().take(limit) {
        let code = currency.map(|_| row.currency.clone().unwrap_or_default().to_uppercase());
        let cells = row.cells.iter().map(|cell| match cell {
            Cell::At(at) => moment(*at).to_string(),
            Cell::Text(text) => on_one_line(text),
            other => plain(other, row).0,
        });
        let parts = part(row.part, row.currency.as_deref(), explanation.measure);
        table.add_row(cells.chain(code).chain(parts));
    }
    let first = explanation.columns.len() + usize::from(currency.is_some());
    for column in first..first + parts.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    text.push_str(&format!("{table}\n"));
    if let Some(more) = explanation.rows.len().checked_sub(limit).filter(|more| *more > 0) {
        let more = with_thousands(more as u128);
        text.push_str(&format!("{more} more rows: --limit shows more of them, --format csv has all.\n"));
    }
    for (currency, sum) in explanation.sums() {
        text.push_str(&format!("{}\n", said(sum, currency, explanation.measure)));
    }
    text
}

/// `The rows add up to GBP 445.23333332.`
fn said(sum: Part, currency: Option<&str>, measure: Measure) -> String {
    let code = currency.map(|code| format!("{} ", code.to_uppercase())).unwrap_or_default();
    let parts = part(sum, currency, measure);
    match (parts.as_slice(), sum.denominator) {
        ([above, below], Some(0)) => format!("The rows add up to {code}{above} over {below}: n/a."),
        ([above, below], Some(denominator)) => {
            let value = value(sum.numerator, denominator);
            format!("The rows add up to {code}{above} over {below}: {value}.")
        }
        (parts, _) => format!("The rows add up to {code}{}.", parts.concat()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a quotient is shown with four decimals, nothing is computed from it"
)]
fn value(numerator: i128, denominator: i128) -> String {
    format!("{:.4}", numerator as f64 / denominator as f64)
}

/// The titles of a row's part in the number.
fn parts_of(explanation: &Explanation) -> Vec<&'static str> {
    match explanation.rows.first().and_then(|row| row.part.denominator) {
        Some(_) => vec!["above", "below"],
        None => vec!["part"],
    }
}

/// A part in the number, above and below the line where it has both.
fn part(part: Part, currency: Option<&str>, measure: Measure) -> Vec<String> {
    let currency = currency.unwrap_or_default();
    let shown = |number: i128| match measure {
        Measure::Count | Measure::Milliseconds => number.to_string(),
        Measure::Minor => decimal_minor(number, currency),
        Measure::Micros => decimal_micros(Micros(number), currency),
    };
    std::iter::once(part.numerator).chain(part.denominator).map(shown).collect()
}

fn has_currency(explanation: &Explanation) -> bool {
    explanation.rows.iter().any(|row| row.currency.is_some())
}

/// Text from outside without what could move the cursor.
fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
