//! Snapshots to be shown, and a folder with their pages for whoever wants to look at them.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_demo::business::{Business, PRODUCT};
use growth_domain::money::Micros;
use growth_ingest::{Intake, Source, ingest, link_waiting_users};
use growth_metrics::{Goal, GrowthSnapshot, Request};
use growth_track::{Counting, Settings, count_usage, record, upsert_users};

use crate::asked::{Asked, PERIODS};
use crate::{business, pages};

const ZONE: Tz = Tz::Europe__London;
/// How many documents are taken in at once.
const BATCH: usize = 1000;

/// The sample business over each period, as the figures in the documentation are, and within a day.
pub(super) async fn sample_business() -> Vec<(String, GrowthSnapshot)> {
    let end: DateTime<Utc> = "2026-11-23T00:00:00Z".parse().unwrap();
    let database = growth_testkit::sqlite().await;
    fill(&database, &Business::sample(1, end), end).await;
    let mut snapshots = Vec::new();
    let periods = PERIODS.map(|days| (format!("sample-{days}"), days, end));
    let within_a_day = ("sample-now".to_owned(), 30, end - TimeDelta::minutes(597));
    for (name, days, end) in periods.into_iter().chain([within_a_day]) {
        let request = Request {
            product: PRODUCT.to_owned(),
            goal: Some(Goal { currency: "gbp".to_owned(), amount: 50_000 }),
            ..Request::of(end, days, ZONE).unwrap()
        };
        snapshots.push((name, growth_metrics::snapshot(&database, &request).await.unwrap()));
    }
    snapshots
}

async fn fill(db: &Db, business: &Business, end: DateTime<Utc>) {
    upsert_users(db, &business.users).await.unwrap();
    let intake = Intake { source: Source::Webhook, received_at: end, livemode: true, account: String::new() };
    for events in business.stripe_events.chunks(BATCH) {
        let documents = events.iter().map(|event| (event.to_string(), event.clone())).collect();
        ingest(db, intake.clone(), documents).await.unwrap();
    }
    let counting = Counting { time_zone: Some(ZONE), activation_event: None };
    let settings = Settings { counting, ..Settings::new(end) };
    for events in business.events.chunks(BATCH) {
        record(db, events, &settings).await.unwrap();
    }
    for usage in business.usage.chunks(BATCH) {
        count_usage(db, usage, end).await.unwrap();
    }
    while link_waiting_users(db).await.unwrap() > 0 {}
}

/// Large sums, three currencies, long names and empty ones, no goal.
pub(super) fn hostile_sizes() -> GrowthSnapshot {
    const LONG: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    let mut snapshot = business::two_currencies();
    let mut yen = snapshot.revenue[0].clone();
    "jpy".clone_into(&mut yen.currency);
    snapshot.revenue.push(yen);
    let pounds = &mut snapshot.revenue[0];
    let large = |micros: &mut Micros| micros.0 *= 3_858_025;
    for mrr in [&mut pounds.mrr.current, &mut pounds.mrr.previous] {
        large(&mut mrr.net);
        large(&mut mrr.arr);
        mrr.arpu.as_mut().map(large).unwrap();
    }
    pounds.cash.current.payments.amount *= 3_071_123;
    pounds.days.iter_mut().for_each(|day| large(&mut day.mrr));
    for (index, user) in snapshot.product.top_users.iter_mut().enumerate() {
        user.user = Some(if index == 0 { String::new() } else { LONG.to_owned() });
    }
    for payment in &mut snapshot.payments {
        payment.user = Some(LONG.to_owned());
        payment.amount *= 5_012_345;
        payment.plan_name = Some("Professional team plan with every add-on (yearly, early bird)".to_owned());
    }
    snapshot.payments[0].plan_name = Some(String::new());
    snapshot.goal = None;
    "The very long name of a product that somebody has thought of".clone_into(&mut snapshot.header.product);
    snapshot
}

/// Users, and no word of Stripe's.
pub(super) fn without_revenue() -> GrowthSnapshot {
    let mut snapshot = business::two_currencies();
    (snapshot.headline, snapshot.goal) = (None, None);
    snapshot.revenue.clear();
    snapshot.payments.clear();
    snapshot.freshness.last_stripe_event_at = None;
    snapshot.freshness.last_webhook_received_at = None;
    snapshot
}

/// Revenue, one payment, and no user.
pub(super) fn without_users() -> GrowthSnapshot {
    let nothing = business::nothing();
    let mut snapshot = business::two_currencies();
    snapshot.users = nothing.users;
    (snapshot.engagement, snapshot.product, snapshot.funnel) =
        (nothing.engagement, nothing.product, nothing.funnel);
    snapshot.payments.truncate(1);
    snapshot.insights.clear();
    snapshot.freshness.last_product_event_at = None;
    snapshot
}

/// Every kind of page, by a name.
pub(super) fn all() -> Vec<(String, String)> {
    let asked = Asked::default();
    let figures = [
        ("two-currencies", business::two_currencies()),
        ("doubtful", business::doubtful_test_data()),
        ("empty", business::nothing()),
        ("hostile-sizes", hostile_sizes()),
        ("hostile-names", business::named(super::laws::HOSTILE)),
        ("without-revenue", without_revenue()),
        ("without-users", without_users()),
    ];
    let figures = figures.iter().map(|(name, snapshot)| (*name, pages::metrics(&asked, snapshot)));
    let wrong = "This token is not accepted: it is unknown, expired or revoked.";
    let unreachable = "The database cannot be reached: the server's log says why. Try again.";
    let others = [
        ("loading", pages::loading(&asked)),
        ("failed", pages::failed(&asked, unreachable)),
        ("sign-in", pages::sign_in(&asked, None)),
        ("sign-in-wrong", pages::sign_in(&asked, Some(wrong))),
        ("not-found", pages::not_found()),
    ];
    figures.chain(others).map(|(name, page)| (name.to_owned(), page)).collect()
}

/// Writes pages and their files to a folder, so that a browser can open them.
pub(super) fn write(folder: &Path, pages: &[(String, String)]) {
    let files = folder.join("assets");
    fs::create_dir_all(&files).unwrap();
    let assets = pages::assets::assets();
    for asset in [&assets.style, &assets.script, &assets.icon] {
        let path = asset.path();
        let name = path.rsplit('/').next().unwrap();
        fs::write(files.join(name), pages::asset(name).unwrap().1).unwrap();
    }
    for (name, page) in pages {
        let page = page.replace("\"/admin/assets/", "\"assets/");
        fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
