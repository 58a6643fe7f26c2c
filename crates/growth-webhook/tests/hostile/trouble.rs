//! What a server does while its database does not do as it is told.

use std::time::Duration;

use growth_db::connect::Limits;
use growth_db::{Db, query};
use growth_testkit::{TestDb, on_each_engine};
use tokio::task::JoinSet;
use tokio::time::Instant;

use growth_testkit::until;

use crate::raw::{Answer, Raw, post};
use crate::running::{NOW, Running, SECRET, event, event_of, ids, settings};

/// A pool of the server's own, as impatient as the product's.
async fn pool(db: &TestDb) -> Db {
    Db::connect_within(db.url(), Limits { patience: Duration::from_secs(5), ..Limits::default() })
        .await
        .unwrap()
}

fn assert_told_to_try_again(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")), "{answer:?}");
}

/// Posts events at the same time and returns each one's answer and how long it took.
async fn post_all(server: &Running, ids: &[String]) -> Vec<(String, Answer, Duration)> {
    let mut posts = JoinSet::new();
    for id in ids {
        let (id, address) = (id.clone(), server.address);
        posts.spawn(async move {
            let mut raw = Raw::connect(address).await;
            let start = Instant::now();
            raw.send(post(SECRET, NOW, event(&id).to_string())).await;
            (id, raw.answer().await.expect("an answer"), start.elapsed())
        });
    }
    let mut answers = posts.join_all().await;
    answers.sort_by(|a, b| a.0.cmp(&b.0));
    answers
}

fn named(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("evt_{prefix}_{n:02}")).collect()
}

/// Takes what keeps everybody else from writing; it is given back when this is dropped.
async fn lock(db: &Db) -> growth_db::Tx {
    let mut tx = db.begin().await.unwrap();
    if db.engine() == growth_db::Engine::Postgres {
        query(&mut tx, "LOCK TABLE growth.stripe_events IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
    }
    tx
}

on_each_engine! {
    async fn a_lock_that_does_not_last_delays_and_loses_nothing(db: TestDb) {
        let server = Running::start(&pool(&db).await).await;
        let other = Db::connect(db.url()).await.unwrap();
        let held = lock(&other).await;
        let mut raw = server.connect().await;
        raw.send(post(SECRET, NOW, event("evt_1").to_string())).await;
        assert!(raw.stays_silent(Duration::from_millis(500)).await, "nothing is promised that is not stored");
        assert_eq!(server.get("/healthz").await.status, 200);
        drop(held);
        assert_eq!(raw.answer().await.unwrap().status, 200);
        assert_eq!(ids(&db).await, ["evt_1"]);
        server.assert_well(&db).await;
        server.end().await;
    }

    async fn a_lock_that_lasts_is_answered_with_503_until_it_goes(db: TestDb) {
        let mut settings = settings();
        settings.queue = 2;
        let server = Running::start_with(&pool(&db).await, settings).await;
        let other = Db::connect(db.url()).await.unwrap();
        let held = lock(&other).await;
        let names = named("locked", 40);
        let answers = post_all(&server, &names).await;
        let (busy, waited): (Vec<_>, Vec<_>) =
            answers.iter().partition(|(_, answer, _)| answer.body.contains("too much is waiting"));
        for (id, answer, took) in &answers {
            assert_told_to_try_again(answer);
            assert!(*took < Duration::from_secs(12), "{id} took {took:?}");
        }
        assert!(!busy.is_empty() && !waited.is_empty(), "{} busy, {} waited", busy.len(), waited.len());
        for (id, _, took) in busy {
            assert!(*took < Duration::from_secs(3), "{id} was kept waiting for {took:?} by a full queue");
        }
        assert_eq!(server.get("/healthz").await.status, 200);
        drop(held);
        until("the server stores again", async || {
            Some(server.post(event("evt_after").to_string()).await).filter(|answer| answer.status == 200)
        })
        .await;
        for id in &names {
            until("everything is taken when it comes again", async || {
                Some(server.post(event(id).to_string()).await).filter(|answer| answer.status == 200)
            })
            .await;
        }
        let mut stored = ids(&db).await;
        assert_eq!(stored.remove(0), "evt_after");
        assert_eq!(stored, names);
        server.assert_well(&db).await;
        assert_eq!(server.get("/readyz").await.status, 200);
        server.end().await;
    }

    async fn a_table_that_is_gone_is_answered_with_503_until_it_is_back(db: TestDb) {
        let server = Running::start(&pool(&db).await).await;
        assert_eq!(server.post(event("evt_1").to_string()).await.status, 200);
        let rename = async |sql: &'static str| {
            until("the table has its name", async || {
                let mut tx = db.begin().await.ok()?;
                query(&mut tx, sql).execute().await.ok()?;
                tx.commit().await.ok()
            })
            .await;
        };
        rename("ALTER TABLE stripe_events RENAME TO elsewhere").await;
        for (_, answer, _) in post_all(&server, &named("gone", 20)).await {
            assert_told_to_try_again(&answer);
        }
        assert_eq!(server.get("/healthz").await.status, 200);
        assert_eq!(server.get("/readyz").await.status, 503);
        rename("ALTER TABLE elsewhere RENAME TO stripe_events").await;
        server.assert_well(&db).await;
        for (_, answer, _) in post_all(&server, &named("gone", 20)).await {
            assert_eq!(answer.status, 200);
        }
        assert_eq!(server.get("/readyz").await.status, 200);
        server.end().await;
    }
}

