//! Revenue, one currency after the other.

use growth_domain::money::{Micros, format_micros, format_minor};
use growth_domain::rollforward::{Ratio, RollForward};
use growth_metrics::{Cash, CurrencyRevenue, GrowthSnapshot, Money, Mrr, Periods, Retention};

use crate::calendar::Calendar;
use crate::figures::{
    both, count, count_change, counted, known_money_change, money_change, parts, percent, percent_change,
    shown, times, times_change,
};
use crate::markdown::goal;
use crate::markdown::table::Table;

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let mut blocks = vec!["## Revenue".to_owned()];
    if snapshot.revenue.is_empty() {
        let reason = if snapshot.freshness.last_stripe_event_at.is_some() {
            "none of the recorded Stripe events tells of a subscription or a payment"
        } else {
            "no Stripe event has been recorded yet"
        };
        blocks.push(format!("MRR, movements, rates and payments: n/a, {reason}."));
    }
    blocks.extend(goal::line(snapshot, calendar));
    if snapshot.revenue.len() > 1 {
        let names: Vec<String> =
            snapshot.revenue.iter().map(|revenue| revenue.currency.to_uppercase()).collect();
        blocks.push(format!(
            "Each currency stands apart, nothing is converted or added up: {}.",
            names.join(", ")
        ));
    }
    for revenue in &snapshot.revenue {
        blocks.extend(recurring(revenue, calendar));
        blocks.extend(cash(revenue, calendar));
    }
    blocks
}

fn recurring(revenue: &CurrencyRevenue, calendar: &Calendar) -> Vec<String> {
    let code = revenue.currency.to_uppercase();
    if revenue.mrr == Periods::default() && revenue.movements == Periods::default() {
        return vec![
            format!("### {code}: recurring revenue"),
            format!("There is no subscription in {code}."),
        ];
    }
    vec![
        format!("### {code}: recurring revenue"),
        "As it stands at the end of each period.".to_owned(),
        standing(revenue, calendar),
        format!("### {code}: what moved MRR"),
        movements(revenue, calendar),
        format!("### {code}: rates"),
        rates(revenue, calendar),
    ]
}

fn standing(revenue: &CurrencyRevenue, calendar: &Calendar) -> String {
    let (mrr, currency) = (&revenue.mrr, revenue.currency.as_str());
    let mut table = Table::comparison("Figure", calendar);
    let money = |of: fn(&Mrr) -> Micros| money_cells(both(mrr, |mrr| shown(of(mrr))), currency);
    let number = |of: fn(&Mrr) -> u64| count_cells(both(mrr, of));
    table.figure("MRR (net)", money(|mrr| mrr.net));
    let unpriced = both(mrr, |mrr| mrr.unpriced_subscriptions);
    if unpriced != Periods::default() {
        table.figure("Not in MRR: unpriced subscriptions", count_cells(unpriced));
    }
    table.figure("List MRR", money(|mrr| mrr.list));
    table.figure("Discounts", money(|mrr| mrr.discount));
    table.figure("Committed MRR", money(|mrr| mrr.committed));
    table.figure("At-risk MRR", money(|mrr| mrr.at_risk));
    table.figure("ARR", money(|mrr| mrr.arr));
    table.figure("Active subscriptions", number(|mrr| mrr.active_subscriptions));
    table.figure("Subscriptions in trial", number(|mrr| mrr.trialing_subscriptions));
    table.figure("Paying customers", number(|mrr| mrr.paying_customers));
    let arpu = both(mrr, |mrr| mrr.arpu.map(shown));
    table.figure("ARPU", known_money_cells(arpu, currency, "no paying customers"));
    table.to_markdown()
}

fn movements(revenue: &CurrencyRevenue, calendar: &Calendar) -> String {
    let (moved, currency) = (&revenue.movements, revenue.currency.as_str());
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
    table.to_markdown()
}

fn rates(revenue: &CurrencyRevenue, calendar: &Calendar) -> String {
    let currency = revenue.currency.as_str();
    let mut table = Table::comparison("Rate", calendar);
    let mut rate =
        |label: &str, of: fn(&Retention) -> Ratio, made_of: &dyn Fn(Ratio) -> String, undefined: &str| {
            let ratios = both(&revenue.retention, of);
            let shown = both(&ratios, |ratio| match percent(*ratio) {
                Some(percent) => format!("{percent} ({})", made_of(*ratio)),
                None => format!("n/a: {undefined}"),
            });
            table.figure(label, cells(shown, percent_change(ratios)));
        };
    let money = |micros: i128| format_micros(Micros(micros), currency);
    let of_money = |ratio: Ratio| format!("{} of {}", money(ratio.numerator), money(ratio.denominator));
    let nobody = "nobody paid at the start";
    rate("Customer churn", |kept| kept.customer_churn, &parts, nobody);
    rate("Net revenue retention", |kept| kept.net_revenue_retention, &of_money, nobody);
    rate("Gross revenue retention", |kept| kept.gross_revenue_retention, &of_money, nobody);
    rate("Gross MRR churn", |kept| kept.gross_mrr_churn, &of_money, "no MRR at the start");
    let quick = both(&revenue.retention, |kept| kept.quick_ratio);
    let shown = both(&quick, |ratio| match times(*ratio) {
        Some(times) => format!("{times} ({} to {})", money(ratio.numerator), money(ratio.denominator)),
        None => "n/a: no MRR was lost".to_owned(),
    });
    table.figure("Quick ratio", cells(shown, times_change(quick)));
    table.to_markdown()
}

