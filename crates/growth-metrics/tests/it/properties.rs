//! What holds of every history and every window.

use std::cell::Cell;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_demo::business::Business;
use growth_demo::world::Truth;
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_ingest::{Intake, Source, ingest, link_waiting_users};
use growth_metrics::{
    CurrencyRevenue, GrowthSnapshot, MovementReason, Product, ProductDay, Request, snapshot,
};
use growth_testkit::histories::{Plan, beginning, plans, play, users};
use growth_testkit::on_each_engine;
use growth_track::{Counting, Event, Settings, User, record, upsert_users};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::explain::assert_explained;
use crate::reference::{Facts, expected};
use crate::sample::{DAYS, at, request};
use crate::truth::{differences, told};

/// Until when, after the beginning in minutes, how many days, and where.
type Asked = (i64, u32, Tz);

fn asked() -> impl Strategy<Value = Asked> {
    let zones =
        [Tz::UTC, Tz::Europe__London, Tz::America__New_York, Tz::Asia__Kathmandu, Tz::Pacific__Kiritimati];
    let days = prop_oneof![prop::sample::select(DAYS.to_vec()), 1..100_u32];
    (1..900 * 1_440_i64, days, prop::sample::select(zones.to_vec()))
}

/// The roll-forwards of both windows, their days and their reasons all say the same.
fn assert_adds_up(revenue: &CurrencyRevenue) {
    let (current, previous) = (&revenue.movements.current, &revenue.movements.previous);
    for (rolled, reasons) in [(current, &revenue.reasons.current), (previous, &revenue.reasons.previous)] {
        let gained = rolled.new + rolled.reactivation + rolled.expansion;
        let lost = rolled.contraction + rolled.churn;
        assert_eq!(rolled.opening + gained - lost, rolled.closing);
        assert_eq!(rolled.fx, Micros::ZERO);
        let of = |kind: Kind| {
            reasons.iter().filter(|reason| reason.kind == kind).map(|reason| reason.amount).sum()
        };
        let by_kind: [Micros; 5] = Kind::ALL.map(of);
        assert_eq!(
            by_kind,
            [rolled.new, rolled.reactivation, rolled.expansion, rolled.contraction, rolled.churn]
        );
        assert!(
            reasons.iter().all(|MovementReason { count, amount, .. }| *count > 0 && *amount > Micros::ZERO)
        );
    }
    assert_eq!((previous.closing, current.closing), (current.opening, revenue.mrr.current.net));
    assert_eq!(revenue.mrr.previous.net, current.opening);
    if let Some(last) = revenue.days.last() {
        let sum = |of: fn(&growth_metrics::RevenueDay) -> Micros| revenue.days.iter().map(of).sum::<Micros>();
        assert_eq!(last.mrr, current.closing);
        assert_eq!(last.active_subscriptions, revenue.mrr.current.active_subscriptions);
        assert_eq!((sum(|day| day.new), sum(|day| day.reactivation)), (current.new, current.reactivation));
        assert_eq!((sum(|day| day.expansion), sum(|day| day.churn)), (current.expansion, current.churn));
        assert_eq!(sum(|day| day.contraction), current.contraction);
        let paid = revenue.days.iter().map(|day| day.payments);
        let (count, amount) = paid.fold((0, 0), |sum, day| (sum.0 + day.count, sum.1 + day.amount));
        assert_eq!(
            (count, amount),
            (revenue.cash.current.payments.count, revenue.cash.current.payments.amount)
        );
        let mut mrr = current.opening;
        for day in &revenue.days {
            mrr += day.new + day.reactivation + day.expansion - day.contraction - day.churn;
            assert_eq!(day.mrr, mrr, "{}", day.day);
        }
    } else {
        assert_eq!((current.closing, revenue.cash.current.payments.count), (Micros::ZERO, 0));
    }
}

/// The days of the product are those of activity, and come to the figures of the window.
pub(crate) fn assert_sums_up(product: &Product, activity: growth_metrics::Days) {
    let days: Vec<NaiveDate> = product.days.iter().map(|day| day.day).collect();
    let all = activity.first.iter_days().take_while(|day| *day <= activity.last);
    assert_eq!(days, all.collect::<Vec<_>>());
    let sum = |of: fn(&ProductDay) -> u64| product.days.iter().map(of).sum::<u64>();
    assert_eq!(sum(|day| day.enrichments_completed), product.enrichments_completed.current);
    assert_eq!(sum(|day| day.enrichments_failed), product.enrichments_failed.current);
    let exports = product.exports.iter().map(|export| export.completed.current);
    assert_eq!(sum(|day| day.exports), exports.sum::<u64>());
}

