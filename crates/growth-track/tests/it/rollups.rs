//! The rollups say what SQL over the raw events says, whatever came in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::America::New_York;
use chrono_tz::Europe::London;
use chrono_tz::Tz;
use growth_db::rows::{ActivityRow, DailyEventRow, MilestoneRow};
use growth_db::{Db, Engine, Json, query};
use growth_domain::window::{day_of, start_of_day};
use growth_testkit::on_each_engine;
use growth_testkit::tables::whole;
use growth_track::{Batch, Counting, Event, Identity, Settings, forget, prune, rebuild, record, write};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::samples::{at, search, settings};

const BATCHES: usize = 36;
const ACTIVATION: &str = "enrichment_completed";

/// Instants about the clock changes of 2026 in London and New York, the ends of their months, and summer.
fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    let starts = [
        "2026-03-28T20:00:00Z",
        "2026-03-31T12:00:00Z",
        "2026-10-24T20:00:00Z",
        "2026-07-01T20:00:00Z",
        "2026-03-08T00:00:00Z",
        "2026-10-31T20:00:00Z",
    ];
    (prop::sample::select(starts.map(at).to_vec()), 0..48 * 60_i64, prop_oneof![Just(0), 0..60_000_000_i64])
        .prop_map(|(start, minutes, micros)| {
            start + TimeDelta::minutes(minutes) + TimeDelta::microseconds(micros)
        })
}

fn properties() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(json!({})),
        3 => (0..50_i64).prop_map(|n| json!({"contacts": n, "plan": "pro"})),
        1 => Just(json!({"contacts": "12"})),
        1 => Just(json!({"contacts": 1.5})),
        1 => Just(json!({"contacts": null})),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let names = vec!["user_signed_up", ACTIVATION, "search_performed", "a_custom_one"];
    let users = prop_oneof![
        1 => Just((None, None)),
        2 => (0..8).prop_map(|n| (None, Some(format!("visitor-{n}")))),
        // Who names a user need not have said before which visitor it was, and is not asked.
        6 => (0..6, prop::option::of(0..8)).prop_map(|(n, visitor)| {
            (Some(format!("user-{n}")), visitor.map(|n| format!("visitor-{n}")))
        }),
    ];
    let messages = prop_oneof![1 => Just(None), 2 => (0..400).prop_map(|n| Some(format!("m-{n}")))];
    (
        (messages, users, instants(), prop::sample::select(names)),
        (properties(), prop::option::of(0..10_000_i64)),
        prop::sample::select(vec!["success", "failed", "pending"]),
        (prop::sample::select(vec!["enrich", "tracker"]), prop::bool::weighted(0.9)),
    )
        .prop_map(
            |(
                (message_id, (user, anonymous_id), at, name),
                (properties, duration_ms),
                status,
                (app, active),
            )| Event {
                message_id,
                user,
                anonymous_id,
                active,
                at,
                name: name.to_owned(),
                properties,
                duration_ms,
                status: status.to_owned(),
                app: app.to_owned(),
                ..search()
            },
        )
}

fn identities() -> impl Strategy<Value = Identity> {
    (0..6, 0..8).prop_map(|(user, visitor)| Identity {
        message_id: None,
        source: "test".to_owned(),
        user: format!("user-{user}"),
        anonymous_id: Some(format!("visitor-{visitor}")),
        at: settings().received_at,
        email: None,
        created_at: None,
    })
}

/// The rollups as they are stored.
async fn rollups(db: &Db) -> Vec<String> {
    let mut lines = whole(db).await;
    lines.retain(|line| {
        ["user_activity ", "daily_event ", "user_milestones "].iter().any(|t| line.starts_with(t))
    });
    lines
}

