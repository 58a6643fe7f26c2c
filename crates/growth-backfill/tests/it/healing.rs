//! What webhooks lost, a backfill finds: exactly for 30 days, and by the best evidence before.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::Db;
use growth_db::rows::{InvoiceRow, MovementRow, PaymentRow, RefundRow, SubscriptionMrrRow, SubscriptionRow};
use growth_db::table::Table;
use growth_demo::world::Shape;
use growth_ingest::{Intake, Source, ingest};
use growth_testkit::histories::{Plan, beginning, open_world, plans, users};
use growth_testkit::stripe::Stripe;
use growth_testkit::{on_each_engine, tables};
use growth_track::{User, upsert_users};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::{SECRET, backfill, options};

/// How long Stripe shows events, and so heals exactly.
const KEPT: TimeDelta = TimeDelta::days(30);

async fn take_in(db: &Db, account: &str, events: &[Value]) {
    for some in events.chunks(200) {
        let documents = some.iter().map(|event| {
            let mut event = event.clone();
            event["account"] = account.into();
            (event.to_string(), event)
        });
        let intake = Intake {
            source: Source::Webhook,
            received_at: beginning(),
            livemode: true,
            account: String::new(),
        };
        let summary = ingest(db, intake, documents.collect()).await.unwrap();
        assert!(summary.is_complete(), "{:#?}", summary.problems);
    }
}

/// A history, the account that tells it, and when that is.
struct Case {
    events: Vec<Value>,
    stripe: Stripe,
    now: DateTime<Utc>,
}

/// Fills a server with what the account has and tells an hour after the last thing happened.
async fn case(plan: &Plan, accounts: &[&str]) -> Case {
    let (mut world, last) = open_world(plan);
    let objects = world.objects(Shape::Clover);
    let events = world.take_events();
    let now = last + TimeDelta::hours(1);
    let stripe = Stripe::start_at(SECRET, now).await;
    for account in accounts {
        for thing in objects.iter().chain(&events) {
            stripe.put_in(account, thing.clone());
        }
    }
    Case { events, stripe, now }
}

async fn add_users(db: &Db, plan: &Plan) {
    let users = users(plan).into_iter().map(|(external_id, email)| User {
        external_id,
        email: Some(email),
        created_at: beginning(),
        is_admin: false,
    });
    upsert_users(db, &users.collect::<Vec<User>>()).await.unwrap();
}

/// The events that are left when some are lost, of those after `since` or before it.
fn some_lost(events: &[Value], keys: &[u32], may_be_lost: impl Fn(DateTime<Utc>) -> bool) -> Vec<Value> {
    let created = |event: &Value| DateTime::from_timestamp(event["created"].as_i64().unwrap(), 0).unwrap();
    let lost = |i: usize| {
        keys[i % keys.len()].wrapping_mul(0x9e37_79b1 ^ u32::try_from(i).unwrap()).is_multiple_of(2)
    };
    let kept = events.iter().enumerate().filter(|(i, event)| !(lost(*i) && may_be_lost(created(event))));
    kept.map(|(_, event)| event.clone()).collect()
}

/// Reads all that ever was.
async fn run(db: &Db, case: &Case, account: &str) -> growth_backfill::Summary {
    let from = beginning() - TimeDelta::days(1);
    let options = growth_backfill::Options { account: account.to_owned(), from, ..options(case.now) };
    let summary = backfill(db, &case.stripe, options).await.unwrap();
    assert!(summary.is_complete(), "{summary:#?}");
    summary
}

async fn recent_losses_are_healed_exactly(db: &Db, case_number: usize, plan: &Plan, keys: &[u32]) {
    let (whole, lossy) = (format!("acct_whole_{case_number}"), format!("acct_lossy_{case_number}"));
    let case = case(plan, &[&lossy]).await;
    add_users(db, plan).await;
    take_in(db, &whole, &case.events).await;
    let recent = case.now - KEPT;
    take_in(db, &lossy, &some_lost(&case.events, keys, |at| at >= recent)).await;
    run(db, &case, &lossy).await;
    same(&tables::revenue(db, &whole).await, &tables::revenue(db, &lossy).await);

    let again = run(db, &case, &lossy).await;
    for (list, tally) in &again.lists {
        assert_eq!(tally.unchanged + tally.ignored, tally.found, "{list}: {tally:#?}");
    }
}

fn same(expected: &[String], found: &[String]) {
    let (one, other): (BTreeSet<&String>, BTreeSet<&String>) =
        (expected.iter().collect(), found.iter().collect());
    let lacking: Vec<_> = one.difference(&other).collect();
    let beyond: Vec<_> = other.difference(&one).collect();
    assert!(lacking.is_empty() && beyond.is_empty(), "lacking {lacking:#?}\nbeyond {beyond:#?}");
}

/// The rows of a table without what tells where a row came from.
async fn facts<T: Table>(db: &Db, account: &str, without: &[&str]) -> BTreeSet<String> {
    let rows = tables::all::<T>(db, account).await;
    let told = rows.iter().map(|row| {
        let mut row = serde_json::to_value(row).unwrap();
        for field in ["account"].iter().chain(without) {
            row[*field] = Value::Null;
        }
        row
    });
    told.map(|row| row.to_string()).collect()
}

async fn certain<T: Table>(db: &Db, account: &str) -> BTreeSet<String> {
    let all = facts::<T>(db, account, &[]).await;
    all.into_iter().filter(|row| row.contains("\"reconstructed\":false")).collect()
}

