//! Every field with every kind of wrong value: what is refused, with which words, and that the rest is kept.

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::place::Place;

/// A call that is refused, and what is said of it.
fn refused() -> Vec<(Value, &'static str)> {
    let long = "x".repeat(256);
    let track = |more: Value| {
        let mut call = json!({"type": "track", "event": "searched", "userId": "u"});
        for (key, value) in more.as_object().unwrap() {
            call[key] = value.clone();
        }
        call
    };
    vec![
        (json!(5), "the call is no JSON object"),
        (json!({}), "the call has no type"),
        (json!({"type": 5}), "type is no text"),
        (
            json!({"type": "tracked"}),
            "the type \"tracked\" is unknown: use track, identify, page, screen, group or alias",
        ),
        (json!({"type": "track"}), "a track call needs an event, the name of what happened"),
        (track(json!({"event": 5})), "event is no text"),
        (track(json!({"event": " !"})), "an event name cannot be empty"),
        (
            track(json!({"event": "2 much"})),
            "an event name begins with a letter from a to z, not '2': \"2_much\"",
        ),
        (
            track(json!({"event": "Größe"})),
            "an event name has only letters from a to z, digits and underscores, not 'ö': \"größe\"",
        ),
        (track(json!({"event": "x".repeat(101)})), "an event name has at most 100 characters, not 101"),
        (track(json!({"userId": [1]})), "userId is no text"),
        (track(json!({"userId": 1.5})), "userId is no text"),
        (track(json!({"userId": long})), "user has 256 bytes, more than 255"),
        (track(json!({"userId": null, "anonymousId": long})), "anonymous_id has 256 bytes, more than 255"),
        (track(json!({"anonymousId": true})), "anonymousId is no text"),
        (track(json!({"messageId": {}})), "messageId is no text"),
        (track(json!({"messageId": long})), "message_id has 256 bytes, more than 255"),
        (
            track(json!({"timestamp": "noon"})),
            "timestamp is \"noon\", and no time such as 2026-07-01T12:00:00Z",
        ),
        (
            track(json!({"timestamp": 1_780_000_000})),
            "timestamp is 1780000000, and no time such as 2026-07-01T12:00:00Z",
        ),
        (
            track(json!({"originalTimestamp": []})),
            "originalTimestamp is [], and no time such as 2026-07-01T12:00:00Z",
        ),
        (
            track(json!({"timestamp": "1999-12-31T23:59:59Z"})),
            "1999-12-31 23:59:59 UTC is before the year 2000",
        ),
        (track(json!({"properties": [1]})), "properties is no JSON object"),
        (
            track(json!({"properties": {"duration_ms": -1}})),
            "duration_ms is -1: it has to be from 0 to 31622400000",
        ),
        (
            track(json!({"properties": {"contacts": -1}})),
            "the property contacts is -1: it has to be from 0 to 1000000000",
        ),
        (track(json!({"context": {"app": {"name": long}}})), "app has 256 bytes, more than 255"),
        (json!({"type": "identify"}), "an identify call needs a userId or an anonymousId"),
        (json!({"type": "identify", "userId": "u", "traits": "x"}), "traits is no JSON object"),
        (
            json!({"type": "identify", "userId": "u", "traits": {"createdAt": "soon"}}),
            "traits.createdAt is \"soon\", and no time such as 2026-07-01T12:00:00Z",
        ),
        (
            json!({"type": "identify", "userId": "u", "traits": {"email": format!("{long}@example.com")}}),
            "email has 268 bytes, more than 255",
        ),
        (json!({"type": "alias", "previousId": "v"}), "an alias needs a userId"),
        (json!({"type": "alias", "userId": "u"}), "an alias needs a previousId"),
        (json!({"type": "group", "userId": "u"}), "a group call needs a groupId"),
        (json!({"type": "group", "userId": "u", "groupId": "g", "traits": 1}), "traits is no JSON object"),
        (json!({"type": "page", "userId": "u", "name": 1}), "name is no text"),
        (json!({"type": "screen", "userId": "u", "category": {}}), "category is no text"),
    ]
}

