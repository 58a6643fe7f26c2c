//! A tracker inside an application: what it takes is stored, or it says that it is not.

use std::sync::Arc;
use std::time::Duration;

use growth_db::query;
use growth_testkit::on_each_engine;
use growth_track::{
    Context, Counters, Counting, Event, ExportFormat, FlushError, Flushed, Options, TrackError, Tracker,
};

use crate::samples::{at, counts, number};

fn options(url: &str) -> Options {
    Options {
        app: "finder".to_owned(),
        counting: Counting { time_zone: Some(chrono_tz::Asia::Tokyo), activation_event: None },
        clock: Arc::new(|| at("2026-07-01T20:00:00Z")),
        // Nothing is stored because it waited: what a test waits for is a flush, a full batch or the end.
        linger: Duration::from_hours(1),
        ..Options::new(url)
    }
}

type Row = (String, String, Option<i64>, String, Option<String>, Option<String>);

on_each_engine! {
    async fn the_helpers_say_what_happened(db: TestDb) {
        let tracker = Tracker::connect(options(db.url())).unwrap();
        tracker.user_signed_up("ann").unwrap();
        tracker.enrichment_started("ann", 20).unwrap();
        tracker.enrichment_completed("ann", 12, 830).unwrap();
        tracker.enrichment_failed("ann", "no match").unwrap();
        tracker.export("ann", ExportFormat::Csv, None).unwrap();
        tracker.export("ann", ExportFormat::Tracker, Some(7)).unwrap();
        tracker.checkout_started("ann", "pro").unwrap();
        tracker.checkout_completed("ann", "pro").unwrap();
        let browser = Context { user_agent: Some("Firefox".to_owned()), ..Context::default() };
        let request = tracker.with_context(browser);
        request.feature_used("ann", "search").unwrap();
        request.track(request.event("pitch_generated").user("ann")).unwrap();
        tracker.increment_usage_counter("ann", Counters { exports: 7, ..Counters::default() }).unwrap();
        let flushed = tracker.flush().await.unwrap();
        assert_eq!(flushed, Flushed { stored: 11, ..Flushed::default() });
        let rows: Vec<Row> = query(&*db,
            "SELECT event_name, status, duration_ms, app_name, error_message, user_agent FROM events ORDER BY event_name")
            .fetch_all().await.unwrap();
        let row = |name: &str, status: &str, ms: Option<i64>, error: Option<&str>, agent: Option<&str>| -> Row {
            (name.to_owned(), status.to_owned(), ms, "finder".to_owned(), error.map(str::to_owned), agent.map(str::to_owned))
        };
        assert_eq!(rows, [
            row("checkout_completed", "success", None, None, None),
            row("checkout_started", "pending", None, None, None),
            row("enrichment_completed", "success", Some(830), None, None),
            row("enrichment_failed", "failed", None, Some("no match"), None),
            row("enrichment_started", "pending", None, None, None),
            row("export_csv_started", "pending", None, None, None),
            row("export_tracker_completed", "success", None, None, None),
            row("feature_used", "success", None, None, Some("Firefox")),
            row("pitch_generated", "success", None, None, Some("Firefox")),
            row("user_signed_up", "success", None, None, None),
        ]);
        assert_eq!(number(&db, "SELECT CAST(SUM(contacts) AS BIGINT) FROM daily_event").await, 12);
        let (day, exports): (chrono::NaiveDate, i64) =
            query(&*db, "SELECT date, exports FROM usage_counters").fetch_one().await.unwrap();
        // It is the next day already in Tokyo.
        assert_eq!((day.to_string().as_str(), exports), ("2026-07-02", 7));
        // What was sent again counts once.
        let again = Event::new("page_load", at("2026-07-01T10:00:00Z")).message_id("", "m1");
        tracker.track(again.clone()).unwrap();
        tracker.track(again).unwrap();
        assert_eq!(tracker.shutdown().await.unwrap(), Flushed { stored: 1, duplicates: 1, ..Flushed::default() });
    }

    async fn the_end_of_the_last_tracker_stores_what_waits(db: TestDb) {
        let tracker = Tracker::connect(options(db.url())).unwrap();
        let clone = tracker.clone();
        for _ in 0..700 {
            tracker.user_signed_up("ann").unwrap();
        }
        drop(tracker);
        clone.user_signed_up("ann").unwrap();
        tokio::task::spawn_blocking(move || drop(clone)).await.unwrap();
        assert_eq!(counts(&db).await[0], 701);
    }

    async fn what_is_wrong_is_told_at_once_and_what_is_shut_down_takes_nothing(db: TestDb) {
        let tracker = Tracker::connect(options(db.url())).unwrap();
        for (event, words) in [
            (tracker.event("Bad Name"), "an event name begins with a letter from a to z, not 'B': \"Bad Name\""),
            (tracker.event("page_load").user(""), "user is empty: leave it out or fill it"),
            (tracker.event("page_load").duration_ms(-1), "duration_ms is -1: it has to be from 0 to 31622400000"),
            (tracker.event("page_load").property("x", "y".repeat(40_000)), "the event has 40008 bytes, more than 32768"),
        ] {
            assert_eq!(tracker.track(event), Err(TrackError::Invalid(words.to_owned())));
        }
        let wrong = tracker.increment_usage_counter("ann", Counters { exports: -1, ..Counters::default() });
        assert_eq!(wrong, Err(TrackError::Invalid("exports is -1: it has to be from 0 to 1000000000000".to_owned())));
        let clone = tracker.clone();
        assert_eq!(tracker.shutdown().await, Ok(Flushed::default()));
        assert_eq!(clone.user_signed_up("ann"), Err(TrackError::Closed));
        assert_eq!(clone.flush().await, Err(FlushError::Closed));
        assert_eq!(counts(&db).await[0], 0);
    }

    async fn a_database_in_trouble_is_waited_for_and_no_event_is_lost(db: TestDb) {
        let few = Options { capacity: 3, patience: Duration::from_secs(2), batch: 2, ..options(db.url()) };
        let tracker = Tracker::connect(few).unwrap();
        tracker.user_signed_up("ann").unwrap();
        tracker.flush().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE daily_event RENAME TO gone").execute().await.unwrap();
        tx.commit().await.unwrap();
        tracker.user_signed_up("bob").unwrap();
        let FlushError::NotStored { waiting, problem } = tracker.flush().await.unwrap_err() else { panic!() };
        assert!(waiting == 1 && problem.contains("daily_event"), "{waiting} {problem}");
        // What is taken is bounded, and what is not taken is told. Of what waits a batch is the worker's, and the rest
        // fills the queue.
        let mut taken = 2;
        growth_testkit::until("as much waits as may", async || {
            while tracker.user_signed_up("cid").is_ok() {
                taken += 1;
            }
            (taken == 1 + 2 + 3).then_some(())
        }).await;
        assert_eq!(tracker.user_signed_up("cid"), Err(TrackError::Full));
        // A queue that is full keeps nobody from hearing that nothing is stored.
        let FlushError::NotStored { waiting, .. } = tracker.flush().await.unwrap_err() else { panic!() };
        assert_eq!(waiting, 2 + 3);
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE gone RENAME TO daily_event").execute().await.unwrap();
        tx.commit().await.unwrap();
        let stored = growth_testkit::until("everything is stored", async || tracker.flush().await.ok()).await;
        assert!(stored.rejected.is_empty());
        assert_eq!(counts(&db).await[0], taken);
    }

    async fn a_tracker_that_is_dropped_while_the_database_is_in_trouble_waits_no_longer_than_its_patience(db: TestDb) {
        let few = Options { capacity: 3, patience: Duration::from_millis(200), batch: 2, ..options(db.url()) };
        let tracker = Tracker::connect(few).unwrap();
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "ALTER TABLE daily_event RENAME TO gone").execute().await.unwrap();
        tx.commit().await.unwrap();
        growth_testkit::until("as much waits as may", async || tracker.user_signed_up("cid").err()).await;
        let dropped = tokio::task::spawn_blocking(move || drop(tracker));
        growth_testkit::until("the end", async || dropped.is_finished().then_some(())).await;
        dropped.await.unwrap();
        assert_eq!(number(&db, "SELECT COUNT(*) FROM events").await, 0);
    }
}

#[test]
fn a_database_that_is_not_ours_is_an_error_at_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let error = Tracker::connect(Options::new(url)).unwrap_err();
    assert!(error.to_string().contains("run `growthctl migrate`"), "{error}");
    let error = Tracker::connect(Options::new("mysql://x")).unwrap_err();
    assert!(error.to_string().contains("is not understood"), "{error}");
}
