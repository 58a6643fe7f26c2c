//! The latest payments, and refunds whose payment is not known.

use growth_domain::money::format_minor;
use growth_metrics::{GrowthSnapshot, PaymentLine, RefundLine};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::sections::names::name;
use crate::sections::table::{Side, Table};
use crate::sections::{LINES, not_shown};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let mut blocks = vec![Block::from("## Latest payments")];
    let start = snapshot.header.window.start;
    let of_period: Vec<&PaymentLine> =
        snapshot.payments.iter().filter(|payment| payment.at >= start).collect();
    if of_period.is_empty() {
        blocks.push("No payment in this period.".into());
    } else {
        blocks.push(payments(&of_period, calendar).into());
        blocks.extend(not_shown(of_period.len(), is_cut(of_period.len())).map(Block::from));
    }
    let is_orphan = |refund: &&RefundLine| refund.counted && refund.payment.is_none() && refund.at >= start;
    let orphans: Vec<&RefundLine> = snapshot.refunds.iter().filter(is_orphan).collect();
    if !orphans.is_empty() {
        blocks.push("### Refunds without a known payment".into());
        blocks.push(refunds(&orphans, calendar).into());
        blocks.extend(not_shown(orphans.len(), is_cut(snapshot.refunds.len())).map(Block::from));
    }
    blocks
}

fn payments(lines: &[&PaymentLine], calendar: &Calendar) -> String {
    let mut table = Table::new([
        ("Date", Side::Left),
        ("Amount", Side::Right),
        ("Status", Side::Left),
        ("Plan", Side::Left),
        ("User", Side::Left),
        ("Refunded", Side::Right),
    ]);
    for line in lines.iter().take(LINES) {
        table.row([
            calendar.stamp(line.at),
            format_minor(line.amount.into(), &line.currency),
            status(line, name),
            plan(line, name),
            user(line, name),
            refunded(line),
        ]);
    }
    table.to_markdown()
}

pub(crate) fn status(line: &PaymentLine, name: fn(&str) -> String) -> String {
    match &line.failure_code {
        Some(code) if line.status == "failed" => format!("failed ({})", name(code)),
        _ => name(&line.status),
    }
}

pub(crate) fn plan(line: &PaymentLine, name: fn(&str) -> String) -> String {
    match (&line.plan_name, &line.billing_period) {
        (Some(plan), Some(period)) => format!("{}, every {}", name(plan), name(period)),
        (Some(plan), None) => name(plan),
        (None, Some(period)) => format!("not known, every {}", name(period)),
        (None, None) => "not known".to_owned(),
    }
}

pub(crate) fn user(line: &PaymentLine, name: fn(&str) -> String) -> String {
    line.user.as_deref().map_or_else(|| "unattributed".to_owned(), name)
}

pub(crate) fn refunded(line: &PaymentLine) -> String {
    match line.refund_amount {
        0 => "no".to_owned(),
        amount if amount == line.amount => "in full".to_owned(),
        amount => format_minor(amount.into(), &line.currency),
    }
}

fn refunds(lines: &[&RefundLine], calendar: &Calendar) -> String {
    let mut table = Table::new([
        ("Date", Side::Left),
        ("Amount", Side::Right),
        ("Refund", Side::Left),
        ("Charge", Side::Left),
        ("Reason", Side::Left),
    ]);
    let known = |text: &Option<String>| text.as_deref().map_or_else(|| "not known".to_owned(), name);
    for line in lines.iter().take(LINES) {
        table.row([
            calendar.stamp(line.at),
            format_minor(line.amount.into(), &line.currency),
            name(&line.id),
            known(&line.charge),
            known(&line.reason),
        ]);
    }
    table.to_markdown()
}

/// Whether a list of the snapshot may have left lines out.
fn is_cut(lines: usize) -> bool {
    i64::try_from(lines).is_ok_and(|lines| lines >= PaymentLine::MOST)
}
