//! The SQL functions that other clients of a Postgres call.

use growth_db::{AssertSqlSafe, Db, query};
use growth_testkit::TestDb;

use crate::access::{execute, rows};

/// Calls `increment_usage_counter` as the service role, without and with what is beyond the three first arguments.
async fn count(db: &Db, arguments: &str) -> Result<bool, String> {
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, "SET LOCAL ROLE service_role").execute().await.unwrap();
    let sql = format!("SELECT growth.increment_usage_counter({arguments})");
    let counted: Result<(bool,), _> = query(&mut tx, AssertSqlSafe(sql)).fetch_one().await;
    let (counted,) = counted.map_err(|error| {
        error.as_database_error().map_or(error.to_string(), |error| error.message().to_owned())
    })?;
    tx.commit().await.unwrap();
    Ok(counted)
}

async fn forget(db: &Db, user: &str) {
    // As `growthctl forget` does it.
    execute(
        db,
        format!(
            "UPDATE users SET erased_at = now(), email = NULL, external_id = 'erased:' || encode(sha256(convert_to(\
             (SELECT value FROM settings WHERE key = 'erasure_salt') || external_id, 'UTF8')), 'hex') \
             WHERE external_id = '{user}'"
        ),
    )
    .await;
}

async fn counters(db: &Db) -> Vec<(String, String, i64, i64, i64)> {
    rows(
        db,
        "SELECT external_id, CAST(date AS TEXT), enrichments, sessions, session_duration_ms
        FROM usage_counters JOIN users ON users.id = user_id ORDER BY 1, 2",
    )
    .await
}

async fn to_link(db: &Db) -> Vec<(String,)> {
    rows(db, "SELECT external_id FROM users_to_link JOIN users ON users.id = user_id ORDER BY 1").await
}

#[test]
fn increments_add_up_and_new_users_are_made_known() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        for _ in 0..2 {
            assert!(count(&db, "'ann', DATE '2026-11-02', 'web', 3, p_sessions => 1").await.unwrap());
        }
        assert!(
            count(&db, "'ann', DATE '2026-11-01', 'web', p_session_duration_ms => 1000000000000")
                .await
                .unwrap()
        );
        assert!(count(&db, "'bob', DATE '2026-11-01', ''").await.unwrap());
        let row = |user: &str, day: &str, enrichments, sessions, ms| {
            (user.to_owned(), day.to_owned(), enrichments, sessions, ms)
        };
        assert_eq!(
            counters(&db).await,
            [
                row("ann", "2026-11-01", 0, 0, 1_000_000_000_000),
                row("ann", "2026-11-02", 6, 2, 0),
                row("bob", "2026-11-01", 0, 0, 0),
            ]
        );
        // As old as the middle of the first day, as the library has it, and waiting for payments.
        let users: Vec<(String, bool, String)> = rows(
            &db,
            "SELECT external_id, known_from_events, CAST(created_at AT TIME ZONE 'UTC' AS TEXT) FROM users ORDER BY 1",
        )
        .await;
        let noon = "2026-11-01 12:00:00".to_owned();
        assert_eq!(users, [("ann".to_owned(), true, noon.clone()), ("bob".to_owned(), true, noon)]);
        assert_eq!(to_link(&db).await, [("ann".to_owned(),), ("bob".to_owned(),)]);
        // Whom the application told of stays as it was told.
        execute(&db, "UPDATE users SET known_from_events = false;\nDELETE FROM users_to_link").await;
        assert!(count(&db, "'ann', DATE '2020-01-01', 'web', 1").await.unwrap());
        let users: Vec<(bool, i64)> = rows(
            &db,
            "SELECT known_from_events, COUNT(*) FROM users WHERE created_at > '2026-01-01' GROUP BY 1",
        )
        .await;
        assert_eq!((users, to_link(&db).await), (vec![(false, 2)], vec![]));
        // Today counts, and so does tomorrow, where it has begun already.
        assert!(count(&db, "'ann', CAST(now() AT TIME ZONE 'UTC' AS DATE) + 1, 'web', 1").await.unwrap());
    });
}

#[test]
fn a_message_is_counted_once() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let mut counted = Vec::new();
        for message in ["'m1'", "'m1'", "'m2'", "'m1', p_source => 'other'", "NULL", "NULL"] {
            counted.push(
                count(&db, &format!("'ann', DATE '2026-11-02', 'web', 1, p_message_id => {message}"))
                    .await
                    .unwrap(),
            );
        }
        assert_eq!(counted, [true, false, true, true, true, true]);
        assert_eq!(counters(&db).await[0].2, 5);
        // What is refused leaves no receipt.
        count(&db, "'ann', DATE '2026-11-02', 'web', -1, p_message_id => 'm3'").await.unwrap_err();
        assert!(count(&db, "'ann', DATE '2026-11-02', 'web', 1, p_message_id => 'm3'").await.unwrap());
    });
}

