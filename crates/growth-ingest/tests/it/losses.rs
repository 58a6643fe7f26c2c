//! Events that are lost and objects that are read later: what is true now is known, what was is true or marked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::Db;
use growth_db::rows::{MovementRow, SubscriptionMrrRow, SubscriptionRow};
use growth_db::table::Table;
use growth_domain::pricing::Policy;
use growth_domain::rank;
use growth_ingest::{Intake, Source, ingest, rebuild};
use growth_testkit::histories::{Plan, beginning, plans, play};
use growth_testkit::{on_each_engine, tables};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Which events about subscriptions are lost.
#[derive(Clone, Debug)]
enum Loss {
    /// None.
    Nothing,
    /// All up to this share of the history, in percent.
    Older(usize),
    /// Any.
    Some(Vec<bool>),
}

fn losses() -> impl Strategy<Value = Loss> {
    prop_oneof![
        1 => Just(Loss::Nothing),
        3 => (1..=100_usize).prop_map(Loss::Older),
        3 => prop::collection::vec(any::<bool>(), 1..30).prop_map(Loss::Some),
    ]
}

fn tells_of_subscription(event: &Value) -> bool {
    event["data"]["object"]["object"] == "subscription"
}

fn created(event: &Value) -> i64 {
    event["created"].as_i64().unwrap()
}

impl Loss {
    fn of(&self, events: &[Value]) -> Vec<Value> {
        let first_kept = match self {
            Self::Older(percent) => events.get(events.len() * percent / 100).map_or(i64::MAX, created),
            _ => 0,
        };
        let mut nth = 0;
        let mut is_kept = |event: &Value| {
            if !tells_of_subscription(event) {
                return true;
            }
            nth += 1;
            match self {
                Self::Nothing => true,
                Self::Older(_) => created(event) >= first_kept,
                Self::Some(kept) => kept[nth % kept.len()],
            }
        };
        events.iter().filter(|event| is_kept(event)).cloned().collect()
    }
}

/// Every subscription as Stripe would show it in the end.
fn last_states(events: &[Value]) -> Vec<Value> {
    let mut last: BTreeMap<&str, (i64, i64, &Value)> = BTreeMap::new();
    for event in events.iter().filter(|event| tells_of_subscription(event)) {
        let object = &event["data"]["object"];
        let status = object["status"].as_str().unwrap();
        let rank = rank::subscription(status, event["type"].as_str().unwrap());
        let told = (created(event), rank, object);
        let known = last.entry(object["id"].as_str().unwrap()).or_insert(told);
        if (known.0, known.1) < (told.0, told.1) {
            *known = told;
        }
    }
    last.into_values().map(|(_, _, object)| object.clone()).collect()
}

async fn take_in(db: &Db, account: &str, documents: Vec<Value>, at: DateTime<Utc>) {
    let documents = documents.into_iter().map(|mut document| {
        if document["object"] == "event" {
            document["account"] = account.into();
        }
        (document.to_string(), document)
    });
    let (source, account) = (Source::Api, account.to_owned());
    let intake = Intake { source, received_at: at, livemode: true, account };
    let summary = ingest(db, intake, documents.collect()).await.unwrap();
    assert!(summary.is_complete(), "{:#?}", summary.problems);
}

async fn rows<T: Table>(db: &Db, account: &str) -> Vec<Value> {
    let mut dump = tables::Dump::new();
    tables::dump::<T>(db, Some(account), &mut dump).await;
    let lines = dump.remove(account).unwrap_or_default();
    lines.iter().map(|line| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap()).collect()
}

/// The rows, each of which is marked or a row of the history without losses.
async fn assert_true_or_marked<T: Table>(db: &Db, whole: &str, lossy: &str) {
    let truth: BTreeSet<String> = rows::<T>(db, whole).await.iter().map(Value::to_string).collect();
    for row in rows::<T>(db, lossy).await {
        assert!(row["reconstructed"] == true || truth.contains(&row.to_string()), "{row}\n{truth:#?}");
    }
}

async fn assert_unmarked<T: Table>(db: &Db, account: &str) {
    for row in rows::<T>(db, account).await {
        assert_eq!(row["reconstructed"], false, "{row}");
    }
}

async fn now(db: &Db, account: &str) -> Vec<SubscriptionRow> {
    let mut rows = tables::all::<SubscriptionRow>(db, account).await;
    for row in &mut rows {
        row.account.clear();
        row.reconstructed = false;
        row.stamp_at = DateTime::UNIX_EPOCH;
    }
    rows
}

async fn check(db: &Db, case: usize, plan: &Plan, loss: &Loss, turn: usize) {
    let (events, _) = play(plan);
    let read = last_states(&events);
    let read_at = beginning() + TimeDelta::days(5_000);
    let [whole, calm, wild] = ["whole", "calm", "wild"].map(|name| format!("acct_{name}_{case}"));
    take_in(db, &whole, events.clone(), beginning()).await;
    assert_unmarked::<SubscriptionMrrRow>(db, &whole).await;
    assert_unmarked::<MovementRow>(db, &whole).await;

    let mut left = loss.of(&events);
    take_in(db, &calm, left.clone(), beginning()).await;
    take_in(db, &calm, read.clone(), read_at).await;
    assert_eq!(now(db, &whole).await, now(db, &calm).await);
    assert_true_or_marked::<SubscriptionMrrRow>(db, &whole, &calm).await;
    if !matches!(loss, Loss::Some(_)) {
        // What was lost and undone again leaves no trace, and may have been part of another movement.
        assert_true_or_marked::<MovementRow>(db, &whole, &calm).await;
    }
    if left.len() == events.len() {
        assert_eq!(rows::<SubscriptionMrrRow>(db, &whole).await, rows::<SubscriptionMrrRow>(db, &calm).await);
        assert_eq!(rows::<MovementRow>(db, &whole).await, rows::<MovementRow>(db, &calm).await);
    }

    let middle = turn % left.len().max(1);
    left.rotate_left(middle);
    let later = left.split_off(left.len() / 2);
    take_in(db, &wild, later, beginning()).await;
    take_in(db, &wild, read, read_at).await;
    take_in(db, &wild, left, beginning()).await;
    let (calm, wild) = (tables::revenue(db, &calm).await, tables::revenue(db, &wild).await);
    for (calm, wild) in calm.iter().zip(&wild) {
        assert_eq!(calm, wild);
    }
    assert_eq!(calm.len(), wild.len());
}

fn heals(db: &Db, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let case = std::cell::Cell::new(0);
    let outcome = runner.run(&(plans(40), losses(), any::<usize>()), |(plan, loss, turn)| {
        case.set(case.get() + 1);
        block_in_place(|| Handle::current().block_on(check(db, case.get(), &plan, &loss, turn)));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

on_each_engine! {
    async fn lost_events_leave_what_is_true_or_marked(db: TestDb) {
        heals(&db, 40);
    }

    async fn lost_events_leave_what_is_true_or_marked_to_the_conservative(db: TestDb) {
        rebuild(&db, Some(Policy::Conservative), |_, _| {}).await.unwrap();
        heals(&db, 20);
    }
}
