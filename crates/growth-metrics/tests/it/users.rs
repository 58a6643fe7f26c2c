//! Users: new, active and activated, to the very instant.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Europe::London;
use chrono_tz::{Tz, UTC};
use growth_db::Db;
use growth_domain::rollforward::Ratio;
use growth_metrics::Periods;
use growth_testkit::on_each_engine;
use growth_track::{Counting, Event, Settings, User, record, upsert_users};

use crate::place::{january, request, seen};

fn did(user: &str, name: &str, at: DateTime<Utc>) -> Event {
    Event { source: "test".into(), ..Event::new(name, at).user(user).app("web") }
}

async fn told(db: &Db, zone: Tz, events: &[Event]) {
    let counting = Counting { time_zone: Some(zone), activation_event: None };
    let settings = Settings { counting, ..Settings::new(january(31)) };
    assert_eq!(record(db, events, &settings).await.unwrap().rejected, []);
}

on_each_engine! {
    async fn active_users_are_counted_by_local_days_that_are_over(db: TestDb) {
        let noon = TimeDelta::hours(12);
        told(&db, UTC, &[
            did("before", "page_load", january(2) - TimeDelta::seconds(1)),
            did("first", "page_load", january(2)),
            did("middle", "page_load", january(4)),
            did("middle", "page_load", january(5)),
            did("last", "page_load", january(8) + noon),
            did("after", "page_load", january(9) + noon),
        ]).await;
        let snapshot = seen(&db, january(9) + noon, 7, UTC).await;
        assert_eq!(snapshot.users.active, Periods { current: 3, previous: 1 });
        let days = snapshot.header.activity;
        assert_eq!((days.first.to_string(), days.last.to_string()), ("2026-01-02".into(), "2026-01-08".into()));
        let unfinished = snapshot.engagement.unfinished.unwrap();
        assert_eq!((unfinished.day.to_string(), unfinished.active, unfinished.events), ("2026-01-09".into(), 1, 1));
        // Midnight ends the day before, and nothing is unfinished.
        let midnight = seen(&db, january(9), 7, UTC).await;
        assert_eq!((midnight.users.active, midnight.engagement.unfinished), (snapshot.users.active, None));
    }

    async fn another_zone_than_that_of_the_rollups_is_refused_with_what_to_do(db: TestDb) {
        let evening: DateTime<Utc> = "2026-01-07T23:30:00Z".parse().unwrap();
        let ask = || request(january(8), 1, London);
        assert!(growth_metrics::snapshot(&db, &ask()).await.is_ok(), "without rollups any zone will do");
        told(&db, chrono_tz::Europe::Paris, &[did("late", "page_load", evening)]).await;
        let error = growth_metrics::snapshot(&db, &ask()).await.unwrap_err().to_string();
        assert!(error.contains("counts days in Europe/Paris, not in Europe/London"), "{error}");
        assert!(error.contains("growthctl migrate --rebuild --timezone Europe/London"), "{error}");
    }

    async fn activation_is_of_those_whose_days_are_over(db: TestDb) {
        let users: Vec<User> = (1..=5).map(|n| User {
            external_id: format!("u{n}"), email: None, created_at: january(n * 3), is_admin: false,
        }).collect();
        upsert_users(&db, &users).await.unwrap();
        told(&db, UTC, &[
            did("u1", "enrichment_completed", january(5)),
            did("u2", "enrichment_completed", january(6) + TimeDelta::days(7)),
            did("u5", "enrichment_completed", january(16)),
        ]).await;
        // u1 (3 January) in time, u2 (6) too late, u3 (9) not at all; u4 (12) and u5 (15) still have time.
        let users = seen(&db, january(17), 16, UTC).await.users;
        assert_eq!(users.activation.current, Ratio { numerator: 1, denominator: 3 });
        assert_eq!((users.activation_pending.current, users.new.current, users.total.current), (2, 5, 5));
    }
}
