//! A visitor becomes a user, with everything that was seen of it.

use chrono::TimeDelta;
use growth_db::{Db, query};
use growth_testkit::on_each_engine;
use growth_track::{Batch, Event, Identity, Once, Settings, Written, record, write};

use crate::samples::{at, number, search, settings};

fn visit(visitor: &str, time: &str) -> Event {
    Event { user: None, anonymous_id: Some(visitor.to_owned()), at: at(time), ..search() }
}

fn identity(user: &str, visitor: Option<&str>) -> Identity {
    Identity {
        message_id: None,
        source: "test".to_owned(),
        user: user.to_owned(),
        anonymous_id: visitor.map(str::to_owned),
        at: at("2026-07-05T00:00:00Z"),
        email: None,
        created_at: None,
    }
}

async fn tell(db: &Db, identities: &[Identity], events: &[Event]) -> Written {
    write(db, Batch { identities, events, usage: &[] }, &settings()).await.unwrap()
}

/// How many events each user has; visitors are below 0.
async fn events_of(db: &Db) -> Vec<(i64, i64)> {
    let sql = "SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id ORDER BY user_id";
    query(db, sql).fetch_all().await.unwrap()
}

on_each_engine! {
    async fn a_visitor_is_no_user_until_somebody_says_who_it_is(db: TestDb) {
        tell(&db, &[], &[visit("v1", "2026-07-01T10:00:00Z"), visit("v1", "2026-07-02T10:00:00Z")]).await;
        tell(&db, &[], &[visit("v2", "2026-07-01T10:00:00Z")]).await;
        assert_eq!(number(&db, "SELECT COUNT(*) FROM users").await, 0);
        assert_eq!(events_of(&db).await.iter().map(|(_, n)| *n).sum::<i64>(), 3);
        assert!(events_of(&db).await.iter().all(|(user, _)| *user < 0));
        // In one batch with an event that came before it, and one that names the visitor alone.
        tell(&db, &[identity("ann", Some("v1"))], &[visit("v1", "2026-07-03T10:00:00Z"), search()]).await;
        let ann = number(&db, "SELECT id FROM users WHERE external_id = 'ann'").await;
        assert_eq!(events_of(&db).await.last().unwrap(), &(ann, 4));
        assert_eq!(events_of(&db).await.len(), 2);
        tell(&db, &[], &[visit("v1", "2026-07-04T10:00:00Z")]).await;
        assert_eq!(events_of(&db).await.last().unwrap(), &(ann, 5));
        let created: (chrono::DateTime<chrono::Utc>,) =
            query(&*db, "SELECT created_at FROM users").fetch_one().await.unwrap();
        assert_eq!(created.0, at("2026-07-01T10:00:00Z"));
        assert_eq!(number(&db, "SELECT n FROM user_activity WHERE user_id > 0").await, 5);
        assert_eq!(number(&db, "SELECT days FROM user_activity WHERE user_id > 0").await, 0b1111);
    }

    async fn an_event_that_was_told_of_the_visitor_and_of_the_user_is_two_as_it_was_counted(db: TestDb) {
        let by_key = Settings { once: Once::Key, ..settings() };
        let visit = visit("v1", "2026-07-01T10:00:00Z").message_id("file", "m1");
        record(&db, std::slice::from_ref(&visit), &by_key).await.unwrap();
        record(&db, &[Event { user: Some("ann".to_owned()), ..visit }], &by_key).await.unwrap();
        tell(&db, &[identity("ann", Some("v1"))], &[]).await;
        assert_eq!(events_of(&db).await.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2]);
        assert_eq!(number(&db, "SELECT n FROM daily_event").await, 2);
        assert_eq!(number(&db, "SELECT n FROM user_activity").await, 2);
    }

    async fn who_a_visitor_is_does_not_change(db: TestDb) {
        tell(&db, &[identity("ann", Some("v1"))], &[visit("v1", "2026-07-01T10:00:00Z")]).await;
        tell(&db, &[identity("bob", Some("v1"))], &[visit("v1", "2026-07-02T10:00:00Z")]).await;
        let ann = number(&db, "SELECT id FROM users WHERE external_id = 'ann'").await;
        assert_eq!(events_of(&db).await, [(ann, 2)]);
    }

    async fn what_an_identity_tells_is_kept_and_what_it_does_not_tell_is_left(db: TestDb) {
        let signed_up = at("2026-06-01T00:00:00Z");
        record(&db, &[search()], &settings()).await.unwrap();
        let told = Identity { email: Some(" ann@example.com ".to_owned()), ..identity("ann", None) };
        tell(&db, &[told], &[]).await;
        assert_eq!(user(&db).await, (Some("ann@example.com".to_owned()), search().at, true));
        tell(&db, &[Identity { created_at: Some(signed_up), ..identity("ann", None) }], &[]).await;
        assert_eq!(user(&db).await, (Some("ann@example.com".to_owned()), signed_up, false));
        tell(&db, &[Identity { email: Some(String::new()), ..identity("ann", None) }], &[]).await;
        record(&db, &[Event { at: signed_up - TimeDelta::days(1), ..search() }], &settings()).await.unwrap();
        assert_eq!(user(&db).await, (Some("ann@example.com".to_owned()), signed_up, false));
        assert_eq!(number(&db, "SELECT COUNT(*) FROM users_to_link").await, 1);
    }

    async fn an_address_is_hashed_with_a_salt_of_the_day(db: TestDb) {
        let from = |ip: &str| {
            let mut event = search();
            event.context.ip = Some(ip.to_owned());
            event
        };
        record(&db, &[from("192.0.2.1"), from("192.0.2.2"), search()], &settings()).await.unwrap();
        record(&db, &[from("192.0.2.1")], &settings()).await.unwrap();
        let sql = "SELECT COUNT(DISTINCT ip_hash) FROM events WHERE ip IS NULL AND LENGTH(ip_hash) = 32";
        assert_eq!(number(&db, sql).await, 2);
        let tomorrow = Settings::new(settings().received_at + TimeDelta::days(1));
        record(&db, &[from("192.0.2.1")], &tomorrow).await.unwrap();
        assert_eq!(number(&db, sql).await, 3);
        let later = Settings::new(settings().received_at + TimeDelta::days(3));
        record(&db, &[from("192.0.2.1")], &later).await.unwrap();
        assert_eq!(number(&db, "SELECT COUNT(*) FROM daily_salts").await, 1);
        record(&db, &[from("192.0.2.9")], &Settings { store_ip: true, ..later }).await.unwrap();
        assert_eq!(number(&db, "SELECT COUNT(*) FROM events WHERE ip = '192.0.2.9' AND ip_hash IS NULL").await, 1);
    }
}

async fn user(db: &Db) -> (Option<String>, chrono::DateTime<chrono::Utc>, bool) {
    query(db, "SELECT email, created_at, known_from_events FROM users").fetch_one().await.unwrap()
}