async fn check_history(db: &Db, case: usize, plan: &Plan, asked: &[Asked]) {
    let (stripe_events, truth) = play(plan);
    let user = |(external_id, email): (String, String)| User {
        external_id,
        email: Some(email),
        created_at: beginning(),
        is_admin: false,
    };
    let users: Vec<User> = users(plan).into_iter().map(user).collect();
    upsert_users(db, &users).await.unwrap();
    let account = format!("acct_{case}");
    let intake =
        Intake { source: Source::File, received_at: beginning(), livemode: true, account: String::new() };
    let of_account = |event: &Value| {
        let mut event = event.clone();
        event["account"] = account.as_str().into();
        (event.to_string(), event)
    };
    let documents = stripe_events.iter().map(of_account).collect();
    let summary = ingest(db, intake, documents).await.unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    while link_waiting_users(db).await.unwrap() > 0 {}
    let business = Business { stripe_events, truth, users, events: Vec::new(), usage: Vec::new() };
    let facts = Facts::of(&business);
    for (n, (minutes, days, zone)) in asked.iter().enumerate() {
        let end = beginning() + TimeDelta::minutes(*minutes);
        let request = Request { account: account.clone(), ..request(end, *days, *zone) };
        if n == 0 {
            assert_explained(db, &request).await;
        }
        let actual = snapshot(db, &request).await.unwrap();
        actual.revenue.iter().for_each(assert_adds_up);
        let of_money = |snapshot: GrowthSnapshot| (snapshot.goal, snapshot.headline, snapshot.revenue);
        let expected = of_money(expected(&facts, &request, &[]));
        let actual = of_money(actual);
        let mut found = Vec::new();
        let json = |of_money| serde_json::to_value(of_money).unwrap();
        differences("", &json(&expected), &json(&actual), &mut found);
        assert!(expected == actual, "{days} days until {end} in {zone}: {}", found.join("\n"));
    }
}

fn check_histories(db: &Db, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let case = Cell::new(0);
    let strategy = (plans(60), prop::collection::vec(asked(), 4));
    let outcome = runner.run(&strategy, |(plan, asked)| {
        case.set(case.get() + 1);
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(check_history(db, case.get(), &plan, &asked));
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn events(users: usize) -> impl Strategy<Value = Event> {
    let names = [
        "page_load",
        "enrichment_completed",
        "enrichment_failed",
        "export_csv_completed",
        "search_performed",
    ];
    let user = prop::option::weighted(0.9, 0..users);
    // Most are close together, so that days, weeks and months have several.
    let minutes = prop_oneof![3 => 0..60 * 1_440_i64, 1 => 0..400 * 1_440_i64];
    let status = prop_oneof![4 => Just("success"), 1 => Just("failed")];
    let app = prop::sample::select(vec!["enrich", "tracker"]);
    (user, minutes, prop::sample::select(names.to_vec()), status, app, prop::bool::weighted(0.9), -1..30_i64)
        .prop_map(|(user, minutes, name, status, app, active, contacts)| Event {
            user: user.map(|n| format!("user-{n:02}")),
            status: status.to_owned(),
            active,
            app: app.to_owned(),
            properties: if contacts < 0 {
                serde_json::json!({})
            } else {
                serde_json::json!({ "contacts": contacts })
            },
            ..Event::new(name, at("2025-10-01T00:00:00Z") + TimeDelta::minutes(minutes))
        })
}

/// After each batch, all figures of users are what a recount over every event so far comes to.
async fn check_activity(db: &Db, zone: Tz, batches: usize) {
    let mut runner = TestRunner::deterministic();
    let joined = |n: usize| at("2025-10-01T00:00:00Z") + TimeDelta::hours(i64::try_from(n * 97).unwrap());
    let user = |n: usize| User {
        external_id: format!("user-{n:02}"),
        email: None,
        created_at: joined(n),
        is_admin: false,
    };
    let users: Vec<User> = (0..40).map(user).collect();
    upsert_users(db, &users).await.unwrap();
    let truth = Truth::default();
    let mut business =
        Business { stripe_events: Vec::new(), users, events: Vec::new(), usage: Vec::new(), truth };
    let counting = Counting { time_zone: Some(zone), activation_event: None };
    let settings = Settings { counting, ..Settings::new(at("2027-01-01T00:00:00Z")) };
    let strategy = (prop::collection::vec(events(40), 1..120), prop::collection::vec(asked(), 3));
    for _ in 0..batches {
        let (events, asked) = strategy.new_tree(&mut runner).unwrap().current();
        assert_eq!(record(db, &events, &settings).await.unwrap().rejected, []);
        business.events.extend(events);
        let facts = Facts::of(&business);
        for (minutes, days, _) in asked {
            let end = at("2025-09-20T00:00:00Z") + TimeDelta::minutes(minutes / 2);
            assert_recounted(db, &facts, &request(end, days, zone)).await;
        }
    }
}

async fn assert_recounted(db: &Db, facts: &Facts<'_>, request: &Request) {
    let actual = snapshot(db, request).await.unwrap();
    let expected = expected(facts, request, &[]);
    let mut found = Vec::new();
    differences("", &told(expected), &told(actual.clone()), &mut found);
    let of = format!("{} days until {} in {}", request.days, request.window.end, request.time_zone);
    assert!(found.is_empty(), "{of}:\n{}", found.join("\n"));
    let activity = &actual.header.activity;
    assert_sums_up(&actual.product, *activity);
    let whole: DateTime<Utc> = request.window.end;
    let is_whole = actual.engagement.day == activity.last;
    let days = u64::from(request.days) - u64::from(!is_whole);
    assert_eq!(actual.engagement.days.len() as u64, days, "{of}");
    assert!(is_whole || actual.engagement.day + Days::new(1) == activity.last, "{whole}");
}

on_each_engine! {
    async fn every_window_of_every_history_adds_up(db: TestDb) {
        check_histories(&db, 30);
    }

    async fn activity_is_what_a_recount_of_the_events_comes_to(db: TestDb) {
        check_activity(&db, Tz::Europe__London, 12).await;
    }

    async fn activity_is_that_of_local_days_far_from_greenwich(db: TestDb) {
        check_activity(&db, Tz::Pacific__Kiritimati, 6).await;
    }
}
