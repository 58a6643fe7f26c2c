//! Keys, bodies, limits, answers: what a client meets before anybody reads what it says.

use axum::http::Method;
use flate2::Compression;
use flate2::write::GzEncoder;
use growth_collector::{MAX_BATCH, OPENAPI, Settings};
use growth_db::query;
use growth_testkit::on_each_engine;
use growth_track::{create_key, revoke_keys};
use serde_json::{Value, json};
use std::io::Write;

use crate::place::{NOW, Place, at};

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

on_each_engine! {
    async fn every_route_takes_its_call_with_and_without_a_slash_at_its_end(db: TestDb) {
        let place = Place::new(&db).await;
        let call = json!({"userId": "u1", "event": "Searched", "groupId": "g1", "previousId": "v1", "anonymousId": "v2"});
        let batch = json!({"batch": [{"type": "track", "userId": "u1", "event": "searched"}]});
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut posts = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            if operations["post"].is_null() {
                let answer = place.ask(Method::GET, path, &[], "").await;
                assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, OPENAPI));
                continue;
            }
            let body = if path.ends_with("batch") || path.ends_with("/b") || path.ends_with("import") { &batch } else { &call };
            for path in [path.clone(), format!("{path}/")] {
                let answer = place.post(&path, body).await;
                assert!(answer.is_success(), "{path}: {answer:?}");
                posts += 1;
            }
        }
        assert_eq!(posts, 30);
        // Track, page, screen and group are events, in both forms; so is what the three batches bring.
        assert_eq!(place.events().await, 2 * (4 * 2 + 3));
    }

    async fn the_key_is_taken_from_basic_else_the_body_else_a_bearer(db: TestDb) {
        let place = Place::new(&db).await;
        let event = |key: Option<&str>| json!({"event": "searched", "userId": "u1", "writeKey": key}).to_string();
        let (basic, bearer) = (place.basic(), format!("Bearer {}", place.key));
        let good = Some(place.key.as_str());
        for (authorization, key, status) in [
            (Some(basic.as_str()), None, 200),
            (None, good, 200),
            (Some(bearer.as_str()), None, 200),
            (Some("Basic eDo="), good, 401),
            (Some(bearer.as_str()), Some("x"), 401),
            (None, Some(""), 401),
            (None, None, 401),
            (Some("Digest x"), None, 401),
        ] {
            let headers: Vec<(&str, &str)> = authorization.map(|value| ("authorization", value)).into_iter().collect();
            let answer = place.ask(Method::POST, "/v1/track", &headers, event(key)).await;
            assert_eq!(answer.status.as_u16(), status, "{authorization:?} {key:?} {answer:?}");
            assert!(!answer.body.contains(&place.key));
        }
        assert_eq!(place.events().await, 3);
        let sources: Vec<(String,)> = query(&place.db, "SELECT DISTINCT source FROM event_receipts").fetch_all().await.unwrap();
        assert_eq!(sources, []);
    }

    async fn a_key_that_is_revoked_is_refused_and_a_new_one_is_taken_at_once(db: TestDb) {
        let place = Place::new(&db).await;
        let event = json!({"event": "searched", "userId": "u1", "messageId": "m1"});
        assert!(place.post("/v1/track", &event).await.is_success());
        // Another key of the same name: the same message is known.
        let second = Place { key: create_key(&db, "web", at(NOW)).await.unwrap(), ..Place::new(&db).await };
        assert!(second.post("/v1/track", &event).await.is_success());
        assert_eq!(place.events().await, 1);
        revoke_keys(&db, "web", at(NOW)).await.unwrap();
        let fresh = Place { key: place.key.clone(), ..Place::new(&db).await };
        assert_eq!(fresh.post("/v1/track", &event).await.status, 401);
    }

    async fn the_body_is_json_whatever_it_is_called_and_may_be_compressed(db: TestDb) {
        let place = Place::new(&db).await;
        let event = json!({"event": "searched", "userId": "u1"}).to_string();
        let key = place.basic();
        for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"] {
            let headers = [("authorization", key.as_str()), ("content-type", kind)];
            assert!(place.ask(Method::POST, "/v1/track", &headers, event.clone()).await.is_success(), "{kind}");
        }
        let headers = [("authorization", key.as_str()), ("content-encoding", "gzip")];
        assert!(place.ask(Method::POST, "/v1/track", &headers, zipped(&event)).await.is_success());
        assert_eq!(place.events().await, 5);
        let answer = place.ask(Method::POST, "/v1/track", &headers, event).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("not gzip as its header says"), "{}", answer.body);
        // A kilobyte that wants to become many megabytes.
        let bomb = zipped(&" ".repeat(64 << 20));
        assert!(bomb.len() < 128 << 10);
        assert_eq!(place.ask(Method::POST, "/v1/track", &headers, bomb).await.status, 413);
    }

    async fn only_a_body_that_is_no_json_is_bad(db: TestDb) {
        let place = Place::new(&db).await;
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for body in ["", "{", "[]", "null", "\"x\"", "{\"event\":\"a\"} x", deep.as_str()] {
            let answer = place.post_text("/v1/track", body.to_owned()).await;
            assert_eq!(answer.status, 400, "{body}");
            assert!(answer.body.contains("\"error\":\"the body is "), "{answer:?}");
        }
        assert_eq!(place.post_text("/v1/track", vec![b'{', 0xFF, b'}']).await.status, 400);
        for body in [json!({}), json!({"batch": {}}), json!({"batch": null})] {
            assert_eq!(place.post("/v1/batch", &body).await.status, 400);
        }
        assert!(place.post("/v1/batch", &json!({"batch": []})).await.is_success());
        assert_eq!(place.ask(Method::GET, "/v1/track", &[], "").await.status, 405);
        assert_eq!(place.ask(Method::POST, "/v1/other", &[], "").await.status, 404);
        assert_eq!(place.events().await, 0);
    }

    async fn what_is_too_large_is_left_out_and_the_rest_is_kept(db: TestDb) {
        let place = Place::new(&db).await;
        let call = |bytes: usize| json!({"type": "track", "event": "searched", "userId": "u", "properties": {"x": "y".repeat(bytes)}});
        assert_eq!(place.post("/v1/track", &call(33 << 10)).await.status, 413);
        assert!(place.post("/v1/track", &call(31 << 10)).await.is_success());
        let answer = place.post("/v1/batch", &json!({"batch": [call(10), call(40 << 10), call(10)]})).await;
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&body["success"], &body["kept"], &body["rejected"][0]["index"]), (&json!(false), &json!(2), &json!(1)));
        assert!(body["rejected"][0]["error"].as_str().unwrap().contains("more than 32768"), "{body}");
        // 20 of about 31 kB: 16 of them have 512 KiB.
        let calls: Vec<Value> = (0..20).map(|_| call(32_000)).collect();
        let body: Value = serde_json::from_str(&place.post("/v1/batch", &json!({"batch": calls})).await.body).unwrap();
        let rejected: Vec<i64> = body["rejected"].as_array().unwrap().iter().map(|one| one["index"].as_i64().unwrap()).collect();
        assert_eq!(rejected, [16, 17, 18, 19]);
        assert!(body["rejected"][0]["error"].as_str().unwrap().contains(&MAX_BATCH.to_string()));
        assert_eq!(place.events().await, 1 + 2 + 16);
        assert_eq!(place.post_text("/v1/batch", "x".repeat((1 << 20) + 1)).await.status, 413);
    }

    async fn pages_of_configured_origins_may_send(db: TestDb) {
        let anyone = Place::new(&db).await;
        let answer = anyone.ask(Method::OPTIONS, "/v1/t", &[("origin", "https://a.example")], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, Some("*")));
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
        assert_eq!(anyone.ask(Method::POST, "/v1/t", &[], "{}").await.header("access-control-allow-origin"), Some("*"));
        let settings = Settings { origins: vec!["https://app.example".to_owned()], ..Settings::default() };
        let some = Place::with(&db, settings).await;
        for (origin, allowed) in [("https://app.example", true), ("https://app.example.evil", false), ("null", false)] {
            for method in [Method::OPTIONS, Method::POST] {
                let answer = some.ask(method, "/v1/batch/", &[("origin", origin)], "").await;
                let expected = allowed.then_some(origin);
                assert_eq!(answer.header("access-control-allow-origin"), expected);
                assert_eq!(answer.header("vary"), Some("origin"));
            }
        }
    }

    async fn trouble_with_the_database_is_told_so_that_the_client_sends_again(db: TestDb) {
        let place = Place::new(&db).await;
        let event = json!({"event": "searched", "userId": "u1", "messageId": "m1", "timestamp": NOW});
        assert!(place.post("/v1/track", &event).await.is_success());
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE user_milestones RENAME TO gone").execute().await.unwrap();
        tx.commit().await.unwrap();
        let other = json!({"event": "searched", "userId": "u1", "messageId": "m2", "timestamp": NOW});
        let answer = place.post("/v1/track", &other).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("5")));
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE gone RENAME TO user_milestones").execute().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(place.events().await, 1);
        assert!(place.post("/v1/track", &other).await.is_success());
        assert!(place.post("/v1/track", &other).await.is_success());
        assert_eq!(place.events().await, 2);
        let calls = place.collector.stats().calls();
        assert_eq!(calls, [("stored", 2), ("duplicate", 1), ("erased", 0), ("rejected", 0)]);
        let requests: Vec<(&str, u64)> = place.collector.stats().requests().filter(|(_, n)| *n > 0).collect();
        assert_eq!(requests, [("taken", 3), ("not_stored", 1)]);
    }
}
