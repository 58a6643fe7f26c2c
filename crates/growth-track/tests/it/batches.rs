//! A message counts once, a bad event stops nobody, and a batch is stored as a whole.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Json, query};
use growth_testkit::on_each_engine;
use growth_track::{Counting, Event, Recorded, Settings, record};
use serde_json::{Value, json};

use crate::samples::{at, counts, message, search, settings};

/// `created_at`, `event_category`, `session_id`, `properties`, `duration_ms`, `status`, `error_message`.
type FieldsOfARow = (DateTime<Utc>, String, Option<String>, Json<Value>, Option<i64>, String, Option<String>);

fn recorded(stored: usize, duplicates: usize) -> Recorded {
    Recorded { stored, duplicates, ..Recorded::default() }
}

on_each_engine! {
    async fn a_message_sent_again_changes_nothing(db: TestDb) {
        let first = record(&db, &[message("m1"), message("m2"), message("m1")], &settings()).await.unwrap();
        assert_eq!(first, recorded(2, 1));
        let before = counts(&db).await;
        // Another clock correction, another user: the id alone says that it is the same message.
        let again = Event {
            at: at("2026-07-02T12:00:00Z"), user: Some("new".to_owned()), ..message("m1")
        };
        let retried = record(&db, &[again, message("m2")], &settings()).await.unwrap();
        assert_eq!((retried, counts(&db).await), (recorded(0, 2), before));
        let other = Event { source: "other".to_owned(), ..message("m1") };
        assert_eq!(record(&db, &[other], &settings()).await.unwrap(), recorded(1, 0));
    }

    async fn a_message_is_not_counted_again_when_its_receipt_is_gone(db: TestDb) {
        record(&db, &[message("m1")], &settings()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "DELETE FROM event_receipts").execute().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(record(&db, &[message("m1"), message("m2")], &settings()).await.unwrap(), recorded(1, 1));
        assert_eq!(counts(&db).await, [2, 2, 1, 2, 2]);
    }

    async fn equal_events_without_a_message_id_are_all_kept(db: TestDb) {
        assert_eq!(record(&db, &[search(), search()], &settings()).await.unwrap(), recorded(2, 0));
        assert_eq!(record(&db, &[search()], &settings()).await.unwrap(), recorded(1, 0));
        assert_eq!(counts(&db).await, [3, 0, 1, 3, 3]);
    }

    async fn events_of_one_microsecond_keep_the_order_of_their_batch(db: TestDb) {
        let names = ["c_first", "a_second", "b_third"];
        let events = names.map(|name| Event { name: name.to_owned(), ..search() });
        record(&db, &events, &settings()).await.unwrap();
        let stored: Vec<(String,)> = query(&*db, "SELECT event_name FROM events ORDER BY user_id, created_at, id")
            .fetch_all().await.unwrap();
        assert_eq!(stored.into_iter().map(|(name,)| name).collect::<Vec<_>>(), names);
    }

    async fn bad_events_are_named_and_the_good_ones_are_kept(db: TestDb) {
        let settings = settings();
        let bad: Vec<(Event, &str)> = vec![
            (Event { name: "User-Signed-Up".to_owned(), ..search() },
                "an event name begins with a letter from a to z, not 'U': \"User-Signed-Up\", \
                 did you mean user_signed_up?"),
            (Event { name: String::new(), ..search() }, "an event name cannot be empty"),
            (Event { category: Some("sales".to_owned()), ..search() },
                "unknown event category \"sales\": use user_action, system, revenue, feature_usage, \
                 performance or error"),
            (Event { status: "done".to_owned(), ..search() },
                "unknown event status \"done\": use success, failed or pending"),
            (Event { properties: json!([1]), ..search() }, "properties are not a JSON object"),
            (Event { duration_ms: Some(-1), ..search() },
                "duration_ms is -1: it has to be from 0 to 31622400000"),
            (Event { duration_ms: Some(i64::MAX), ..search() },
                "duration_ms is 9223372036854775807: it has to be from 0 to 31622400000"),
            (Event { properties: json!({"contacts": u64::MAX}), ..search() },
                "the property contacts is 18446744073709551615: it has to be from 0 to 1000000000"),
            (Event { user: Some("\0".to_owned()), ..search() }, "user is empty: leave it out or fill it"),
            (message(""), "message_id is empty: leave it out or fill it"),
            (message(&"m".repeat(256)), "message_id has 256 bytes, more than 255"),
            (Event { at: at("1999-12-31T23:59:59Z"), ..search() },
                "1999-12-31 23:59:59 UTC is before the year 2000"),
            (Event { at: settings.received_at + TimeDelta::hours(25), ..search() },
                "2027-01-01 13:00:00 UTC is more than a day ahead of its arrival"),
        ];
        let mut events = vec![message("good")];
        events.extend(bad.iter().map(|(event, _)| event.clone()));
        events.push(search());
        let outcome = record(&db, &events, &settings).await.unwrap();
        let named = bad.iter().enumerate().map(|(i, (_, problem))| (i + 1, (*problem).to_owned())).collect();
        assert_eq!(outcome, Recorded { erased: 0, stored: 2, duplicates: 0, rejected: named });
        assert_eq!(counts(&db).await, [2, 1, 1, 2, 2]);
    }

    async fn a_rejected_message_may_be_sent_again_corrected(db: TestDb) {
        let bad = Event { status: "done".to_owned(), ..message("m1") };
        assert_eq!(record(&db, &[bad, message("m1")], &settings()).await.unwrap().stored, 1);
    }

    async fn every_field_is_stored_as_it_was_told(db: TestDb) {
        let told = Event {
            at: at("2026-07-01T12:00:00.123456789Z"),
            category: Some("performance".to_owned()),
            session_id: Some("s\0-1".to_owned()),
            properties: json!({"it's": "\"quoted\" ünïcode 🎈 \0", "\0key": [1.5, null, true, {"deep": "\0"}]}),
            duration_ms: Some(1_500),
            status: "failed".to_owned(),
            error_message: Some("line 1\nline 2 \\ \u{7f}".to_owned()),
            ..search()
        };
        record(&db, &[told], &settings()).await.unwrap();
        let row: FieldsOfARow = query(
            &*db,
            "SELECT created_at, event_category, session_id, properties, duration_ms, status, error_message
             FROM events",
        ).fetch_one().await.unwrap();
        assert_eq!(row, (
            at("2026-07-01T12:00:00.123456Z"),
            "performance".to_owned(),
            Some("s-1".to_owned()),
            Json(json!({"it's": "\"quoted\" ünïcode 🎈 ", "key": [1.5, null, true, {"deep": ""}]})),
            Some(1_500),
            "failed".to_owned(),
            Some("line 1\nline 2 \\ \u{7f}".to_owned()),
        ));
    }

    async fn a_category_is_the_told_one_or_the_catalogues(db: TestDb) {
        let named = |name: &str, category: Option<&str>| Event {
            name: name.to_owned(), category: category.map(str::to_owned), ..search()
        };
        let events = [
            named("api_error", None),
            named("page_load", Some("system")),
            named("pitch_generated", None),
            named("pitch_sent", Some("revenue")),
        ];
        record(&db, &events, &settings()).await.unwrap();
        let stored: Vec<(String, String)> =
            query(&*db, "SELECT event_name, event_category FROM events ORDER BY event_name")
                .fetch_all().await.unwrap();
        let stored: Vec<(&str, &str)> = stored.iter().map(|(n, c)| (n.as_str(), c.as_str())).collect();
        assert_eq!(stored, [
            ("api_error", "error"),
            ("page_load", "system"),
            ("pitch_generated", "user_action"),
            ("pitch_sent", "revenue"),
        ]);
    }

    async fn a_batch_that_cannot_be_stored_leaves_nothing(db: TestDb) {
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE daily_event RENAME TO gone").execute().await.unwrap();
        tx.commit().await.unwrap();
        record(&db, &[message("m1")], &settings()).await.unwrap_err();
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE gone RENAME TO daily_event").execute().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(counts(&db).await, [0; 5]);
        assert_eq!(record(&db, &[message("m1")], &settings()).await.unwrap(), recorded(1, 0));
    }

    async fn nothing_to_store_needs_no_database(db: TestDb) {
        db.close().await;
        let bad = Event { status: "done".to_owned(), ..search() };
        assert_eq!(record(&db, &[bad], &settings()).await.unwrap().rejected.len(), 1);
        assert_eq!(record(&db, &[], &settings()).await.unwrap(), Recorded::default());
    }

    async fn a_thousand_events_are_one_batch(db: TestDb) {
        let events: Vec<Event> = (0..1_000)
            .map(|i| Event { user: Some(format!("u{}", i % 100)), ..message(&format!("m{i}")) })
            .collect();
        let settings = Settings {
            counting: Counting { activation_event: Some("search_performed".to_owned()), ..settings().counting },
            ..settings()
        };
        assert_eq!(record(&db, &events, &settings).await.unwrap(), recorded(1_000, 0));
        assert_eq!(counts(&db).await, [1_000, 1_000, 100, 1_000, 1_000]);
    }
}
