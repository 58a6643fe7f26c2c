//! Columns that are read as one text.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{packed, query};
use growth_testkit::on_each_engine;

const KEEP: &str = "INSERT INTO user_milestones (user_id, first_seen_at) VALUES ($1, $2)";
const PACKED: &str = "SELECT string_agg(CAST(first_seen_at AS TEXT), ',') AS times
    FROM (SELECT first_seen_at FROM user_milestones ORDER BY user_id) AS kept";

on_each_engine! {
    async fn instants_are_read_from_text_as_they_were_stored(db: TestDb) {
        let summer: DateTime<Utc> = "2026-06-29T12:00:00Z".parse().unwrap();
        let winter: DateTime<Utc> = "1999-12-31T23:59:59.999999Z".parse().unwrap();
        let stored = [summer, winter, summer + TimeDelta::milliseconds(250), summer + TimeDelta::microseconds(1)];
        let mut tx = db.begin().await.unwrap();
        for (user, at) in (1_i64..).zip(stored) {
            query(&mut tx, KEEP).bind(user).bind(at).execute().await.unwrap();
        }
        tx.commit().await.unwrap();
        let (times,): (String,) = query(&*db, PACKED).fetch_one().await.unwrap();
        let read: Vec<DateTime<Utc>> = times.split(',').map(|text| packed::instant(text).unwrap()).collect();
        assert_eq!(read, stored);
    }
}
