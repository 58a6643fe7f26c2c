//! Somebody who was forgotten does not come back, and is counted as before.

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_testkit::on_each_engine;
use growth_testkit::tables::whole;
use growth_track::{
    Batch, Counters, Identity, Recorded, Usage, User, count_usage, create_key, forget, key_digest, list_keys,
    record, revoke_keys, upsert_users, write,
};

use crate::samples::{at, message, number, search, settings};

fn now() -> DateTime<Utc> {
    settings().received_at
}

fn ann() -> User {
    User {
        external_id: "ann-4711".to_owned(),
        email: Some("ann@example.com".to_owned()),
        created_at: at("2026-06-01T00:00:00Z"),
        is_admin: true,
    }
}

async fn forget_ann(db: &Db) -> bool {
    let mut tx = db.begin().await.unwrap();
    let forgotten = forget(&mut tx, "ann-4711", now()).await.unwrap();
    tx.commit().await.unwrap();
    forgotten.is_some()
}

on_each_engine! {
    async fn nothing_that_says_who_it_was_is_left(db: TestDb) {
        upsert_users(&db, &[ann()]).await.unwrap();
        let event = |id: &str| {
            let mut event = message(&format!("{id} of ann-4711")).user("ann-4711").property("note", "ann@example.com");
            event.context.user_agent = Some("the browser of ann-4711".to_owned());
            event
        };
        let visit = growth_track::Event { user: None, anonymous_id: Some("ann-4711-visitor".to_owned()), ..search() };
        let who = Identity {
            message_id: None, source: "test".to_owned(), user: "ann-4711".to_owned(),
            anonymous_id: Some("ann-4711-visitor".to_owned()), at: now(), email: None, created_at: None,
        };
        let usage = Usage {
            user: "ann-4711".to_owned(), date: now().date_naive(),
            counters: Counters { exports: 3, ..Counters::default() }, ..Usage::default()
        };
        let batch = Batch { identities: std::slice::from_ref(&who), events: &[event("m1"), visit], usage: std::slice::from_ref(&usage) };
        write(&db, batch, &settings()).await.unwrap();
        let says = |lines: &[String]| lines.iter().filter(|line| line.contains("ann-4711") || line.contains("ann@")).count();
        assert!(says(&whole(&db).await) >= 3);
        let figures = "SELECT CAST(SUM(n) AS BIGINT) FROM daily_event";
        let before = number(&db, figures).await;

        assert!(forget_ann(&db).await);
        assert_eq!(says(&whole(&db).await), 0, "{:?}", whole(&db).await);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM events").await, 0);
        assert_eq!(number(&db, figures).await, before);
        assert_eq!(number(&db, "SELECT exports FROM usage_counters").await, 3);
        assert_eq!(number(&db, "SELECT COUNT(*) FROM users").await, 1);
        assert!(!forget_ann(&db).await, "there is nobody left to be forgotten");

        // A retry, another event, a sign-in, usage, the directory: none brings the person back.
        let erased = Recorded { erased: 1, ..Recorded::default() };
        assert_eq!(record(&db, &[event("m2")], &settings()).await.unwrap(), erased);
        assert_eq!(record(&db, &[event("m1")], &settings()).await.unwrap().duplicates, 1);
        let who = Identity { email: Some("ann@example.com".to_owned()), anonymous_id: None, ..who };
        let batch = Batch { identities: &[who], ..Batch::default() };
        assert_eq!(write(&db, batch, &settings()).await.unwrap().identities, erased);
        let visit = growth_track::Event { user: None, anonymous_id: Some("ann-4711-visitor".to_owned()), ..search() };
        assert_eq!(record(&db, &[visit], &settings()).await.unwrap(), erased);
        assert_eq!(count_usage(&db, &[usage], now()).await.unwrap(), erased);
        let upserted = upsert_users(&db, &[ann()]).await.unwrap();
        assert_eq!((upserted.changed, upserted.erased), (0, 1));
        assert_eq!(says(&whole(&db).await), 0);
        // Others are taken as ever, in the same batch too.
        let recorded = record(&db, &[event("m3"), search()], &settings()).await.unwrap();
        assert_eq!((recorded.stored, recorded.erased), (1, 1));
    }

    async fn the_user_of_a_key_is_its_name_and_only_its_digest_is_stored(db: TestDb) {
        let key = create_key(&db, " web ", now()).await.unwrap();
        assert!(key.len() == 36 && key.starts_with("gwk_"), "{key}");
        let other = create_key(&db, "web", now()).await.unwrap();
        assert_ne!(key, other);
        assert!(!whole(&db).await.iter().any(|line| line.contains(&key)));
        let keys = list_keys(&db).await.unwrap();
        assert!(keys.iter().any(|stored| stored.digest == key_digest(&key) && stored.name == "web"));
        assert_eq!(revoke_keys(&db, &key[..12], now()).await.unwrap(), 1);
        assert_eq!(revoke_keys(&db, "web", now()).await.unwrap(), 1);
        assert_eq!(revoke_keys(&db, "web", now()).await.unwrap(), 0);
        assert!(list_keys(&db).await.unwrap().iter().all(|stored| stored.revoked_at == Some(now())));
        let error = create_key(&db, "  ", now()).await.unwrap_err();
        assert_eq!(error.to_string(), "the name of a key is empty: leave it out or fill it");
    }
}
