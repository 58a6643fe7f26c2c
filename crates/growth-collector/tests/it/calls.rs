//! What calls mean, as it is stored.

use chrono::{DateTime, Utc};
use growth_db::{Db, Json, query};
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::place::{NOW, Place, at};

type Row = (String, String, String, Option<i64>, String, Json<Value>, bool);

/// `session_id`, `user_agent`, `referrer`, whether there is no address, and whether it is hashed.
type ContextOfARow = (Option<String>, Option<String>, Option<String>, bool, bool);

async fn rows(db: &Db) -> Vec<Row> {
    let sql = "SELECT event_name, event_category, app_name, duration_ms, status, properties, active
        FROM events ORDER BY event_name, id";
    query(db, sql).fetch_all().await.unwrap()
}

async fn times(place: &Place, calls: &[(Value, &str)]) {
    for (number, (call, expected)) in calls.iter().enumerate() {
        let mut call = call.clone();
        call["event"] = json!(format!("e{number}"));
        call["userId"] = json!("u");
        assert!(place.post("/v1/track", &call).await.is_success(), "{call}");
        let (stored,): (DateTime<Utc>,) =
            query(&place.db, "SELECT created_at FROM events WHERE event_name = $1")
                .bind(format!("e{number}"))
                .fetch_one()
                .await
                .unwrap();
        assert_eq!(stored, at(expected), "{call}");
    }
}

