//! Users are told by the application, or seen in events.

use chrono::{DateTime, Utc};
use growth_db::{Db, query};
use growth_testkit::on_each_engine;
use growth_track::{Event, Upserted, User, record, upsert_users};

use crate::samples::{at, counts, search, settings};

fn ann() -> User {
    User {
        external_id: "ann".to_owned(),
        email: Some("ann@example.com".to_owned()),
        created_at: at("2026-06-01T09:00:00Z"),
        is_admin: false,
    }
}

fn seen(user: &str, time: &str) -> Event {
    Event { user: Some(user.to_owned()), at: at(time), ..search() }
}

type Row = (String, Option<String>, DateTime<Utc>, bool, bool);

async fn users(db: &Db) -> Vec<Row> {
    query(db, "SELECT external_id, email, created_at, is_admin, known_from_events FROM users ORDER BY id")
        .fetch_all()
        .await
        .unwrap()
}

on_each_engine! {
    async fn a_user_known_from_events_is_as_old_as_the_earliest(db: TestDb) {
        let from_events = |time: &str| -> Vec<Row> { vec![("ann".to_owned(), None, at(time), false, true)] };
        let batch = [seen("ann", "2026-07-03T00:00:00Z"), seen("ann", "2026-07-02T00:00:00Z")];
        record(&db, &batch, &settings()).await.unwrap();
        assert_eq!(users(&db).await, from_events("2026-07-02T00:00:00Z"));
        record(&db, &[seen("ann", "2026-07-04T00:00:00Z")], &settings()).await.unwrap();
        assert_eq!(users(&db).await, from_events("2026-07-02T00:00:00Z"));
        record(&db, &[seen("ann", "2026-06-02T00:00:00.000001Z")], &settings()).await.unwrap();
        assert_eq!(users(&db).await, from_events("2026-06-02T00:00:00.000001Z"));
    }

    async fn what_the_application_tells_stands_above_events(db: TestDb) {
        record(&db, &[seen("ann", "2026-07-02T00:00:00Z")], &settings()).await.unwrap();
        let number: (i64,) = query(&*db, "SELECT id FROM users").fetch_one().await.unwrap();
        assert_eq!(upsert_users(&db, &[ann()]).await.unwrap(), Upserted { changed: 1, ..Upserted::default() });
        record(&db, &[seen("ann", "2026-01-01T00:00:00Z")], &settings()).await.unwrap();
        let told = ("ann".to_owned(), ann().email, ann().created_at, false, false);
        assert_eq!(users(&db).await, [told]);
        assert_eq!(query(&*db, "SELECT DISTINCT user_id FROM events").fetch_all::<(i64,)>().await.unwrap(), [number]);
    }

    async fn users_are_changed_only_where_they_differ(db: TestDb) {
        let bob = User { external_id: "bob".to_owned(), email: None, ..ann() };
        assert_eq!(upsert_users(&db, &[ann(), bob.clone()]).await.unwrap().changed, 2);
        assert_eq!(upsert_users(&db, &[bob.clone(), ann()]).await.unwrap().changed, 0);
        let admin = User { is_admin: true, email: None, ..ann() };
        assert_eq!(upsert_users(&db, &[bob, ann(), admin]).await.unwrap().changed, 1);
        assert_eq!(users(&db).await[0], ("ann".to_owned(), ann().email, ann().created_at, true, false));
    }

    async fn a_user_without_an_id_is_named(db: TestDb) {
        let nobody = User { external_id: "\0".to_owned(), ..ann() };
        let upserted = upsert_users(&db, &[nobody.clone(), ann()]).await.unwrap();
        assert_eq!(upserted, Upserted {
            changed: 1,
            erased: 0,
            rejected: vec![(0, "external_id is empty: leave it out or fill it".to_owned())],
        });
        assert_eq!(upsert_users(&db, &[nobody]).await.unwrap().changed, 0);
    }

    async fn events_without_a_user_are_of_user_0_and_have_no_milestones(db: TestDb) {
        record(&db, &[Event { user: None, ..search() }, search()], &settings()).await.unwrap();
        assert_eq!(counts(&db).await, [2, 0, 1, 2, 2]);
        let milestones: Vec<(i64,)> = query(&*db, "SELECT user_id FROM user_milestones").fetch_all().await.unwrap();
        let active: Vec<(i64,)> =
            query(&*db, "SELECT user_id FROM user_activity ORDER BY user_id").fetch_all().await.unwrap();
        assert!(milestones.len() == 1 && milestones[0].0 > 0);
        assert_eq!(active, [(0,), milestones[0]]);
    }

    async fn the_number_of_a_removed_user_is_never_given_again(db: TestDb) {
        upsert_users(&db, &[ann()]).await.unwrap();
        let first: (i64,) = query(&*db, "SELECT id FROM users").fetch_one().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "DELETE FROM users").execute().await.unwrap();
        tx.commit().await.unwrap();
        upsert_users(&db, &[ann()]).await.unwrap();
        let second: (i64,) = query(&*db, "SELECT id FROM users").fetch_one().await.unwrap();
        assert!(second > first);
    }
}
