//! A summary as tables.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table, TableComponent};
use growth_backfill::{Amounts, Figure, List, Missing, Sum, Summary, Tally};
use growth_domain::money::{format_minor, with_thousands};

/// The counts, the money, and what it all comes to.
pub(super) fn text(summary: &Summary) -> String {
    let rows: Vec<(List, Tally)> = (List::ALL.into_iter())
        .map(|list| (list, summary.of(list)))
        .filter(|(list, tally)| tally.found > 0 || summary.unattributed.lists.contains_key(list))
        .collect();
    let mut parts = vec![counts(summary, &rows)];
    // An empty line on each side of it.
    parts.extend(money(summary).map(|table| format!("\n{table}\n")));
    parts.extend(unattributed(summary));
    if summary.resumed {
        parts.push(
            "an earlier run is gone on with: what that one had stored is not counted as found".to_owned(),
        );
    }
    parts.push(end(summary).to_owned());
    parts.join("\n")
}

/// What was left out, by the reason: a line for each list.
pub(super) fn missing(summary: &Summary) -> BTreeMap<&str, Vec<String>> {
    let mut by_list: BTreeMap<(&str, List), Vec<&Missing>> = BTreeMap::new();
    for missing in &summary.missing {
        by_list.entry((&missing.reason, missing.list)).or_default().push(missing);
    }
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((reason, list), ranges) in by_list {
        let shown = ranges.iter().map(|range| format!("{} until {}", time(range.from), time(range.until)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        by_reason.entry(reason).or_default().push(format!("{list} from {shown}"));
    }
    by_reason
}

/// A time as people and Stripe's dashboard read it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn counts(summary: &Summary, rows: &[(List, Tally)]) -> String {
    let mut head = vec!["", "found", "new", "updated", "unchanged"];
    let any_ignored = rows.iter().any(|(_, tally)| tally.ignored > 0);
    if any_ignored {
        head.push("not needed");
    }
    head.extend(["unattributed", "unreadable"]);
    let mut table = new_table(&head);
    for (list, tally) in rows {
        let unattributed = summary.unattributed.lists.get(list).copied().unwrap_or_default();
        let mut numbers = vec![tally.found, tally.new, tally.updated, tally.unchanged];
        if any_ignored {
            numbers.push(tally.ignored);
        }
        numbers.extend([unattributed, tally.unreadable]);
        let shown = numbers.into_iter().map(|n| with_thousands(n.into()));
        table.add_row(std::iter::once(list.to_string()).chain(shown));
    }
    table.to_string()
}

/// What the money of this time is in the database before and after; `None` where there is none.
fn money(summary: &Summary) -> Option<String> {
    let Summary { before, after, .. } = summary;
    let mut table = new_table(&["in the database", "before", "after", "change"]);
    for (figure, sums) in &after.0 {
        for (currency, sum) in sums {
            let was = before.get(*figure, currency);
            let change = i128::from(sum.amount) - i128::from(was.amount);
            table.add_row([
                word(*figure).to_owned(),
                sum_text(was, currency),
                sum_text(*sum, currency),
                format_minor(change, currency),
            ]);
        }
    }
    (table.row_count() > 0).then(|| table.to_string())
}

fn word(figure: Figure) -> &'static str {
    match figure {
        Figure::GrossVolume => "gross volume",
        Figure::Refunds => "refunds",
        Figure::Disputes => "disputes",
        Figure::Fees => "fees",
    }
}

fn sum_text(sum: Sum, currency: &str) -> String {
    format!("{} in {}", format_minor(sum.amount.into(), currency), with_thousands(sum.count.into()))
}

/// A table that a terminal of 80 columns has room for.
fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─').set_header(head);
    for (n, column) in table.column_iter_mut().enumerate() {
        if n == 0 {
            column.set_padding((0, 0));
        } else {
            column.set_padding((2, 0)).set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn unattributed(summary: &Summary) -> Option<String> {
    let n = summary.unattributed.payments;
    let (payments, belong) = if n == 1 { ("payment", "belongs") } else { ("payments", "belong") };
    let shown = with_thousands(n.into());
    let of = listed(&summary.unattributed.amounts);
    (n > 0).then(|| format!("{shown} {payments} of this time {belong} to no user that is known: {of}"))
}

fn listed(amounts: &Amounts) -> String {
    let shown = amounts.iter().map(|(currency, amount)| format_minor((*amount).into(), currency));
    shown.collect::<Vec<_>>().join(", ")
}

fn end(summary: &Summary) -> &'static str {
    match (summary.dry_run, summary.is_complete()) {
        (true, _) => "nothing was written: this is what the same command would do without --dry-run",
        (false, true) => "complete: the database has everything that Stripe shows of this time",
        (false, false) => "incomplete: what was found is stored, see the warnings for the rest",
    }
}