fn differ(what: &str, whole: &BTreeSet<String>, lossy: &BTreeSet<String>) {
    let lacking: Vec<_> = whole.difference(lossy).collect();
    let beyond: Vec<_> = lossy.difference(whole).collect();
    assert!(lacking.is_empty() && beyond.is_empty(), "{what}: lacking {lacking:#?}\nbeyond {beyond:#?}");
}

/// Payments, refunds, fees and subscriptions are those of a run that lost nothing; of their history only what is
/// marked as reconstructed may differ.
async fn agree_but_for_reconstructed(db: &Db, whole: &str, lossy: &str) {
    let source = ["event_id", "group_id", "origin"];
    // Today's API names a price by its id alone in an invoice's line: what was bought has the words of the line then,
    // and of a part of a period nothing says how long the whole is.
    let unsaid = ["event_id", "group_id", "plan_name", "billing_period"];
    let payments = |account| facts::<PaymentRow>(db, account, &unsaid);
    let refunds = |account| facts::<RefundRow>(db, account, &source);
    differ("refunds", &refunds(whole).await, &refunds(lossy).await);
    differ("payments", &payments(whole).await, &payments(lossy).await);
    let subscriptions = |account| facts::<SubscriptionRow>(db, account, &["reconstructed", "stamp_at"]);
    differ("subscriptions", &subscriptions(whole).await, &subscriptions(lossy).await);
    for (what, whole, lossy) in [
        (
            "worth",
            facts::<SubscriptionMrrRow>(db, whole, &[]).await,
            certain::<SubscriptionMrrRow>(db, lossy).await,
        ),
        ("movements", facts::<MovementRow>(db, whole, &[]).await, certain::<MovementRow>(db, lossy).await),
    ] {
        let beyond: Vec<_> = lossy.difference(&whole).collect();
        assert!(beyond.is_empty(), "{what}: certain, but not so: {beyond:#?}\n{whole:#?}");
    }
}

async fn older_losses_are_filled_in(db: &Db, case_number: usize, plan: &Plan, keys: &[u32]) {
    let (whole, lossy, alone) = (
        format!("acct_whole_{case_number}"),
        format!("acct_lossy_{case_number}"),
        format!("acct_alone_{case_number}"),
    );
    let case = case(plan, &[&lossy, &alone]).await;
    add_users(db, plan).await;
    take_in(db, &whole, &case.events).await;
    take_in(db, &lossy, &some_lost(&case.events, keys, |_| true)).await;
    for account in [&lossy, &alone] {
        run(db, &case, account).await;
        agree_but_for_reconstructed(db, &whole, account).await;
    }
}

/// Everything is read first, and then every webhook comes after all, in any order.
async fn late_webhooks_join(db: &Db, case_number: usize, plan: &Plan, keys: &[u32]) {
    let (whole, late) = (format!("acct_whole_{case_number}"), format!("acct_late_{case_number}"));
    let case = case(plan, &[&late]).await;
    add_users(db, plan).await;
    take_in(db, &whole, &case.events).await;
    run(db, &case, &late).await;
    let mut shuffled: Vec<(usize, &Value)> = case.events.iter().enumerate().collect();
    shuffled
        .sort_by_key(|(i, _)| keys[i % keys.len()].wrapping_mul(0x9e37_79b1 ^ u32::try_from(*i).unwrap()));
    let shuffled: Vec<Value> = shuffled.into_iter().map(|(_, event)| event.clone()).collect();
    take_in(db, &late, &shuffled).await;
    let payments = facts::<PaymentRow>(db, &late, &[]).await;
    differ("payments", &facts::<PaymentRow>(db, &whole, &[]).await, &payments);
    differ("refunds", &facts::<RefundRow>(db, &whole, &[]).await, &facts::<RefundRow>(db, &late, &[]).await);
    differ(
        "invoices",
        &facts::<InvoiceRow>(db, &whole, &[]).await,
        &facts::<InvoiceRow>(db, &late, &[]).await,
    );
    differ(
        "subscriptions",
        &facts::<SubscriptionRow>(db, &whole, &["stamp_at"]).await,
        &facts::<SubscriptionRow>(db, &late, &["stamp_at"]).await,
    );
    differ(
        "worth",
        &facts::<SubscriptionMrrRow>(db, &whole, &[]).await,
        &facts::<SubscriptionMrrRow>(db, &late, &[]).await,
    );
    differ(
        "movements",
        &facts::<MovementRow>(db, &whole, &[]).await,
        &facts::<MovementRow>(db, &late, &[]).await,
    );
}

fn for_histories(cases: u32, check: impl Fn(usize, &Plan, &[u32])) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let keys = prop::collection::vec(any::<u32>(), 1..40);
    let case = std::cell::Cell::new(0);
    let outcome = runner.run(&(plans(30), keys), |(plan, keys)| {
        case.set(case.get() + 1);
        check(case.get(), &plan, &keys);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(work))
}

on_each_engine! {
    async fn webhooks_lost_within_30_days_leave_no_trace(db: TestDb) {
        for_histories(60, |case, plan, keys| wait(recent_losses_are_healed_exactly(&db, case, plan, keys)));
    }

    async fn webhooks_that_come_after_a_backfill_join_what_it_wrote(db: TestDb) {
        for_histories(60, |case, plan, keys| wait(late_webhooks_join(&db, case, plan, keys)));
    }

    async fn webhooks_lost_before_are_filled_in_by_evidence(db: TestDb) {
        for_histories(60, |case, plan, keys| wait(older_losses_are_filled_in(&db, case, plan, keys)));
    }
}
