//! Many writers at once: nothing is lost, nothing is counted twice, and nobody waits forever.

use chrono::{TimeDelta, Timelike};
use growth_db::Db;
use growth_testkit::on_each_engine;
use growth_track::{Batch, Counters, Event, Identity, Usage, count_usage, record, write};
use serde_json::json;

use crate::samples::{at, counts, message, number, search, settings};

const TASKS: i64 = 16;
const ROUNDS: i64 = 12;

/// Runs `task` as often as there are tasks, at once.
async fn at_once<F>(db: &Db, task: impl Fn(Db, i64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(task(db.clone(), number))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

on_each_engine! {
    async fn writers_on_one_user_and_day_lose_nothing(db: TestDb) {
        at_once(&db, |db, task| async move {
            for round in 0..ROUNDS {
                let own = Event {
                    properties: json!({"contacts": 3}), duration_ms: Some(5), ..message(&format!("{task}-{round}"))
                };
                // Every task sends this one too, and it counts once.
                let shared = message(&format!("shared-{round}"));
                record(&db, &[shared, own, search()], &settings()).await.unwrap();
            }
        })
        .await;
        let events = TASKS * ROUNDS * 2 + ROUNDS;
        assert_eq!(counts(&db).await, [events, TASKS * ROUNDS + ROUNDS, 1, events, events]);
        assert_eq!(number(&db, "SELECT n FROM user_activity").await, events);
        assert_eq!(number(&db, "SELECT successes FROM daily_event").await, events);
        assert_eq!(number(&db, "SELECT contacts FROM daily_event").await, TASKS * ROUNDS * 3);
        assert_eq!(number(&db, "SELECT duration_ms FROM daily_event").await, TASKS * ROUNDS * 5);
    }

    async fn writers_in_opposite_orders_do_not_block_each_other(db: TestDb) {
        at_once(&db, |db, task| async move {
            for round in 0..ROUNDS {
                let mut events: Vec<Event> = (0..24_u32)
                    .map(|i| Event {
                        user: Some(format!("user-{}", i % 8)),
                        at: at("2026-01-31T12:00:00Z").with_minute(i).unwrap() + TimeDelta::days(i64::from(i)),
                        name: ["page_load", "api_request", "feature_used"][i as usize % 3].to_owned(),
                        app: ["a", "b"][i as usize % 2].to_owned(),
                        // Each message comes from two tasks, in opposite orders.
                        ..message(&format!("{}-{round}-{i}", task / 2))
                    })
                    .collect();
                if task % 2 == 1 {
                    events.reverse();
                }
                record(&db, &events, &settings()).await.unwrap();
            }
        })
        .await;
        let events = TASKS / 2 * ROUNDS * 24;
        assert_eq!(counts(&db).await, [events, events, 8, events, events]);
    }

    async fn writers_who_open_a_month_together_all_succeed(db: TestDb) {
        at_once(&db, |db, task| async move {
            let first = at("2019-01-15T00:00:00Z");
            for month in 0..ROUNDS {
                let at = first + TimeDelta::days(31 * (month + 3 * (task % 2)));
                record(&db, &[Event { at, ..search() }], &settings()).await.unwrap();
            }
        })
        .await;
        assert_eq!(counts(&db).await[0], TASKS * ROUNDS);
    }

    async fn visitors_who_become_users_while_they_act_keep_every_event(db: TestDb) {
        at_once(&db, |db, task| async move {
            for round in 0..ROUNDS {
                let visit = |n: i64| Event {
                    user: None, anonymous_id: Some(format!("visitor-{}", (n + task) % 8)),
                    at: at("2026-07-01T12:00:00Z") + TimeDelta::days(n), ..search()
                };
                let events: Vec<Event> = (0..8).map(visit).chain([search()]).collect();
                let named = (task == round).then(|| Identity {
                    message_id: None, source: "test".to_owned(), user: ["ann", "bob", "cid"][usize::try_from(task % 3).unwrap()].to_owned(),
                    anonymous_id: Some(format!("visitor-{}", task % 8)), at: search().at, email: None, created_at: None,
                });
                let identities: Vec<Identity> = named.into_iter().collect();
                write(&db, Batch { identities: &identities, events: &events, usage: &[] }, &settings()).await.unwrap();
            }
        })
        .await;
        let events = TASKS * ROUNDS * 9;
        assert_eq!(number(&db, "SELECT COUNT(*) FROM events WHERE user_id > 0").await, events);
        assert_eq!(number(&db, "SELECT CAST(SUM(n) AS BIGINT) FROM user_activity WHERE user_id > 0").await, events);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM user_activity").await, 3);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM user_milestones").await, 3);
    }

    async fn writers_of_usage_lose_nothing(db: TestDb) {
        at_once(&db, |db, task| async move {
            for round in 0..ROUNDS {
                let usage: Vec<Usage> = (0..6)
                    .map(|i| Usage {
                        user: format!("user-{}", (i + task) % 6),
                        date: at("2026-07-01T00:00:00Z").date_naive(),
                        app: "enrich".to_owned(),
                        counters: Counters { searches: 2, ..Counters::default() },
                        ..Usage::default()
                    })
                    .collect();
                count_usage(&db, &usage, at("2026-07-01T12:00:00Z") + TimeDelta::seconds(round)).await.unwrap();
            }
        })
        .await;
        let searches = number(&db, "SELECT CAST(SUM(searches) AS BIGINT) FROM usage_counters").await;
        assert_eq!(searches, TASKS * ROUNDS * 6 * 2);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM usage_counters").await, 6);
    }
}
