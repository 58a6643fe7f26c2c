//! An explanation as a table for people, as CSV for spreadsheets, as JSON for programs.

use std::fmt::Write;

use anyhow::Context;
use chrono_tz::Tz;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use growth_domain::catalogue::suggest;
use growth_domain::money::{Micros, decimal_micros, decimal_minor, format_micros, with_thousands};
use growth_metrics::explain::{Cell, Explanation, Measure, Metric, Part, ProductMetric, Row};

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
        let parts = part(row.part, row.currency.as_deref(), explanation);
        writer.write_record(cells.chain(code).chain(parts))?;
    }
    let bytes =
        writer.into_inner().map_err(|error| anyhow::anyhow!("cannot write the rows as CSV: {error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// Text from outside that a spreadsheet would take for a formula is text, and so is what a terminal would obey.
fn harmless((text, is_told): (String, bool)) -> String {
    let text = on_one_line(&text);
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

/// What the number is, its rows up to a limit, and their sums. Instants are local, and columns without anything in
/// them are left out.
pub(super) fn table(explanation: &Explanation, zone: Tz, limit: usize, width: Option<u16>) -> String {
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
        if let Some(name) = meant(&explanation.metric) {
            let _ = writeln!(text, "Did you mean event:{name}?");
        }
        return text;
    }
    let rows = &explanation.rows[..explanation.rows.len().min(limit)];
    let is_told = |column: usize| rows.iter().any(|row| row.cells[column] != Cell::Unknown);
    let columns: Vec<usize> = (0..explanation.columns.len()).filter(|column| is_told(*column)).collect();
    let currency = has_currency(explanation).then_some("currency");
    let parts = parts_of(explanation);
    let told = columns.iter().map(|column| explanation.columns[*column]);
    let titles = told.chain(currency).chain(parts.iter().copied());
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(titles.map(|title| title.replace('_', " ")));
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for row in rows {
        let code = currency.map(|_| row.currency.clone().unwrap_or_default().to_uppercase());
        let cells = columns.iter().map(|column| match &row.cells[*column] {
            Cell::At(at) => moment(*at).to_string(),
            Cell::Text(text) => on_one_line(text),
            other => plain(other, row).0,
        });
        let parts = part(row.part, row.currency.as_deref(), explanation);
        table.add_row(cells.chain(code).chain(parts));
    }
    let first = columns.len() + usize::from(currency.is_some());
    for column in first..first + parts.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let _ = writeln!(text, "{table}");
    if let Some(more) = explanation.rows.len().checked_sub(limit).filter(|more| *more > 0) {
        let more = with_thousands(more as u128);
        let _ = writeln!(text, "{more} more rows: --limit shows more of them, --format csv has all.");
    }
    for (currency, sum) in explanation.sums() {
        let _ = writeln!(text, "{}", said(sum, currency, explanation));
    }
    if let Some(caveat) = &explanation.caveat {
        let _ = writeln!(text, "{caveat}");
    }
    text
}

/// The known event that a name was probably meant to be.
fn meant(metric: &Metric) -> Option<&'static str> {
    match metric {
        Metric::Product(ProductMetric::Event(name)) => suggest(name),
        _ => None,
    }
}

/// `The rows add up to GBP 445.23333332.`, `The rows add up to 4 of 22 in GBP: 0.1818.`
fn said(sum: Part, currency: Option<&str>, explanation: &Explanation) -> String {
    let code = currency.map(str::to_uppercase).unwrap_or_default();
    let is_money = matches!(explanation.measure, Measure::Minor | Measure::Micros);
    let (before, after) = match currency {
        Some(_) if is_money => (format!("{code} "), String::new()),
        Some(_) => (String::new(), format!(" in {code}")),
        None => (String::new(), String::new()),
    };
    let parts = part(sum, currency, explanation);
    match (parts.as_slice(), sum.denominator) {
        ([above, below], Some(0)) => format!("The rows add up to {before}{above} of {below}{after}: n/a."),
        ([above, below], Some(denominator)) => {
            let value = value(sum.numerator, denominator, explanation, currency);
            format!("The rows add up to {before}{above} of {below}{after}: {value}.")
        }
        (parts, _) => format!("The rows add up to {before}{}{after}.", parts.concat()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a quotient is shown with four decimals, nothing is computed from it"
)]
fn value(numerator: i128, denominator: i128, explanation: &Explanation, currency: Option<&str>) -> String {
    if explanation.measure == Measure::Micros && explanation.below == Measure::Count {
        let each = u64::try_from(denominator).ok().and_then(|count| Micros(numerator).divided_by(count));
        return each
            .map_or_else(|| "n/a".to_owned(), |each| format_micros(each, currency.unwrap_or_default()));
    }
    format!("{:.4}", numerator as f64 / denominator as f64)
}

/// The titles of a row's part in the number.
fn parts_of(explanation: &Explanation) -> Vec<&'static str> {
    match explanation.rows.first().and_then(|row| row.part.denominator) {
        Some(_) => vec!["counts", "of"],
        None => vec!["counts"],
    }
}

/// A part in the number, above and below the line where it has both.
fn part(part: Part, currency: Option<&str>, explanation: &Explanation) -> Vec<String> {
    let currency = currency.unwrap_or_default();
    let shown = |number: i128, measure: Measure| match measure {
        Measure::Count | Measure::Milliseconds => number.to_string(),
        Measure::Minor => decimal_minor(number, currency),
        Measure::Micros => decimal_micros(Micros(number), currency),
    };
    let above = shown(part.numerator, explanation.measure);
    std::iter::once(above).chain(part.denominator.map(|below| shown(below, explanation.below))).collect()
}

fn has_currency(explanation: &Explanation) -> bool {
    explanation.rows.iter().any(|row| row.currency.is_some())
}

/// Text from outside without what could move the cursor or turn the direction of text.
fn on_one_line(text: &str) -> String {
    let is_visible = |c: &char| !matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().filter(is_visible).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