on_each_engine! {
    async fn the_time_is_corrected_by_the_clock_of_the_client(db: TestDb) {
        let place = Place::new(&db).await;
        let call = |timestamp: &str, sent_at: &str| json!({"timestamp": timestamp, "sentAt": sent_at});
        times(&place, &[
            (json!({}), NOW),
            (json!({"timestamp": null, "sentAt": null, "originalTimestamp": null}), NOW),
            (json!({"timestamp": "2026-06-30T10:00:00.123Z"}), "2026-06-30T10:00:00.123Z"),
            (json!({"originalTimestamp": "2026-06-30T10:00:00Z"}), "2026-06-30T10:00:00Z"),
            (json!({"timestamp": "2026-06-30T10:00:00Z", "originalTimestamp": "2026-01-01T00:00:00Z"}), "2026-06-30T10:00:00Z"),
            (call("2026-07-01T09:00:00Z", "2026-07-01T09:00:05Z"), "2026-07-01T11:59:55Z"),
            // A clock that is years ahead, or behind.
            (call("2031-01-01T00:00:00Z", "2031-01-01T01:00:00Z"), "2026-07-01T11:00:00Z"),
            (call("2010-01-01T00:00:00Z", "2010-01-01T01:00:00Z"), "2026-07-01T11:00:00Z"),
            // The future is capped.
            (json!({"timestamp": "2026-07-02T00:00:00Z"}), NOW),
            (call("2026-07-01T12:00:05Z", "2026-07-01T12:00:00Z"), NOW),
            // A time by another zone, and with 3, 6 or 9 digits.
            (json!({"timestamp": "2026-07-01T12:30:00+01:00"}), "2026-07-01T11:30:00Z"),
            (json!({"timestamp": "2026-07-01T11:00:00.123+00:00"}), "2026-07-01T11:00:00.123Z"),
            (json!({"timestamp": "2026-07-01T11:00:00.123456+00:00"}), "2026-07-01T11:00:00.123456Z"),
            (json!({"timestamp": "2026-07-01T11:00:00.123456789Z"}), "2026-07-01T11:00:00.123456Z"),
            // When it was sent is only a help.
            (json!({"timestamp": "2026-07-01T11:00:00Z", "sentAt": "yesterday"}), "2026-07-01T11:00:00Z"),
        ]).await;
    }

    async fn the_parts_of_a_call_go_where_they_belong(db: TestDb) {
        let place = Place::new(&db).await;
        let context = json!({"app": {"name": "finder"}, "ip": "192.0.2.1", "userAgent": "B/1", "unknown": [1],
            "page": {"referrer": "https://from.example/"}, "sessionId": 17});
        let calls = json!({"context": context, "sentAt": null, "integrations": {}, "batch": [
            {"type": "track", "event": "Enrichment Completed", "userId": 4711, "extra": true, "properties":
                {"contacts": 3, "duration_ms": 250, "status": "failed", "error_message": "no match", "plan": "pro"}},
            {"type": "page", "name": "Pricing", "category": "docs", "userId": "4711", "properties": {"status": "draft"}},
            {"type": "screen", "name": "Home", "anonymousId": "v1", "context": {"active": false, "app": null}},
            {"type": "group", "userId": "4711", "groupId": 5, "traits": {"name": "Label"}},
            {"type": "track", "event": "feature_used", "properties": {"category": "error", "session_id": "s9", "duration_ms": 1.5}},
        ]});
        assert!(place.post("/v1/batch", &calls).await.is_success());
        let row = |name: &str, category: &str, ms: Option<i64>, status: &str, properties: Value, active: bool| -> Row {
            (name.to_owned(), category.to_owned(), "finder".to_owned(), ms, status.to_owned(), Json(properties), active)
        };
        assert_eq!(rows(&db).await, [
            row("enrichment_completed", "feature_usage", Some(250), "failed", json!({"contacts": 3, "plan": "pro"}), true),
            row("feature_used", "error", None, "success", json!({"duration_ms": 1.5}), true),
            row("group_joined", "system", None, "success", json!({"name": "Label", "group_id": "5"}), false),
            row("page_viewed", "user_action", None, "success",
                json!({"page_name": "Pricing", "page_category": "docs", "status": "draft"}), true),
            row("screen_viewed", "user_action", None, "success", json!({"screen_name": "Home"}), false),
        ]);
        let contexts: Vec<ContextOfARow> = query(&*db,
            "SELECT session_id, user_agent, referrer, ip IS NULL AS no_ip, ip_hash IS NOT NULL AS hashed FROM events
             WHERE event_name IN ('enrichment_completed', 'feature_used') ORDER BY event_name")
            .fetch_all().await.unwrap();
        let words = |session: &str| {
            (Some(session.to_owned()), Some("B/1".to_owned()), Some("https://from.example/".to_owned()), true, true)
        };
        assert_eq!(contexts, [words("17"), words("s9")]);
        // Whom an application tells of is not there because of it, and a visitor is no user.
        assert_eq!(place.number("SELECT CAST(SUM(n) AS BIGINT) FROM user_activity WHERE user_id > 0").await, 2);
        assert_eq!(place.number("SELECT COUNT(*) FROM users").await, 1);
    }

    async fn what_a_page_or_a_group_is_like_says_nothing_of_the_event(db: TestDb) {
        let place = Place::new(&db).await;
        // As Segment's client for Node sends it: the category twice.
        let call = json!({"userId": "u", "name": "Oops", "category": "error", "properties": {"category": "error"}});
        for path in ["/v1/page", "/v1/screen"] {
            assert!(place.post(path, &call).await.is_success());
        }
        let traits = json!({"category": "revenue", "status": "pending", "session_id": "s", "duration_ms": 1});
        let group = json!({"userId": "u", "groupId": "g", "traits": traits});
        assert!(place.post("/v1/group", &group).await.is_success());
        let row = |name: &str, category: &str, properties: Value, active: bool| -> Row {
            (name.to_owned(), category.to_owned(), String::new(), None, "success".to_owned(), Json(properties), active)
        };
        let mut traits = traits;
        traits["group_id"] = json!("g");
        assert_eq!(rows(&db).await, [
            row("group_joined", "system", traits, false),
            row("page_viewed", "user_action",
                json!({"category": "error", "page_category": "error", "page_name": "Oops"}), true),
            row("screen_viewed", "user_action",
                json!({"category": "error", "screen_category": "error", "screen_name": "Oops"}), true),
        ]);
    }

    async fn visitors_become_users_by_identify_and_by_alias(db: TestDb) {
        let place = Place::new(&db).await;
        for visitor in ["v1", "v2", "v3"] {
            assert!(place.post("/v1/t", &json!({"event": "searched", "anonymousId": visitor})).await.is_success());
        }
        let identify = json!({"userId": "ann", "anonymousId": "v1", "timestamp": "2026-06-30T00:00:00Z",
            "traits": {"email": "ann@example.com", "createdAt": "2026-06-01"}});
        assert!(place.post("/v1/identify", &identify).await.is_success());
        assert!(place.post("/v1/alias", &json!({"userId": "ann", "previousId": "v2"})).await.is_success());
        assert!(place.post("/v1/identify", &json!({"anonymousId": "v3", "traits": {"email": "x@example.com"}})).await.is_success());
        assert_eq!(place.number("SELECT COUNT(*) FROM events WHERE user_id > 0").await, 2);
        let users: Vec<(String, Option<String>, DateTime<Utc>)> =
            query(&*db, "SELECT external_id, email, created_at FROM users").fetch_all().await.unwrap();
        assert_eq!(users, [("ann".to_owned(), Some("ann@example.com".to_owned()), at("2026-06-01T00:00:00Z"))]);
        for (created_at, expected) in [
            (json!(1_780_000_000), at("2026-05-28T20:26:40Z")),
            (json!(1_780_000_000_000_i64), at("2026-05-28T20:26:40Z")),
            (json!("2026-05-01T10:00:00.000Z"), at("2026-05-01T10:00:00Z")),
        ] {
            let identify = json!({"userId": "ann", "traits": {"created_at": created_at}});
            assert!(place.post("/v1/identify", &identify).await.is_success());
            let (stored,): (DateTime<Utc>,) = query(&*db, "SELECT created_at FROM users").fetch_one().await.unwrap();
            assert_eq!(stored, expected);
        }
    }

    async fn a_call_counts_once_however_often_and_whenever_it_is_sent(db: TestDb) {
        let place = Place::new(&db).await;
        let with_id = |sent_at: &str| json!({"event": "searched", "userId": "u", "messageId": "m1",
            "timestamp": "2026-07-01T10:00:00Z", "sentAt": sent_at});
        // Without an id, a call that has a time is known by what it says, in whatever order.
        let without = |sent_at: &str| json!({"event": "exported", "userId": "u", "properties": {"a": 1, "b": [2]},
            "timestamp": "2026-07-01T10:00:00Z", "sentAt": sent_at});
        let turned = json!({"sentAt": "2026-07-01T10:02:00Z", "writeKey": place.key, "timestamp": "2026-07-01T10:00:00Z",
            "properties": {"b": [2], "a": 1}, "userId": "u", "event": "exported"});
        for _ in 0..2 {
            for sent_at in ["2026-07-01T10:00:01Z", "2026-07-01T10:05:00Z"] {
                assert!(place.post("/v1/track", &with_id(sent_at)).await.is_success());
                assert!(place.post("/v1/track", &without(sent_at)).await.is_success());
            }
        }
        assert!(place.post("/v1/track", &turned).await.is_success());
        assert_eq!(place.events().await, 2);
        // One that says something else is another; and one without any time is new each time.
        let mut other = turned.clone();
        other["properties"]["a"] = json!(2);
        assert!(place.post("/v1/track", &other).await.is_success());
        for _ in 0..2 {
            assert!(place.post("/v1/track", &json!({"event": "opened", "userId": "u"})).await.is_success());
        }
        assert_eq!(place.events().await, 5);
        let batch = json!({"batch": vec![json!({"type": "track", "event": "closed", "userId": "u", "messageId": "m9"}); 3]});
        assert!(place.post("/v1/batch", &batch).await.is_success());
        assert_eq!(place.events().await, 6);
    }

    async fn requests_at_the_same_time_are_each_told_of_their_own(db: TestDb) {
        let place = std::sync::Arc::new(Place::new(&db).await);
        let tasks: Vec<_> = (0..64).map(|n| {
            let place = std::sync::Arc::clone(&place);
            tokio::spawn(async move {
                let good = |i: i32| json!({"type": "track", "event": "searched", "userId": format!("u{}", i % 7), "messageId": format!("{n}-{i}")});
                let bad = json!({"type": "track", "event": "2 much", "userId": "u"});
                let calls = if n % 2 == 0 { json!([good(1), bad, good(2)]) } else { json!([good(1), good(2)]) };
                let answer = place.post("/v1/batch", &json!({"batch": calls})).await;
                if n % 2 == 0 {
                    let body: Value = serde_json::from_str(&answer.body).unwrap();
                    assert_eq!((body["rejected"].as_array().unwrap().len(), &body["rejected"][0]["index"]), (1, &json!(1)), "{body}");
                } else {
                    assert!(answer.is_success(), "{answer:?}");
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(place.events().await, 128);
    }
}
