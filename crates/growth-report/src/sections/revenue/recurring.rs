//! Recurring revenue: what it is, and what moved it.

use growth_domain::money::{Micros, format_micros};
use growth_domain::movements::Kind;
use growth_domain::rollforward::RollForward;
use growth_metrics::{CurrencyRevenue, MovementReason, Mrr, Periods};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{both, count_cells, counted, known_money_cells, money_cells, shown};
use crate::sections::names::name;
use crate::sections::table::{Side, Table};

pub(super) fn standing(revenue: &CurrencyRevenue, calendar: &Calendar) -> Block {
    let (mrr, currency) = (&revenue.mrr, revenue.currency.as_str());
    let mut table = Table::comparison("Figure", calendar);
    let money = |of: fn(&Mrr) -> Micros| money_cells(both(mrr, |mrr| shown(of(mrr))), currency);
    let number = |of: fn(&Mrr) -> u64| count_cells(both(mrr, of));
    table.figure("MRR (net)", money(|mrr| mrr.net));
    let unpriced = both(mrr, |mrr| mrr.unpriced_subscriptions);
    if unpriced != Periods::default() {
        table.figure("Not in MRR: unpriced subscriptions", count_cells(unpriced));
    }
    table.figure("ARR", money(|mrr| mrr.arr));
    table.figure("List MRR", money(|mrr| mrr.list));
    table.figure("Discounts", money(|mrr| mrr.discount));
    table.figure("Committed MRR", money(|mrr| mrr.committed));
    table.figure("At-risk MRR", money(|mrr| mrr.at_risk));
    table.figure("Active subscriptions", number(|mrr| mrr.active_subscriptions));
    table.figure("Subscriptions in trial", number(|mrr| mrr.trialing_subscriptions));
    table.figure("Paying customers", number(|mrr| mrr.paying_customers));
    let arpu = both(mrr, |mrr| mrr.arpu.map(shown));
    table.figure("ARPU", known_money_cells(arpu, currency, "no paying customers"));
    table.to_markdown().into()
}

pub(super) fn movements(moved: &Periods<RollForward>, currency: &str, calendar: &Calendar) -> Block {
    let mut table = Table::comparison("Movement", calendar);
    let money = |of: fn(&RollForward) -> Micros| money_cells(both(moved, |moved| shown(of(moved))), currency);
    table.figure("Opening MRR", money(|moved| moved.opening));
    table.figure("+ New", money(|moved| moved.new));
    table.figure("+ Reactivation", money(|moved| moved.reactivation));
    table.figure("+ Expansion", money(|moved| moved.expansion));
    table.figure("- Contraction", money(|moved| moved.contraction));
    table.figure("- Churn", money(|moved| moved.churn));
    if both(moved, |moved| moved.fx) != Periods::default() {
        table.figure("+ Exchange rates", money(|moved| moved.fx));
    }
    table.figure("= Closing MRR", money(|moved| moved.closing));
    table.to_markdown().into()
}

/// What moved MRR by its reasons, where any is known.
pub(super) fn reasons(revenue: &CurrencyRevenue, calendar: &Calendar) -> Option<Block> {
    let (now, before) = (&revenue.reasons.current, &revenue.reasons.previous);
    let all = || now.iter().chain(before);
    if all().all(|line| line.reason.is_none()) {
        return None;
    }
    let mut table = Table::new([
        ("Movement", Side::Left),
        ("Reason", Side::Left),
        (&calendar.these(), Side::Right),
        (&calendar.before(), Side::Right),
    ]);
    for kind in Kind::ALL {
        let mut told: Vec<&Option<String>> = Vec::new();
        for line in all().filter(|line| line.kind == kind) {
            if told.contains(&&line.reason) {
                continue;
            }
            told.push(&line.reason);
            let cell = |lines: &[MovementReason]| {
                let line = lines.iter().find(|other| other.kind == kind && other.reason == line.reason);
                amount(line, &revenue.currency)
            };
            let reason = line.reason.as_deref().map_or_else(|| "none given".to_owned(), in_words);
            table.row([word(kind).to_owned(), reason, cell(now), cell(before)]);
        }
    }
    Some(table.to_markdown().into())
}

/// `GBP 20.00, 1 movement`
fn amount(line: Option<&MovementReason>, currency: &str) -> String {
    let Some(line) = line else { return format_micros(Micros::ZERO, currency) };
    let movements = counted(line.count, "movement", "movements");
    format!("{}, {movements}", format_micros(line.amount, currency))
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::New => "New",
        Kind::Reactivation => "Reactivation",
        Kind::Expansion => "Expansion",
        Kind::Contraction => "Contraction",
        Kind::Churn => "Churn",
    }
}

/// `discount_expired` as `discount expired`.
fn in_words(reason: &str) -> String {
    name(&reason.replace('_', " "))
}