#[test]
fn what_cannot_be_counted_is_refused_and_says_why() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let long = "é".repeat(128);
        for (arguments, problem) in [
            ("'', DATE '2026-11-02', 'web', 1", "p_user is empty"),
            ("NULL, DATE '2026-11-02', 'web', 1", "p_user is empty"),
            (&format!("'{long}', DATE '2026-11-02', 'web', 1"), "p_user has 256 bytes: it may have 255"),
            (&format!("'ann', DATE '2026-11-02', '{long}', 1"), "p_app has 256 bytes: it may have 255"),
            ("'ann', DATE '2026-11-02', NULL, 1", "p_app is missing"),
            (
                "'ann', DATE '1999-12-31', 'web', 1",
                "p_date is 1999-12-31: it has to be from the year 2000 to ",
            ),
            ("'ann', DATE '-infinity', 'web', 1", "p_date is -infinity: it has to be from the year 2000 to "),
            ("'ann', DATE 'infinity', 'web', 1", "p_date is infinity: it has to be from the year 2000 to "),
            ("'ann', CAST(now() AT TIME ZONE 'UTC' AS DATE) + 2, 'web', 1", "p_date is "),
            ("'ann', NULL, 'web', 1", "p_date is "),
            (
                "'ann', DATE '2026-11-02', 'web', -1",
                "p_enrichments is -1: it has to be from 0 to 1000000000000",
            ),
            (
                "'ann', DATE '2026-11-02', 'web', NULL",
                "p_enrichments is missing: it has to be from 0 to 1000000000000",
            ),
            (
                "'ann', DATE '2026-11-02', 'web', p_sessions => 1000000000001",
                "p_sessions is 1000000000001: it has to be from 0 to 1000000000000",
            ),
            ("'ann', DATE '2026-11-02', 'web', 1, p_message_id => ''", "p_message_id is empty"),
            ("'ann', DATE '2026-11-02', 'web', 1, p_source => NULL", "p_source is missing"),
        ] {
            let refused = count(&db, arguments).await.unwrap_err();
            assert!(refused.starts_with(problem), "{arguments}: {refused}");
        }
        assert_eq!(counters(&db).await, []);
        assert_eq!(rows::<(i64,)>(&db, "SELECT COUNT(*) FROM users").await, [(0,)]);
    });
}

#[test]
fn a_person_who_was_forgotten_is_not_counted() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        assert!(count(&db, "'ann', DATE '2026-11-02', 'web', 1").await.unwrap());
        forget(&db, "ann").await;
        execute(&db, "DELETE FROM usage_counters;\nDELETE FROM users_to_link").await;
        let (erased,) = rows::<(String,)>(&db, "SELECT external_id FROM users").await.remove(0);
        for user in ["ann", &erased] {
            assert!(!count(&db, &format!("'{user}', DATE '2026-11-02', 'web', 1")).await.unwrap(), "{user}");
        }
        assert_eq!((counters(&db).await, to_link(&db).await), (vec![], vec![]));
        assert_eq!(rows::<(String,)>(&db, "SELECT external_id FROM users").await, [(erased,)]);
    });
}

#[test]
fn a_person_who_is_forgotten_meanwhile_does_not_come_back() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        for counted in ["'ann', DATE '2026-11-02', 'web', 1", "'bob', DATE '2026-11-01', 'web', 1"] {
            let user = &counted[1..4];
            // Known from a later day, bob would become older: another way through the function.
            assert!(count(&db, &format!("'{user}', DATE '2026-11-02', 'web', 1")).await.unwrap());
            let mut tx = db.begin().await.unwrap();
            let forget = "UPDATE users SET erased_at = now(), external_id = 'erased:' || encode(sha256(convert_to(
                (SELECT value FROM settings WHERE key = 'erasure_salt') || external_id, 'UTF8')), 'hex') WHERE external_id = $1";
            query(&mut tx, forget).bind(user).execute().await.unwrap();
            let (other, arguments) = ((*db).clone(), counted.to_owned());
            let counting = tokio::spawn(async move { count(&other, &arguments).await });
            growth_testkit::until("the other waits for this transaction", async || {
                let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
                (rows::<(i64,)>(&db, waiting).await == [(1,)]).then_some(())
            })
            .await;
            tx.commit().await.unwrap();
            assert_eq!(counting.await.unwrap(), Ok(false), "{user}");
            let known = format!("SELECT COUNT(*) FROM users WHERE external_id = '{user}'");
            assert_eq!(rows::<(i64,)>(&db, &known).await, [(0,)], "{user}");
        }
    });
}