fn cash(revenue: &CurrencyRevenue, calendar: &Calendar) -> Vec<String> {
    let (moved, currency) = (&revenue.cash, revenue.currency.as_str());
    let code = currency.to_uppercase();
    let heading = format!("### {code}: money in and out");
    if [moved.current, moved.previous, revenue.all_time].iter().all(is_still) {
        return vec![heading, format!("There is no payment in {code} yet.")];
    }
    let mut table = Table::comparison("Figure", calendar);
    let sums =
        |of: fn(&Cash) -> Money, one: &str, many: &str| sum_cells(both(moved, of), currency, one, many);
    table.figure("New revenue (gross volume)", sums(|cash| cash.payments, "payment", "payments"));
    table.figure("Refunds", sums(|cash| cash.refunds, "refund", "refunds"));
    table.figure("Disputes", sums(|cash| cash.disputes, "dispute", "disputes"));
    table.figure("Net before fees", money_cells(both(moved, |cash| cash.net_before_fees.into()), currency));
    table.figure("Fees", fees(moved, currency));
    table.figure("Net volume", net_volume(moved, currency));
    table.figure("Total revenue, all time (gross)", all_time(revenue));
    table.figure("Failed payments", sums(|cash| cash.failed_payments, "payment", "payments"));
    table.figure("Unattributed payments", sums(|cash| cash.unattributed, "payment", "payments"));
    if both(moved, |cash| cash.by_invoice_only) != Periods::default() {
        table.figure("Known only by their invoice", sums(|cash| cash.by_invoice_only, "payment", "payments"));
    }
    if both(moved, |cash| cash.refunds_without_payment) != Periods::default() {
        let orphans = sums(|cash| cash.refunds_without_payment, "refund", "refunds");
        table.figure("Refunds without a known payment", orphans);
    }
    vec![heading, table.to_markdown()]
}

/// Whether no money moved: a net volume of 0 is no movement.
fn is_still(cash: &Cash) -> bool {
    Cash { net: None, ..*cash } == Cash::default()
}

fn fees(moved: &Periods<Cash>, currency: &str) -> [String; 3] {
    let known = both(moved, |cash| {
        (cash.fees_unknown + cash.dispute_fees_unknown == 0).then(|| i128::from(cash.known_fees))
    });
    let shown = both(moved, |cash| match cash.fees_unknown + cash.dispute_fees_unknown {
        0 => format_minor(cash.known_fees.into(), currency),
        _ => fees_not_known(cash),
    });
    cells(shown, known_money_change(known, currency))
}

/// `not known for 3 of 12 payments and for 1 dispute`
fn fees_not_known(cash: &Cash) -> String {
    let all = counted(cash.payments.count, "payment", "payments");
    let of_payments = format!("{} of {all}", count(cash.fees_unknown));
    let of_disputes = counted(cash.dispute_fees_unknown, "dispute", "disputes");
    match (cash.fees_unknown, cash.dispute_fees_unknown) {
        (_, 0) => format!("not known for {of_payments}"),
        (0, _) => format!("not known for {of_disputes}"),
        _ => format!("not known for {of_payments} and for {of_disputes}"),
    }
}

fn net_volume(moved: &Periods<Cash>, currency: &str) -> [String; 3] {
    let net = both(moved, |cash| cash.net.map(i128::from));
    let shown = both(moved, |cash| match cash.net {
        Some(net) => format_minor(net.into(), currency),
        None => format!("n/a: fees {}", fees_not_known(cash)),
    });
    cells(shown, known_money_change(net, currency))
}

/// What was paid until the end of the period and, less the period's own payments, until its start.
fn all_time(revenue: &CurrencyRevenue) -> [String; 3] {
    let (ever, period) = (revenue.all_time.payments, revenue.cash.current.payments);
    let before =
        Money { count: ever.count.saturating_sub(period.count), amount: ever.amount - period.amount };
    sum_cells(Periods { current: ever, previous: before }, &revenue.currency, "payment", "payments")
}

fn cells(shown: Periods<String>, change: String) -> [String; 3] {
    [shown.current, shown.previous, change]
}

fn count_cells(counts: Periods<u64>) -> [String; 3] {
    cells(both(&counts, |number| count(*number)), count_change(counts))
}

fn money_cells(amounts: Periods<i128>, currency: &str) -> [String; 3] {
    cells(both(&amounts, |amount| format_minor(*amount, currency)), money_change(amounts, currency))
}

fn known_money_cells(amounts: Periods<Option<i128>>, currency: &str, unknown: &str) -> [String; 3] {
    let shown = both(&amounts, |amount| match amount {
        Some(amount) => format_minor(*amount, currency),
        None => format!("n/a: {unknown}"),
    });
    cells(shown, known_money_change(amounts, currency))
}

fn sum_cells(sums: Periods<Money>, currency: &str, one: &str, many: &str) -> [String; 3] {
    let shown = both(&sums, |sum| {
        let amount = format_minor(sum.amount.into(), currency);
        if *sum == Money::default() { amount } else { format!("{amount}, {}", counted(sum.count, one, many)) }
    });
    cells(shown, money_change(both(&sums, |sum| sum.amount.into()), currency))
}