#[test]
fn a_lock_on_postgres_is_seen_by_whoever_asks_whether_the_server_is_ready() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let server = Running::start(&pool(&db).await).await;
        let other = Db::connect(db.url()).await.unwrap();
        let held = lock(&other).await;
        let start = Instant::now();
        let answer = server.get("/readyz").await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        drop(held);
        until("it is ready again", async || {
            Some(server.get("/readyz").await).filter(|answer| answer.status == 200)
        })
        .await;
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn cut_connections_to_postgres_cost_a_503_at_most() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let served = pool(&db).await;
        let server = Running::start(&served).await;
        let admin = Db::connect(db.url()).await.unwrap();
        let mut stored = Vec::new();
        for round in 0..10 {
            let names = named(&format!("round_{round}"), 20);
            let cut = async {
                let cut = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                let (_,): (i64,) = query(&admin, cut).fetch_one().await.unwrap();
            };
            let ((), answers) = tokio::join!(cut, post_all(&server, &names));
            for (id, answer, _) in answers {
                if answer.status == 200 {
                    stored.push(id);
                } else {
                    assert_told_to_try_again(&answer);
                }
            }
            until("the server stores again", async || {
                let id = format!("evt_again_{round}");
                Some(server.post(event(&id).to_string()).await).filter(|answer| answer.status == 200)
            })
            .await;
        }
        let kept: Vec<String> = until("the test's own pool has recovered", async || {
            let rows: Result<Vec<(String,)>, _> =
                query(&admin, "SELECT id FROM stripe_events").fetch_all().await;
            rows.ok().map(|rows| rows.into_iter().map(|row| row.0).collect())
        })
        .await;
        for id in stored {
            assert!(kept.contains(&id), "{id} was answered with 200 and is not there");
        }
        server.assert_well(&admin).await;
        server.end().await;
    });
}

#[test]
fn a_server_of_postgres_that_has_no_connection_left_is_answered_for_with_503() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let limits = Limits { connections: 2, patience: Duration::from_millis(500), ..Limits::default() };
        let served = Db::connect_within(db.url(), limits).await.unwrap();
        let server = Running::start(&served).await;
        let first = until("a connection", async || served.begin().await.ok()).await;
        let second = until("a connection", async || served.begin().await.ok()).await;
        for (id, answer, took) in post_all(&server, &named("none", 20)).await {
            assert_told_to_try_again(&answer);
            assert!(took < Duration::from_secs(10), "{id} took {took:?}");
        }
        drop((first, second));
        until("the server stores again", async || {
            Some(server.post(event("evt_after").to_string()).await).filter(|answer| answer.status == 200)
        })
        .await;
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn events_whose_senders_hung_up_keep_their_share_of_the_memory() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let mut settings = settings();
        settings.body_limit = 300_000;
        settings.body_budget = 1_000_000;
        let server = Running::start_with(&pool(&db).await, settings).await;
        let other = Db::connect(db.url()).await.unwrap();
        let held = lock(&other).await;
        let waiting = async || {
            let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                           AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO stripe_events %'";
            let (waiting,): (i64,) = query(&*db, waiting).fetch_one().await.unwrap();
            waiting
        };
        let mut refused = false;
        for n in 0..8 {
            let mut raw = server.connect().await;
            raw.send(post(SECRET, NOW, event_of(&format!("evt_{n}"), 250_000))).await;
            refused = until("it is on its way or turned away", async || {
                let answered = !raw.stays_silent(Duration::from_millis(10)).await;
                (answered || waiting().await > n).then_some(answered)
            })
            .await;
            if refused {
                break;
            }
        }
        assert!(refused, "{} events of 250,000 bytes are held within 1,000,000 bytes", waiting().await);
        drop(held);
        until("the memory is free again", async || {
            (server.post(event_of("evt_late", 250_000)).await.status == 200).then_some(())
        })
        .await;
        server.assert_well(&db).await;
        server.end().await;
    });
}