async fn rollups_equal_sql(db: &Db, zone: Tz) {
    let counting = Counting { time_zone: Some(zone), activation_event: Some(ACTIVATION.to_owned()) };
    let settings = Settings { counting: counting.clone(), ..settings() };
    let mut runner = TestRunner::deterministic();
    let batches = (prop::collection::vec(events(), 0..40), prop::collection::vec(identities(), 0..2));
    let (mut sent, mut kept) = (BTreeSet::new(), 0);
    for number in 1..=BATCHES {
        let (events, mut identities) = batches.new_tree(&mut runner).unwrap().current();
        // So that visitors are visitors for a while.
        identities.retain(|_| number % 6 == 0);
        let new = events
            .iter()
            .filter(|event| event.message_id.as_ref().is_none_or(|id| sent.insert(id.clone())))
            .count();
        let batch = Batch { events: &events, identities: &identities, usage: &[] };
        let outcome = write(db, batch, &settings).await.unwrap();
        assert_eq!((outcome.events.stored, outcome.events.duplicates), (new, events.len() - new));
        assert_eq!(outcome.identities.stored, identities.len());
        kept += i64::try_from(new).unwrap();
        if number % 9 == 0 {
            assert_eq!(raw_count(db).await, kept);
            assert_days(db, zone).await;
            assert_windows(db, zone).await;
            assert_milestones(db).await;
        }
    }
    assert!(kept > 400, "{kept} events say little");
    let (visitors,): (i64,) =
        query(db, "SELECT COUNT(*) FROM visitors WHERE user_id IS NOT NULL").fetch_one().await.unwrap();
    assert!((2..8).contains(&visitors), "{visitors} of 8 visitors became users");

    let before = rollups(db).await;
    let rebuilt = rebuild(db, &counting, |_, _| ()).await.unwrap();
    assert_eq!(i64::try_from(rebuilt.events).unwrap(), kept);
    assert_eq!(rollups(db).await, before, "counted again");

    // Forgetting and pruning take raw events away, and no figure.
    let mut tx = db.begin().await.unwrap();
    let forgotten = forget(&mut tx, "user-3", settings.received_at).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let pruned = prune(db, at("2026-07-15T00:00:00Z"), settings.received_at, |_, _| ()).await.unwrap();
    assert!(forgotten.events > 20 && pruned.events > 100, "{forgotten:?} {pruned:?}");
    assert_eq!(raw_count(db).await, kept - i64::try_from(forgotten.events + pruned.events).unwrap());
    assert_eq!(rollups(db).await, before, "raw events went");
    if db.engine() == Engine::Postgres {
        let (old,): (i64,) =
            query(db, "SELECT COUNT(*) FROM pg_tables WHERE tablename LIKE 'events_20%' AND tablename < $1")
                .bind("events_2026_07")
                .fetch_one()
                .await
                .unwrap();
        assert_eq!(old, 0, "partitions are dropped as a whole");
    }
    rebuild(db, &counting, |_, _| ()).await.unwrap();
    assert_eq!(rollups(db).await, before, "counted again without them");

    // What comes after that still adds up with what is kept.
    let late = Event { user: Some("user-1".to_owned()), at: at("2026-10-25T00:30:00Z"), ..search() };
    let early = Event { at: at("2026-06-30T23:59:59Z"), ..late.clone() };
    let outcome = record(db, &[late, early], &settings).await.unwrap();
    let refused = "2026-06-30 23:59:59 UTC is before 2026-07-01 00:00:00 UTC, up to which events are pruned";
    assert_eq!((outcome.stored, outcome.rejected), (1, vec![(1, refused.to_owned())]));
    let before = rollups(db).await;
    rebuild(db, &counting, |_, _| ()).await.unwrap();
    assert_eq!(rollups(db).await, before);
}

