//! A summary as tables.

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use growth_backfill::{Amounts, Figure, List, Sum, Summary, Tally};
use growth_domain::money::{format_minor, with_thousands};

/// The counts, the money, and what it all comes to.
pub(super) fn text(summary: &Summary) -> String {
    let rows: Vec<(List, Tally)> = (List::ALL.into_iter())
        .map(|list| (list, summary.of(list)))
        .filter(|(list, tally)| tally.found > 0 || summary.unattributed.lists.contains_key(list))
        .collect();
    let mut parts = vec![counts(summary, &rows)];
    parts.extend(money(summary));
    parts.extend(unattributed(summary));
    parts.push(end(summary).to_owned());
    parts.join("\n")
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

fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
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
