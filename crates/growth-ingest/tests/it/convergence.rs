//! The property that everything hangs on: any permutation and any duplication of a history
//! ends in identical tables, and the tables agree with the truth.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use growth_db::rows::inbox::{self, Filter};
use growth_db::rows::{DisputeRow, MovementRow, PaymentRow, RefundRow, SubscriptionRow};
use growth_db::{Db, Lane, query};
use growth_demo::world::Truth;
use growth_ingest::{Again, Intake, Pace, Source, apply_pending, ingest, keep, link_waiting_users, receive};
use growth_metrics::{Request, snapshot};
use growth_testkit::{on_each_engine, tables};
use growth_track::{User, upsert_users};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::history::{Plan, beginning, plans, play, users};

async fn lane(db: &Db) -> Lane {
    let mut lane = Lane::new(db);
    lane.open().await.unwrap();
    lane
}

/// Takes events in by both doors: batches of an even size as files are, those of an odd size as webhooks are.
async fn take_in(db: &Db, account: &str, events: &[Value], batches: &[usize]) {
    let mut rest = events;
    for size in batches.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        let documents = now.iter().map(|event| {
            let mut event = event.clone();
            event["account"] = account.into();
            (event.to_string(), event)
        });
        if size % 2 == 1 {
            let rows: Vec<_> = documents.map(|(text, _)| receive(text, beginning()).unwrap()).collect();
            assert_eq!(keep(&mut lane(db).await, &rows).await.unwrap().len(), rows.len());
            continue;
        }
        let intake =
            Intake { source: Source::File, received_at: beginning(), livemode: true, account: String::new() };
        let summary = ingest(db, intake, documents.collect()).await.unwrap();
        assert!(summary.is_complete(), "{:#?}", summary.problems);
    }
    apply_all(db).await;
}

async fn apply_all(db: &Db) {
    let mut pace = Pace::default();
    loop {
        let outcomes = apply_pending(db, &mut pace).await.unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.problems.is_empty()), "{outcomes:#?}");
        if outcomes.is_empty() {
            return;
        }
    }
}

/// The events in another order, some of them several times.
fn disturbed(events: &[Value], keys: &[u32]) -> Vec<Value> {
    let key = |i: usize| keys[i % keys.len()].wrapping_mul(0x9e37_79b1 ^ u32::try_from(i).unwrap());
    let mut order: Vec<(u32, &Value)> = events.iter().enumerate().map(|(i, event)| (key(i), event)).collect();
    let twice = events.iter().enumerate().filter(|(i, _)| key(*i) % 5 == 0);
    order.extend(twice.map(|(i, event)| (key(i + 7), event)));
    order.sort_by_key(|(key, _)| *key);
    order.into_iter().map(|(_, event)| event.clone()).collect()
}

async fn assert_true(db: &Db, account: &str, truth: &Truth) {
    let payments: BTreeMap<String, PaymentRow> =
        tables::all::<PaymentRow>(db, account).await.into_iter().map(|row| (row.id.clone(), row)).collect();
    for told in &truth.payments {
        let row = payments.get(&told.payment_intent).unwrap_or_else(|| panic!("missing {told:#?}"));
        let status = if told.succeeded { "succeeded" } else { "failed" };
        assert_eq!(
            (row.amount, &row.currency, row.status.as_str()),
            (told.amount, &told.currency, status),
            "{row:#?}"
        );
        assert_eq!(row.invoice, told.invoice, "{row:#?}");
        assert_eq!(row.subscription, told.subscription, "{row:#?}");
        assert_eq!(row.customer, told.customer, "{row:#?}");
        if told.succeeded {
            assert_eq!((row.fee, row.paid_at), (told.fee, told.paid_at), "{row:#?}");
        }
    }
    assert_eq!(payments.len(), truth.payments.len(), "{payments:#?}\n{:#?}", truth.payments);

    let refunds: BTreeMap<String, RefundRow> =
        tables::all::<RefundRow>(db, account).await.into_iter().map(|row| (row.id.clone(), row)).collect();
    for told in &truth.refunds {
        let row = &refunds[&told.id];
        assert_eq!((row.amount, row.counted), (told.amount, told.status != "failed"), "{row:#?}");
        assert_eq!(row.payment.as_ref(), Some(&told.payment_intent), "{row:#?}");
    }
    assert_eq!(refunds.len(), truth.refunds.len(), "{refunds:#?}");
    for row in tables::all::<DisputeRow>(db, account).await {
        let told = truth.disputes.iter().find(|told| told.id == row.id).unwrap();
        assert_eq!(
            (row.withdrawn, row.reinstated, row.fee),
            (told.amount, told.reinstated, Some(told.fee)),
            "{row:#?}"
        );
    }
    let subscriptions = tables::all::<SubscriptionRow>(db, account).await;
    assert_eq!(subscriptions.len(), truth.subscriptions.len());
    for told in &truth.subscriptions {
        let row = subscriptions.iter().find(|row| row.id == told.id).unwrap();
        assert_eq!(row.unpriced, None);
        assert_eq!(
            (row.status.as_str(), i128::from(row.mrr_micros)),
            (told.status.as_str(), told.mrr_micros()),
            "{row:#?}\n{told:#?}"
        );
    }
    let mut ledger: BTreeMap<String, i128> = BTreeMap::new();
    for movement in tables::all::<MovementRow>(db, account).await {
        *ledger.entry(movement.currency).or_default() += i128::from(movement.delta_micros);
    }
    for (currency, mrr) in truth.mrr_micros() {
        assert_eq!(ledger.get(&currency).copied().unwrap_or(0), mrr, "{currency}");
    }
}

