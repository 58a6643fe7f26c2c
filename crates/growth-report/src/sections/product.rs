//! What users do with the product.

use growth_domain::money::with_thousands;
use growth_metrics::{EventCount, ExportCount, GrowthSnapshot, Periods, Product, TopUser, Usage};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{both, cells, count, count_cells, counted, mean, mean_change, parts, rate_cells};
use crate::sections::names::name;
use crate::sections::table::{Side, Table};

/// A usage counter and its name.
type Counter = (&'static str, fn(&Usage) -> i64);

const COUNTERS: [Counter; 8] = [
    ("Items enriched", |usage| usage.enrichments),
    ("Searches", |usage| usage.searches),
    ("Exports", |usage| usage.exports),
    ("Pitches generated", |usage| usage.pitches_generated),
    ("E-mails sent", |usage| usage.emails_sent),
    ("Campaigns created", |usage| usage.campaigns_created),
    ("Contacts added", |usage| usage.contacts_added),
    ("Sessions", |usage| usage.sessions),
];

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let product = &snapshot.product;
    let mut blocks: Vec<Block> = vec!["## Product".into()];
    if !was_used(product) {
        let reason = if snapshot.freshness.last_product_event_at.is_some() {
            "nothing was done in these days or those before them"
        } else {
            "no product event has been recorded yet"
        };
        blocks.push(format!("Enrichments, contacts, exports and usage: n/a, {reason}.").into());
        return blocks;
    }
    blocks.push(features(product, calendar));
    if product.usage != Periods::default() {
        blocks.push("### Usage counters".into());
        blocks.push(usage(&product.usage, calendar));
    }
    if !product.events.is_empty() {
        blocks.push("### Events".into());
        blocks.push(events(&product.events, calendar));
        if product.events.len() >= Product::MOST {
            blocks.push(format!("The {} most frequent ones.", Product::MOST).into());
        }
    }
    if !product.top_users.is_empty() {
        blocks.push("### Most active users".into());
        blocks.push(top_users(&product.top_users));
    }
    blocks
}

fn was_used(product: &Product) -> bool {
    product.usage != Periods::default()
        || !product.top_users.is_empty()
        || product.events.iter().any(|event| event.count != Periods::default())
}

fn features(product: &Product, calendar: &Calendar) -> Block {
    let mut table = Table::comparison("Figure", calendar);
    table.figure("Enrichments started", count_cells(product.enrichments_started));
    table.figure("Enrichments completed", count_cells(product.enrichments_completed));
    table.figure("Enrichments failed", count_cells(product.enrichments_failed));
    let none = "no enrichment was completed or failed";
    table.figure("Enrichment success rate", rate_cells(product.enrichment_success, parts, none));
    table.figure("Contacts found", count_cells(product.contacts));
    let average = product.contacts_per_enrichment;
    let shown =
        both(&average, |ratio| mean(*ratio).unwrap_or_else(|| "n/a: no enrichment was completed".to_owned()));
    table.figure("Contacts per enrichment", cells(shown, mean_change(average)));
    for ExportCount { format, completed } in &product.exports {
        let format = match *format {
            "tracker" => "tracker".to_owned(),
            code => code.to_uppercase(),
        };
        table.figure(&format!("Exports: {format}"), count_cells(*completed));
    }
    table.to_markdown().into()
}

/// The counters that are not all 0.
fn usage(usage: &Periods<Usage>, calendar: &Calendar) -> Block {
    let mut table = Table::comparison("Counter", calendar);
    for (label, of) in COUNTERS {
        let counts = both(usage, |usage| u64::try_from(of(usage)).unwrap_or(0));
        if counts != Periods::default() {
            table.figure(label, count_cells(counts));
        }
    }
    let time = both(usage, |usage| usage.session_duration_ms);
    if time != Periods::default() {
        let shown = both(&time, |milliseconds| hours(milliseconds / 60_000));
        table.figure("Time in sessions", cells(shown, time_change(time)));
    }
    table.to_markdown().into()
}

/// `1,204 hours`, or minutes where there are few.
fn hours(minutes: i64) -> String {
    match minutes.unsigned_abs() {
        minutes @ 0..120 => counted(minutes, "minute", "minutes"),
        minutes => counted(minutes / 60, "hour", "hours"),
    }
}

/// How a length of time changed, in percent.
fn time_change(time: Periods<i64>) -> String {
    let seconds = both(&time, |milliseconds| u64::try_from(milliseconds / 1000).unwrap_or(0));
    let change = crate::figures::count_change(seconds);
    match change.split_once(" (") {
        Some((_, relative)) => relative.trim_end_matches(')').to_owned(),
        None => change,
    }
}

/// How often what was done, and how often it failed.
pub(crate) fn events(events: &[EventCount], calendar: &Calendar) -> Block {
    let mut table = Table::new([
        ("Event", Side::Left),
        (&calendar.these(), Side::Right),
        (&calendar.before(), Side::Right),
        ("Change", Side::Right),
        ("Failed", Side::Right),
        ("Failed before", Side::Right),
    ]);
    for event in events {
        let [now, before, change] = count_cells(event.count);
        table.row([
            name(&event.name),
            now,
            before,
            change,
            count(event.failures.current),
            count(event.failures.previous),
        ]);
    }
    table.to_markdown().into()
}

/// The users with the counters that are not all 0.
pub(crate) fn top_users(users: &[TopUser]) -> Block {
    let counters: Vec<Counter> =
        COUNTERS.into_iter().filter(|(_, of)| users.iter().any(|user| of(&user.usage) != 0)).collect();
    let mut table = Table::new(
        [("User", Side::Left), ("Active on", Side::Right)]
            .into_iter()
            .chain(counters.iter().map(|(label, _)| (*label, Side::Right))),
    );
    for user in users {
        let who = user.user.as_deref().map_or_else(|| "not in the directory".to_owned(), name);
        let days = counted(user.active_days.into(), "day", "days");
        let sums = counters.iter().map(|(_, of)| {
            let sum = of(&user.usage);
            format!("{}{}", if sum < 0 { "-" } else { "" }, with_thousands(sum.unsigned_abs().into()))
        });
        table.row([who, days].into_iter().chain(sums));
    }
    table.to_markdown().into()
}
