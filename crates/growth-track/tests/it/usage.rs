//! Usage counters add up.

use chrono::NaiveDate;
use growth_db::rows::UsageRow;
use growth_db::{Db, query};
use growth_testkit::on_each_engine;
use growth_track::{Counters, Recorded, Usage, count_usage};

use crate::samples::at;

fn usage(user: &str, date: &str) -> Usage {
    Usage {
        user: user.to_owned(),
        date: date.parse().unwrap(),
        app: "enrich".to_owned(),
        counters: Counters {
            enrichments: 1,
            searches: 2,
            exports: 3,
            pitches_generated: 4,
            emails_sent: 5,
            campaigns_created: 6,
            contacts_added: 7,
            sessions: 8,
            session_duration_ms: 9,
        },
        ..Usage::default()
    }
}

async fn counters(db: &Db) -> Vec<UsageRow> {
    query(
        db,
        "SELECT user_id, date, app_name, enrichments, searches, exports, pitches_generated, emails_sent,
         campaigns_created, contacts_added, sessions, session_duration_ms, updated_at
         FROM usage_counters ORDER BY user_id, date, app_name",
    )
    .fetch_all()
    .await
    .unwrap()
}

on_each_engine! {
    async fn increments_add_up_by_user_day_and_application(db: TestDb) {
        let (now, earlier) = (at("2026-07-02T12:00:00Z"), at("2026-07-02T11:00:00Z"));
        let batch = [usage("ann", "2026-07-01"), usage("ann", "2026-07-01"), usage("ann", "2026-07-02")];
        assert_eq!(count_usage(&db, &batch, now).await.unwrap(), Recorded { stored: 3, ..Recorded::default() });
        count_usage(&db, &[usage("ann", "2026-07-01")], earlier).await.unwrap();
        let rows = counters(&db).await;
        let times = |n: i64, date: &str| {
            let user_id = rows[0].user_id;
            let date: NaiveDate = date.parse().unwrap();
            UsageRow {
                user_id, date, app_name: "enrich".to_owned(), enrichments: n, searches: 2 * n, exports: 3 * n,
                pitches_generated: 4 * n, emails_sent: 5 * n, campaigns_created: 6 * n, contacts_added: 7 * n,
                sessions: 8 * n, session_duration_ms: 9 * n, updated_at: now,
            }
        };
        assert_eq!(rows, [times(3, "2026-07-01"), times(1, "2026-07-02")]);
    }

    async fn usage_of_a_new_user_makes_the_user(db: TestDb) {
        let now = at("2026-07-02T08:00:00Z");
        count_usage(&db, &[usage("ann", "2026-07-01"), usage("bob", "2026-07-02")], now).await.unwrap();
        let users: Vec<(String, chrono::DateTime<chrono::Utc>)> =
            query(&*db, "SELECT external_id, created_at FROM users ORDER BY external_id")
                .fetch_all().await.unwrap();
        assert_eq!(users, [("ann".to_owned(), at("2026-07-01T12:00:00Z")), ("bob".to_owned(), now)]);
    }

    async fn bad_increments_are_named_and_the_good_ones_are_kept(db: TestDb) {
        let batch = [
            Usage { counters: Counters { exports: -1, ..Counters::default() }, ..usage("ann", "2026-07-01") },
            Usage { counters: Counters { searches: i64::MAX, ..Counters::default() }, ..usage("ann", "2026-07-01") },
            usage("", "2026-07-01"),
            usage("ann", "2026-07-01"),
            Usage::default(),
            usage("ann", "2026-07-04"),
        ];
        let counted = count_usage(&db, &batch, at("2026-07-02T23:00:00Z")).await.unwrap();
        let rejected = [
            (0, "exports is -1: it has to be from 0 to 1000000000000"),
            (1, "searches is 9223372036854775807: it has to be from 0 to 1000000000000"),
            (2, "user is empty: leave it out or fill it"),
            (4, "user is empty: leave it out or fill it"),
            (5, "date is 2026-07-04: it has to be from the year 2000 to 2026-07-03"),
        ];
        let rejected = rejected.map(|(index, problem)| (index, problem.to_owned())).to_vec();
        assert_eq!(counted, Recorded { stored: 1, rejected, ..Recorded::default() });
        assert_eq!(counters(&db).await.len(), 1);
    }
}