#[test]
fn many_clients_at_once_lose_nothing() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let db = (*db).clone();
                tokio::spawn(async move {
                    for n in 0..25 {
                        let message =
                            if n % 5 == 0 { format!("'same {n}'") } else { format!("'{client} {n}'") };
                        let user = n % 3;
                        let arguments =
                            format!("'u{user}', DATE '2026-11-02', 'web', 1, p_message_id => {message}");
                        count(&db, &arguments).await.unwrap();
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        let sum: i64 = counters(&db).await.iter().map(|row| row.2).sum();
        assert_eq!(sum, 8 * 20 + 5);
    });
}

async fn summary(
    db: &Db,
    role: &str,
    sub: &str,
    arguments: &str,
) -> Result<Vec<(String, i64, i64, i64)>, String> {
    let mut tx = db.begin().await.unwrap();
    let sql = format!("SELECT set_config('request.jwt.claims', '{{\"sub\":\"{sub}\"}}', true) AS claims");
    query(&mut tx, AssertSqlSafe(sql)).fetch_one::<(String,)>().await.unwrap();
    query(&mut tx, AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).execute().await.unwrap();
    let sql = format!(
        "SELECT event_name, events, successes, failures FROM growth.get_user_event_summary({arguments})"
    );
    let rows: Result<Vec<_>, _> = query(&mut tx, AssertSqlSafe(sql)).fetch_all().await;
    rows.map_err(|error| {
        error.as_database_error().map_or(error.to_string(), |error| error.message().to_owned())
    })
}

async fn with_events() -> TestDb {
    let db = growth_testkit::postgres().await;
    execute(
        &db,
        "INSERT INTO users (id, external_id, created_at, is_admin) VALUES (1, 'ann', now(), false), (2, 'root', now(), true);\n\
         CREATE TABLE events_all PARTITION OF events DEFAULT;\n\
         INSERT INTO events SELECT 1, now() - INTERVAL '1 hour' - n * INTERVAL '1 day', n, CASE WHEN n % 3 = 0 THEN 'search_failed' ELSE 'search_performed' END, \
         'user_action', 'web', NULL, '{}', NULL, CASE n % 3 WHEN 0 THEN 'failed' WHEN 1 THEN 'success' ELSE 'pending' END \
         FROM generate_series(0, 59) n",
    )
    .await;
    db
}

#[test]
fn a_summary_counts_the_last_days() {
    growth_testkit::block_on(async {
        let db = with_events().await;
        let row = |name: &str, events, successes, failures| (name.to_owned(), events, successes, failures);
        for (arguments, expected) in [
            ("'ann'", vec![row("search_performed", 20, 10, 0), row("search_failed", 10, 0, 10)]),
            ("'ann', 1", vec![row("search_failed", 1, 0, 1)]),
            ("'ann', 36500", vec![row("search_performed", 40, 20, 0), row("search_failed", 20, 0, 20)]),
            ("'root', 30", vec![]),
            ("'stranger', 30", vec![]),
            ("NULL, 30", vec![]),
        ] {
            let found = summary(&db, "service_role", "", arguments).await.unwrap();
            assert_eq!(found, expected, "{arguments}");
        }
        let last: Vec<(bool,)> =
            rows(&db, "SELECT last_at > now() - INTERVAL '2 hours' FROM get_user_event_summary('ann', 30) WHERE failures > 0").await;
        assert_eq!(last, [(true,)]);
        for days in ["0", "-1", "36501", "NULL"] {
            let refused = summary(&db, "service_role", "", &format!("'ann', {days}")).await.unwrap_err();
            assert!(refused.ends_with(": it has to be from 1 to 36500"), "{refused}");
        }
    });
}

#[test]
fn users_ask_about_themselves_admins_and_servers_about_anybody() {
    growth_testkit::block_on(async {
        let db = with_events().await;
        let refused = Err("a user may ask only about oneself".to_owned());
        for (role, sub, user, may) in [
            ("authenticated", "ann", "ann", true),
            ("authenticated", "ann", "root", false),
            ("authenticated", "ann", "stranger", false),
            ("authenticated", "", "ann", false),
            ("authenticated", "stranger", "ann", false),
            ("authenticated", "root", "ann", true),
            ("service_role", "", "ann", true),
            ("service_role", "root", "ann", true),
        ] {
            let found = summary(&db, role, sub, &format!("'{user}', 7")).await;
            if may {
                assert_eq!(found.unwrap().len(), 2, "{role} {sub} {user}");
            } else {
                assert_eq!(found, refused, "{role} {sub} {user}");
            }
        }
        assert_eq!(summary(&db, "authenticated", "", "NULL, 7").await, Ok(vec![]), "nobody learns nothing");
        forget(&db, "root").await;
        assert_eq!(summary(&db, "authenticated", "root", "'ann', 7").await, refused);
        forget(&db, "ann").await;
        assert_eq!(summary(&db, "authenticated", "ann", "'ann', 7").await, Ok(vec![]));
    });
}
