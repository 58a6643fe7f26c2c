//! Title, period and the few figures that matter most.

use growth_domain::money::{Micros, format_micros, format_minor};
use growth_domain::rollforward::{Ratio, RollForward};
use growth_metrics::{CurrencyRevenue, GoalProgress, GrowthSnapshot, Periods};

use crate::calendar::Calendar;
use crate::figures::{both, count, counted, money_change, percent, shown};
use crate::markdown::names::name;
use crate::markdown::{is_empty, list};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let header = &snapshot.header;
    let mode = if header.livemode { "" } else { " (TEST MODE)" };
    let title = format!("# {}: growth report, {}{mode}", name(&header.product), calendar.dates(&header.window));
    let mut blocks = vec![title];
    if !header.livemode {
        blocks.push("> **TEST MODE**: these figures are Stripe's test data. No real money moved.".to_owned());
    }
    blocks.push(scope(snapshot, calendar));
    if is_empty(snapshot) {
        blocks.push(
            "**There is no data yet.** Take in recorded Stripe events or objects with `growthctl replay FILE`, \
             then write this report again. `growthctl report --demo` shows the report of a sample business."
                .to_owned(),
        );
    } else {
        blocks.push(list(&summary(snapshot, calendar)));
    }
    blocks
}

fn scope(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    let header = &snapshot.header;
    let mut text = if calendar.has_whole_days(&header.window) {
        calendar.length()
    } else {
        let (start, end) = (calendar.moment(header.window.start), calendar.moment(header.window.end));
        format!("From {start} to {end} ({})", calendar.length())
    };
    text += &format!(
        ", compared with the {} ({}). Times are in {}. MRR follows the `{}` policy.",
        calendar.before().to_lowercase(),
        calendar.dates(&header.previous),
        calendar.zone(),
        header.policy,
    );
    if !header.account.is_empty() {
        text += &format!(" Stripe account: {}.", name(&header.account));
    }
    text
}

fn summary(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let mut items = Vec::new();
    if let Some((headline, others)) = snapshot.revenue.split_first() {
        items.push(mrr(headline, others, calendar));
        items.push(customers(headline, !others.is_empty()));
        items.push(cash(headline, others));
    } else {
        items.push("**No revenue yet**: nothing recorded tells of a subscription or a payment.".to_owned());
    }
    if let Some(goal) = &snapshot.goal {
        items.push(format!("**Goal**: {}.", reached(goal)));
    }
    items.push(users(snapshot));
    items
}

fn mrr(headline: &CurrencyRevenue, others: &[CurrencyRevenue], calendar: &Calendar) -> String {
    let currency = &headline.currency;
    let net = both(&headline.mrr, |mrr| shown(mrr.net));
    let mut text = format!("**MRR is {}**", format_minor(net.current, currency));
    match headline.mrr.current.unpriced_subscriptions {
        0 => {}
        1 => text += ", without 1 subscription whose price is not known",
        unpriced => text += &format!(", without {} subscriptions whose price is not known", count(unpriced)),
    }
    text += &format!(", {} in {}", direction(net, currency), calendar.length());
    let moved = &headline.movements.current;
    text += &moved_by(moved, currency);
    let others: Vec<String> = others
        .iter()
        .filter(|revenue| revenue.mrr.current.net != Micros::ZERO)
        .map(|revenue| format_micros(revenue.mrr.current.net, &revenue.currency))
        .collect();
    if !others.is_empty() {
        text += &format!(" Apart from it: {} of MRR.", listed(&others));
    }
    text
}

/// `up GBP 35.00 (+12.3 %)`
fn direction(amounts: Periods<i128>, currency: &str) -> String {
    let change = money_change(amounts, currency);
    match amounts.current.cmp(&amounts.previous) {
        std::cmp::Ordering::Less => format!("down {}", change.replacen('-', "", 1)),
        std::cmp::Ordering::Equal => change,
        std::cmp::Ordering::Greater => format!("up {}", change.replacen('+', "", 1)),
    }
}