async fn assert_users(db: &Db, account: &str, truth: &Truth) {
    let users: BTreeMap<i64, String> = query(db, "SELECT id, external_id FROM users")
        .fetch_all::<(i64, String)>()
        .await
        .unwrap()
        .into_iter()
        .collect();
    for row in tables::all::<PaymentRow>(db, account).await {
        let told = truth.payments.iter().find(|told| told.payment_intent == row.id).unwrap();
        let user = row.user_id.map(|id| &users[&id]);
        assert_eq!(user, told.user.as_ref(), "{row:#?}");
    }
}

/// The snapshot checks the identity of both its windows, and its closing is the ledger's.
async fn assert_windows_add_up(db: &Db, account: &str, truth: &Truth, days_in: i64, days: u32) {
    let request = |end, days| Request {
        account: account.to_owned(),
        ..Request::of(end, days, chrono_tz::Europe::London).unwrap()
    };
    snapshot(db, &request(beginning() + TimeDelta::days(days_in), days)).await.unwrap();
    let at_the_end: chrono::DateTime<Utc> = beginning() + TimeDelta::days(5_000);
    let all = snapshot(db, &request(at_the_end, 5_001)).await.unwrap();
    for revenue in &all.revenue {
        let mrr = truth.mrr_micros().get(&revenue.currency).copied().unwrap_or(0);
        assert_eq!((revenue.mrr.current.net.0, revenue.movements.current.closing.0), (mrr, mrr));
        assert_eq!(revenue.mrr.current.list.0 - revenue.mrr.current.discount.0, mrr);
        let paid = truth.payments.iter().filter(|paid| paid.succeeded && paid.currency == revenue.currency);
        assert_eq!(revenue.all_time.payments.amount, paid.map(|paid| paid.amount).sum::<i64>());
    }
}

/// The calm run knows the users from the beginning, in the wild run they arrive last.
async fn check(db: &Db, case: usize, plan: &Plan, keys: &[u32], batches: &[usize], window: (i64, u32)) {
    let (events, truth) = play(plan);
    let (calm, wild) = (format!("acct_calm_{case}"), format!("acct_wild_{case}"));
    take_in(db, &wild, &disturbed(&events, keys), batches).await;
    let users: Vec<User> = users(plan)
        .into_iter()
        .map(|(external_id, email)| User {
            external_id,
            email: Some(email),
            created_at: beginning(),
            is_admin: false,
        })
        .collect();
    upsert_users(db, &users).await.unwrap();
    while link_waiting_users(db).await.unwrap() > 0 {}
    take_in(db, &calm, &events, &[500]).await;
    assert_true(db, &calm, &truth).await;
    assert_users(db, &calm, &truth).await;
    let (calm_rows, wild_rows) = (tables::revenue(db, &calm).await, tables::revenue(db, &wild).await);
    for (calm, wild) in calm_rows.iter().zip(&wild_rows) {
        assert_eq!(calm, wild);
    }
    assert_eq!(calm_rows.len(), wild_rows.len());
    assert_windows_add_up(db, &calm, &truth, window.0, window.1).await;
}

fn converges(db: &Db, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let keys = prop::collection::vec(any::<u32>(), 1..40);
    let batches = prop::collection::vec(1..40_usize, 1..6);
    let case = std::cell::Cell::new(0);
    let strategy = (plans(40), keys, batches, (1..1_500_i64, 1..400_u32));
    let outcome = runner.run(&strategy, |(plan, keys, batches, window)| {
        case.set(case.get() + 1);
        block_in_place(|| {
            Handle::current().block_on(check(db, case.get(), &plan, &keys, &batches, window));
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

on_each_engine! {
    async fn any_permutation_and_duplication_ends_in_the_same_tables(db: TestDb) {
        converges(&db, 40);
    }

    async fn applying_everything_again_changes_nothing(db: TestDb) {
        converges(&db, 4);
        let accounts: Vec<String> = (1..=4).map(|case| format!("acct_wild_{case}")).collect();
        let mut before = Vec::new();
        for account in &accounts {
            before.push(tables::revenue(&db, account).await);
        }
        let mut again = Again::new(Filter::default());
        let mut applied = 0;
        loop {
            let outcomes = again.next(&db).await.unwrap();
            if outcomes.is_empty() {
                break;
            }
            applied += outcomes.len() as u64;
        }
        assert_eq!(applied, inbox::count(&db, &Filter::default()).await.unwrap());
        assert!(applied > 0);
        for (account, before) in accounts.iter().zip(&before) {
            assert_eq!(&tables::revenue(&db, account).await, before);
        }
    }
}