on_each_engine! {
    async fn each_bad_call_is_named_and_the_others_are_kept(db: TestDb) {
        let place = Place::new(&db).await;
        let good = |n: usize| json!({"type": "track", "event": "searched", "userId": "u", "messageId": format!("m{n}")});
        let mut calls = Vec::new();
        for (n, (bad, _)) in refused().into_iter().enumerate() {
            calls.extend([good(n), bad]);
        }
        let answer = place.post("/v1/batch", &json!({"batch": calls})).await;
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let told: Vec<(usize, &str)> = body["rejected"].as_array().unwrap().iter()
            .map(|one| (usize::try_from(one["index"].as_u64().unwrap()).unwrap(), one["error"].as_str().unwrap()))
            .collect();
        let refused = refused();
        let expected: Vec<(usize, &str)> = refused.iter().enumerate().map(|(n, (_, words))| (2 * n + 1, *words)).collect();
        assert_eq!(told, expected);
        assert_eq!(body["kept"], json!(refused.len()));
        assert_eq!(place.events().await, i64::try_from(refused.len()).unwrap());
    }

    async fn a_call_that_is_no_json_costs_itself_and_one_with_an_impossible_time_is_not_sent_forever(db: TestDb) {
        let place = Place::new(&db).await;
        let good = r#"{"type":"track","event":"searched","userId":"u"}"#;
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let body = format!(
            r#"{{"batch":[{good},{{"type":"track","event":"a","properties":{{"t":"\ud83d"}}}},{good},{{"type":"track","event":"a","properties":{{"n":1e999}}}},
            {{"type":"track","event":"a","properties":{{"d":{deep}}}}},
            {{"type":"identify","userId":"v","traits":{{"createdAt":"-262143-01-01"}}}},
            {{"type":"identify","userId":"v","traits":{{"createdAt":-9223372036854775808}}}},
            {{"type":"alias","userId":"v","previousId":"w","timestamp":"0000-01-01T00:00:00Z","sentAt":"9999-12-31T00:00:00Z"}}]}}"#
        );
        let answer = place.post_text("/v1/batch", body).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let rejected: Vec<i64> = body["rejected"].as_array().unwrap().iter().map(|one| one["index"].as_i64().unwrap()).collect();
        assert_eq!((answer.status.as_u16(), rejected), (200, vec![1, 3, 4, 5, 6, 7]), "{body}");
        assert_eq!(place.events().await, 2);
        assert_eq!(place.number("SELECT COUNT(*) FROM users").await, 1);
    }

    async fn what_a_batch_has_in_common_is_bounded(db: TestDb) {
        let place = Place::new(&db).await;
        let batch = |agent: usize, calls: usize| json!({"context": {"userAgent": "x".repeat(agent)},
            "batch": vec![json!({"type": "track", "event": "a"}); calls]});
        assert_eq!(place.post("/v1/batch", &batch(40_000, 1)).await.status, 413);
        assert_eq!(place.post("/v1/batch", &batch(1, 10_001)).await.status, 413);
        assert!(place.post("/v1/batch", &batch(30_000, 100)).await.is_success());
        assert_eq!(place.number("SELECT CAST(MAX(LENGTH(user_agent)) AS BIGINT) FROM events").await, 1024);
    }

    async fn a_server_with_other_settings_than_the_database_takes_events_all_the_same(db: TestDb) {
        Place::new(&db).await.post("/v1/track", &json!({"event": "searched", "userId": "u"})).await;
        let counting = growth_track::Counting { time_zone: Some("Asia/Tokyo".parse().unwrap()), activation_event: None };
        let other = Place::with(&db, growth_collector::Settings { counting, ..growth_collector::Settings::default() }).await;
        assert!(other.post("/v1/track", &json!({"event": "searched", "userId": "u"})).await.is_success());
        assert_eq!(other.events().await, 2);
    }

    async fn a_single_bad_call_is_answered_with_its_words(db: TestDb) {
        let place = Place::new(&db).await;
        let answer = place.post("/v1/track", &json!({"userId": "u"})).await;
        assert_eq!(answer.status, 200);
        let words = "a track call needs an event, the name of what happened";
        let expected = json!({"success": false, "kept": 0, "rejected": [{"index": 0, "error": words}]});
        assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), expected);
    }

    async fn text_that_a_database_cannot_hold_is_cleaned(db: TestDb) {
        let place = Place::new(&db).await;
        let call = json!({"event": "searched", "userId": "a\0b", "messageId": "m\0", "anonymousId": "v\0",
            "properties": {"k\0": "v\0", "n": {"x": ["\0"]}}, "context": {"userAgent": "\0", "ip": "\0"}});
        assert!(place.post("/v1/track", &call).await.is_success());
        assert_eq!(place.number("SELECT COUNT(*) FROM users WHERE external_id = 'ab'").await, 1);
    }
}