/// The end of a sentence: by which movements MRR went up and down.
fn moved_by(moved: &RollForward, currency: &str) -> String {
    let told = |parts: &[(Micros, &str)]| {
        let parts = parts.iter().filter(|(amount, _)| *amount != Micros::ZERO);
        listed(&parts.map(|(amount, who)| format!("{} {who}", format_micros(*amount, currency))).collect::<Vec<_>>())
    };
    let gained = told(&[
        (moved.new, "from new customers"),
        (moved.reactivation, "from customers who came back"),
        (moved.expansion, "from customers who pay more"),
    ]);
    let lost = told(&[(moved.churn, "with customers who left"), (moved.contraction, "with customers who pay less")]);
    match (gained.is_empty(), lost.is_empty()) {
        (true, true) => ".".to_owned(),
        (false, true) => format!(": {gained} came in, nothing was lost."),
        (true, false) => format!(": nothing came in, {lost} went."),
        (false, false) => format!(": {gained} came in; {lost} went."),
    }
}

fn customers(headline: &CurrencyRevenue, name_currency: bool) -> String {
    let paying = both(&headline.mrr, |mrr| mrr.paying_customers);
    let cohort = headline.retention.current.cohort;
    let joined = paying.current.saturating_sub(cohort.customers.saturating_sub(cohort.lost));
    let came_back = headline.movements.current.reactivation != Micros::ZERO;
    let who = counted(paying.current, "paying customer", "paying customers");
    let currency = if name_currency { format!(" in {}", headline.currency.to_uppercase()) } else { String::new() };
    format!(
        "**{who}**{currency}, {} before: {} {}, {} left.",
        count(paying.previous),
        count(joined),
        if came_back { "joined or came back" } else { "joined" },
        count(cohort.lost),
    )
}

fn cash(headline: &CurrencyRevenue, others: &[CurrencyRevenue]) -> String {
    let currency = &headline.currency;
    let gross = both(&headline.cash, |cash| i128::from(cash.payments.amount));
    let now = &headline.cash.current;
    let mut text = format!(
        "**{} came in** from {}, {}",
        format_minor(gross.current, currency),
        counted(now.payments.count, "payment", "payments"),
        direction(gross, currency),
    );
    if now.refunds.amount != 0 {
        text += &format!("; {} went back in refunds", format_minor(now.refunds.amount.into(), currency));
    }
    text.push('.');
    let others: Vec<String> = others
        .iter()
        .filter(|revenue| revenue.cash.current.payments.count > 0)
        .map(|revenue| format_minor(revenue.cash.current.payments.amount.into(), &revenue.currency))
        .collect();
    if !others.is_empty() {
        text += &format!(" Apart from it: {}.", listed(&others));
    }
    text
}

fn users(snapshot: &GrowthSnapshot) -> String {
    let new = snapshot.users.new;
    format!(
        "**{}**, {} before; {} in all.",
        counted(new.current, "new user", "new users"),
        count(new.previous),
        count(snapshot.users.total.current),
    )
}

/// `64.0 % of GBP 500.00, GBP 180.00 to go`
pub(super) fn reached(goal: &GoalProgress) -> String {
    let amount = format_minor(goal.amount.into(), &goal.currency);
    let Some(progress) = percent(goal.progress) else {
        return format!("n/a of {amount}: the goal is 0");
    };
    match goal.gap {
        Some(gap) => format!("{progress} of {amount}, {} to go", format_micros(gap, &goal.currency)),
        None => format!("{progress} of {amount}, reached"),
    }
}

/// How far the goal was reached a period before, where its currency has any revenue.
pub(super) fn reached_before(goal: &GoalProgress, revenue: &CurrencyRevenue) -> Option<String> {
    let numerator = revenue.mrr.previous.net.0;
    percent(Ratio { numerator, denominator: goal.progress.denominator })
}

/// `a`, `a and b`, `a, b and c`
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