on_each_engine! {
    async fn rollups_equal_sql_over_raw_events_in_london(db: TestDb) {
        rollups_equal_sql(&db, London).await;
    }

    async fn rollups_equal_sql_over_raw_events_in_new_york(db: TestDb) {
        rollups_equal_sql(&db, New_York).await;
    }

    async fn counting_again_in_another_zone_is_as_if_it_had_been_so_from_the_beginning(db: TestDb) {
        let events = prop::collection::vec(events(), 300).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        let events: Vec<Event> = events.into_iter().map(|event| Event { message_id: None, ..event }).collect();
        record(&db, &events, &settings()).await.unwrap();
        let counting = Counting { time_zone: Some(New_York), activation_event: Some("a_custom_one".to_owned()) };
        let error = record(&db, &events, &Settings { counting: counting.clone(), ..settings() }).await.unwrap_err();
        assert!(error.to_string().contains("growthctl migrate --rebuild --timezone America/New_York"), "{error}");
        rebuild(&db, &counting, |_, _| ()).await.unwrap();
        assert_days(&db, New_York).await;
        assert_windows(&db, New_York).await;
        let (activated,): (i64,) =
            query(&*db, "SELECT COUNT(activated_at) FROM user_milestones").fetch_one().await.unwrap();
        assert!(activated > 0);
        record(&db, &[search()], &Settings { counting, ..settings() }).await.unwrap();
    }

    async fn an_event_counts_on_its_local_day(db: TestDb) {
        let times = [
            // The day with 23 hours and the one with 25, each from its first to its last instant.
            ("2026-03-29T00:00:00Z", 29),
            ("2026-03-29T22:59:59.999999Z", 29),
            ("2026-03-29T23:00:00Z", 30),
            ("2026-10-24T22:59:59.999999Z", 24),
            ("2026-10-24T23:00:00Z", 25),
            ("2026-10-25T23:59:59.999999Z", 25),
            ("2026-07-01T23:30:00Z", 2),
            // A local day may be in another month than the UTC one.
            ("2026-05-31T23:30:00Z", 1),
        ];
        for (number, (time, day)) in times.into_iter().enumerate() {
            let event = Event { user: Some(format!("u{number}")), at: at(time), ..search() };
            record(&db, &[event], &settings()).await.unwrap();
            let (days, month): (i64, NaiveDate) =
                query(&*db, "SELECT days, month FROM user_activity ORDER BY user_id DESC LIMIT 1")
                    .fetch_one().await.unwrap();
            assert_eq!(days, 1 << (day - 1), "{time}");
            assert_eq!(month, day_of(at(time), London).with_day(1).unwrap(), "{time}");
        }
    }
}

async fn raw_count(db: &Db) -> i64 {
    query(db, "SELECT COUNT(*) FROM events").fetch_one::<(i64,)>().await.unwrap().0
}

/// Every local day on which something happened, and those around it.
async fn days(db: &Db, zone: Tz) -> BTreeSet<NaiveDate> {
    let times: Vec<(DateTime<Utc>,)> =
        query(db, "SELECT DISTINCT created_at FROM events").fetch_all().await.unwrap();
    let around = |day: NaiveDate| [day - Days::new(1), day, day + Days::new(1)];
    times.into_iter().flat_map(|(at,)| around(day_of(at, zone))).collect()
}

/// Who was active on which local day, out of the bits.
async fn active(db: &Db) -> BTreeMap<NaiveDate, BTreeSet<i64>> {
    let rows: Vec<ActivityRow> =
        query(db, "SELECT month, user_id, days, n FROM user_activity").fetch_all().await.unwrap();
    let mut active: BTreeMap<NaiveDate, BTreeSet<i64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.user_id > 0) {
        for bit in (0..31).filter(|bit| row.days & (1 << bit) != 0) {
            active.entry(row.month + Days::new(bit)).or_default().insert(row.user_id);
        }
    }
    active
}

async fn distinct_users(db: &Db, zone: Tz, from: NaiveDate, to: NaiveDate) -> usize {
    let (users,): (i64,) = query(
        db,
        "SELECT COUNT(DISTINCT user_id) FROM events WHERE user_id > 0 AND active
         AND created_at >= $1 AND created_at < $2",
    )
    .bind(start_of_day(from, zone))
    .bind(start_of_day(to, zone))
    .fetch_one()
    .await
    .unwrap();
    usize::try_from(users).unwrap()
}

/// DAU, and WAU and MAU of the windows that end with each day; and how many events a month had.
async fn assert_windows(db: &Db, zone: Tz) {
    let active = active(db).await;
    for day in days(db, zone).await {
        let next = day + Days::new(1);
        for length in [1, 7, 30] {
            let first = next - Days::new(length);
            let counted: BTreeSet<i64> =
                active.range(first..next).flat_map(|(_, users)| users.clone()).collect();
            assert_eq!(counted.len(), distinct_users(db, zone, first, next).await, "{length} days to {day}");
        }
    }
    let rows: Vec<(NaiveDate, i64, i64)> =
        query(db, "SELECT month, user_id, n FROM user_activity ORDER BY month, user_id")
            .fetch_all()
            .await
            .unwrap();
    let mut expected: BTreeMap<(NaiveDate, i64), i64> = BTreeMap::new();
    let raw: Vec<(DateTime<Utc>, i64)> =
        query(db, "SELECT created_at, user_id FROM events WHERE active").fetch_all().await.unwrap();
    for (at, user) in raw {
        *expected.entry((day_of(at, zone).with_day(1).unwrap(), user)).or_default() += 1;
    }
    assert_eq!(rows, expected.into_iter().map(|((month, user), n)| (month, user, n)).collect::<Vec<_>>());
}

