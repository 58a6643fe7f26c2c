//! Title, period and the few figures that matter most.

use growth_domain::money::{Micros, format_micros, format_minor};
use growth_domain::rollforward::RollForward;
use growth_metrics::{CurrencyRevenue, GrowthSnapshot, Periods, Users};

use crate::calendar::Calendar;
use crate::document::{Block, Look};
use crate::figures::{both, count, counted, money_change, shown};
use crate::sections::names::{name, unescaped};
use crate::sections::{goal, is_empty, list, listed};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let header = &snapshot.header;
    let mut blocks: Vec<Block> = vec![format!("# {}", title(snapshot, calendar, name)).into()];
    if !header.livemode {
        blocks.push("> **TEST MODE**: these figures are Stripe's test data. No real money moved.".into());
    }
    blocks.push(scope(snapshot, calendar).into());
    if is_empty(snapshot) && snapshot.freshness.other_accounts > 0 {
        blocks.push(
            "**There is no data of this account.** There is of connected accounts: name one with \
             `growthctl report --account acct_…`."
                .into(),
        );
    } else if is_empty(snapshot) {
        blocks.push(
            "**There is no data yet.** Take in recorded Stripe events or objects with `growthctl replay FILE`, \
             then write this report again. `growthctl report --demo` shows the report of a sample business."
                .into(),
        );
    } else {
        blocks.push(data(snapshot, calendar).into());
        blocks.push(Block::Looks(Look::Summary, list(&summary(snapshot, calendar))));
    }
    blocks
}

/// The title in plain words, which are not Markdown.
pub(super) fn plain_title(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    title(snapshot, calendar, unescaped)
}

fn title(snapshot: &GrowthSnapshot, calendar: &Calendar, named: fn(&str) -> String) -> String {
    let header = &snapshot.header;
    let mode = if header.livemode { "" } else { " (TEST MODE)" };
    let what = match header.product.as_str() {
        "" => "Growth report".to_owned(),
        product => format!("{}: growth report", named(product)),
    };
    format!("{what}, {}{mode}", calendar.dates(&header.window))
}

/// How far the data goes.
fn data(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    let fresh = &snapshot.freshness;
    let until = |at: Option<_>| at.map_or_else(|| "n/a, none yet".to_owned(), |at| calendar.moment(at));
    let waiting = match fresh.pending_events {
        0 => String::new(),
        number => {
            format!(" {} not in the figures yet.", counted(number, "Stripe event is", "Stripe events are"))
        }
    };
    format!(
        "Latest Stripe event: {}. Latest product event: {}.{waiting}",
        until(fresh.last_stripe_event_at),
        until(fresh.last_product_event_at)
    )
}

fn scope(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    let header = &snapshot.header;
    let period = if calendar.has_whole_days(&header.window) {
        calendar.length()
    } else {
        let (start, end) = (calendar.moment(header.window.start), calendar.moment(header.window.end));
        format!("From {start} to {end} ({})", calendar.length())
    };
    let app = header.app.as_deref().map_or_else(String::new, |app| {
        format!(" Events and product figures are of the application {}.", name(app))
    });
    let account = match header.account.as_str() {
        "" => String::new(),
        account => format!(" Stripe account: {}.", name(account)),
    };
    format!(
        "{period}, compared with {} ({}). Times are in {}. MRR follows the `{}` policy.{account}{app}{}",
        calendar.the_before(),
        calendar.dates(&header.previous),
        calendar.zone(),
        header.policy,
        days(snapshot, calendar),
    )
}

/// Which days activity is counted by, where those are not the days of the period.
pub(crate) fn days(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    let header = &snapshot.header;
    if calendar.has_whole_days(&header.window) {
        return String::new();
    }
    let so_far = snapshot.engagement.unfinished.map_or_else(String::new, |unfinished| {
        format!(
            " {} is not over: so far it has {} and {}, which are in no figure yet.",
            Calendar::day(unfinished.day),
            counted(unfinished.active, "active user", "active users"),
            counted(unfinished.events, "product event", "product events"),
        )
    });
    format!(" What users do is counted by whole local days: {}.{so_far}", Calendar::days(header.activity))
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
    items.extend(goal::summary(snapshot));
    if snapshot.users.total.current > 0 || snapshot.users.active.current > 0 {
        items.push(users(&snapshot.users));
    }
    items
}