/// Counts, successes, failures, durations and contacts of every local day.
async fn assert_days(db: &Db, zone: Tz) {
    let mut expected = Vec::new();
    for day in days(db, zone).await {
        let (start, end) = (start_of_day(day, zone), start_of_day(day + Days::new(1), zone));
        let mut of_day: Vec<DailyEventRow> = query(
            db,
            "SELECT $3 AS day, event_name, app_name, COUNT(*) AS n,
             CAST(SUM(CASE status WHEN 'success' THEN 1 ELSE 0 END) AS BIGINT) AS successes,
             CAST(SUM(CASE status WHEN 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failures,
             CAST(COALESCE(SUM(duration_ms), 0) AS BIGINT) AS duration_ms, CAST(0 AS BIGINT) AS contacts
             FROM events WHERE created_at >= $1 AND created_at < $2 GROUP BY event_name, app_name",
        )
        .bind(start)
        .bind(end)
        .bind(day)
        .fetch_all()
        .await
        .unwrap();
        let properties: Vec<(String, String, Json<Value>)> = query(
            db,
            "SELECT event_name, app_name, properties FROM events WHERE created_at >= $1 AND created_at < $2",
        )
        .bind(start)
        .bind(end)
        .fetch_all()
        .await
        .unwrap();
        for (name, app, Json(properties)) in properties {
            let row =
                of_day.iter_mut().find(|row| (&row.event_name, &row.app_name) == (&name, &app)).unwrap();
            row.contacts += properties.get("contacts").and_then(Value::as_i64).unwrap_or(0);
        }
        expected.extend(of_day);
    }
    let mut rolled_up: Vec<DailyEventRow> = query(
        db,
        "SELECT day, event_name, app_name, n, successes, failures, duration_ms, contacts FROM daily_event",
    )
    .fetch_all()
    .await
    .unwrap();
    let key = |row: &DailyEventRow| (row.day, row.event_name.clone(), row.app_name.clone());
    expected.sort_by_key(key);
    rolled_up.sort_by_key(key);
    assert_eq!(rolled_up, expected);
}

/// The firsts and lasts of every user, and that a user is as old as the first event.
async fn assert_milestones(db: &Db) {
    let raw: Vec<MilestoneRow> = query(
        db,
        "SELECT user_id, MIN(created_at) AS first_seen_at, MAX(CASE WHEN active THEN created_at END) AS last_seen_at,
         MIN(CASE WHEN event_name = 'user_signed_up' THEN created_at END) AS signed_up_at,
         MIN(CASE WHEN event_name = $1 AND status = 'success' THEN created_at END) AS activated_at
         FROM events WHERE user_id <> 0 GROUP BY user_id ORDER BY user_id",
    )
    .bind(ACTIVATION)
    .fetch_all()
    .await
    .unwrap();
    let rolled_up: Vec<MilestoneRow> = query(
        db,
        "SELECT user_id, first_seen_at, signed_up_at, activated_at, last_seen_at FROM user_milestones
         ORDER BY user_id",
    )
    .fetch_all()
    .await
    .unwrap();
    assert_eq!(rolled_up, raw);
    let ages: Vec<(i64, DateTime<Utc>)> =
        query(db, "SELECT id, created_at FROM users ORDER BY id").fetch_all().await.unwrap();
    let firsts: BTreeMap<i64, DateTime<Utc>> =
        raw.iter().map(|row| (row.user_id, row.first_seen_at.unwrap())).collect();
    for (user, age) in ages {
        assert_eq!(age, firsts.get(&user).copied().unwrap_or(settings().received_at), "user {user}");
    }
}