fn mrr(headline: &CurrencyRevenue, others: &[CurrencyRevenue], calendar: &Calendar) -> String {
    let currency = &headline.currency;
    let net = both(&headline.mrr, |mrr| shown(mrr.net));
    let unpriced = match headline.mrr.current.unpriced_subscriptions {
        0 => String::new(),
        number => {
            let subscriptions = counted(number, "subscription", "subscriptions");
            format!(" Not in it: {subscriptions} whose price is not known.")
        }
    };
    let elsewhere = elsewhere(others, |revenue| {
        let net = revenue.mrr.current.net;
        (net != Micros::ZERO).then(|| format_micros(net, &revenue.currency))
    });
    format!(
        "**MRR is {}**, {} in {}.{}{unpriced}{elsewhere}",
        format_minor(net.current, currency),
        direction(net, currency),
        calendar.length(),
        moved_by(&headline.movements.current, currency),
    )
}

/// ` In other currencies: USD 10.00.`, of those that have any.
fn elsewhere(others: &[CurrencyRevenue], amount: impl Fn(&CurrencyRevenue) -> Option<String>) -> String {
    let amounts: Vec<String> = others.iter().filter_map(amount).collect();
    if amounts.is_empty() { String::new() } else { format!(" In other currencies: {}.", listed(&amounts)) }
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

/// A sentence that tells by which movements MRR went up and down, where it moved.
pub(crate) fn moved_by(moved: &RollForward, currency: &str) -> String {
    let told = |parts: &[(Micros, &str)]| {
        let parts = parts.iter().filter(|(amount, _)| *amount != Micros::ZERO);
        listed(
            &parts
                .map(|(amount, by)| format!("{} {by}", format_micros(*amount, currency)))
                .collect::<Vec<_>>(),
        )
    };
    let gained = told(&[
        (moved.new, "from new customers"),
        (moved.reactivation, "from returning customers"),
        (moved.expansion, "from expansion"),
    ]);
    let lost = told(&[(moved.churn, "to churn"), (moved.contraction, "to contraction")]);
    match (gained.is_empty(), lost.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" It gained {gained}, and lost nothing."),
        (true, false) => format!(" It lost {lost}, and gained nothing."),
        (false, false) => format!(" It gained {gained}; it lost {lost}."),
    }
}

fn customers(headline: &CurrencyRevenue, name_currency: bool) -> String {
    let paying = both(&headline.mrr, |mrr| mrr.paying_customers);
    let cohort = headline.retention.current.cohort;
    let stayed = cohort.customers.saturating_sub(cohort.lost);
    let joined = paying.current.saturating_sub(stayed);
    let who = counted(paying.current, "paying customer", "paying customers");
    let currency =
        if name_currency { format!(" in {}", headline.currency.to_uppercase()) } else { String::new() };
    if joined == 0 && cohort.lost == 0 {
        return format!("**{who}**{currency}, the same as before.");
    }
    let came_back = headline.movements.current.reactivation != Micros::ZERO;
    let joined = format!("{} {}", count(joined), if came_back { "joined or came back" } else { "joined" });
    // Who joined and left again within the window is in neither number.
    let left = match cohort.customers {
        0 => String::new(),
        before => format!(", {} of the {} left", count(cohort.lost), count(before)),
    };
    format!("**{who}**{currency}, {} before: {joined}{left}.", count(paying.previous))
}

fn cash(headline: &CurrencyRevenue, others: &[CurrencyRevenue]) -> String {
    let currency = &headline.currency;
    let gross = both(&headline.cash, |cash| i128::from(cash.payments.amount));
    let now = &headline.cash.current;
    let refunds = match now.refunds.amount {
        0 => String::new(),
        amount => format!("; {} went back in refunds", format_minor(amount.into(), currency)),
    };
    let elsewhere = elsewhere(others, |revenue| {
        let payments = revenue.cash.current.payments;
        (payments.count > 0).then(|| format_minor(payments.amount.into(), &revenue.currency))
    });
    if now.payments.count == 0 {
        let before = format_minor(gross.previous, currency);
        return format!("**No payment came in**, {before} before{refunds}.{elsewhere}");
    }
    format!(
        "**{} came in** from {}, {}{refunds}.{elsewhere}",
        format_minor(gross.current, currency),
        counted(now.payments.count, "payment", "payments"),
        direction(gross, currency),
    )
}

fn users(users: &Users) -> String {
    format!(
        "**{}**, {} before. {} in all; {} active, {} before.",
        counted(users.new.current, "new user", "new users"),
        count(users.new.previous),
        count(users.total.current),
        count(users.active.current),
        count(users.active.previous),
    )
}
