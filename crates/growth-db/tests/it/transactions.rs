//! Writing happens in a transaction, or not at all.

use growth_db::{Db, query};
use growth_testkit::on_each_engine;

const ADD: &str = "INSERT INTO settings (key, value) VALUES ($1, 'x')";

async fn settings(db: &Db) -> i64 {
    query(db, "SELECT COUNT(*) FROM settings WHERE value = 'x'").fetch_one::<(i64,)>().await.unwrap().0
}

on_each_engine! {
    async fn a_dropped_transaction_leaves_nothing(db: TestDb) {
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, ADD).bind("dropped").execute().await.unwrap();
        drop(tx);
        // The same connection writes again on SQLite, which has no other.
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, ADD).bind("dropped").execute().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(settings(&db).await, 1);
    }

    async fn nobody_sees_what_is_not_committed(db: TestDb) {
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, ADD).bind("open").execute().await.unwrap();
        assert_eq!(settings(&db).await, 0);
        let (own,): (i64,) =
            query(&mut tx, "SELECT COUNT(*) FROM settings WHERE value = 'x'").fetch_one().await.unwrap();
        assert_eq!(own, 1);
        tx.commit().await.unwrap();
        assert_eq!(settings(&db).await, 1);
    }
}

#[test]
fn readers_of_sqlite_refuse_to_write() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let refused = query(&*db, ADD).bind("read").execute().await.unwrap_err();
        assert!(refused.to_string().contains("readonly database"), "{refused}");
        let refused =
            query(&*db, "UPDATE settings SET value = 'x' RETURNING key").fetch_all::<(String,)>().await;
        assert!(refused.is_err());
        assert_eq!(settings(&db).await, 0);
    });
}

#[test]
fn a_copy_of_an_embedded_database_is_made_while_somebody_writes() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, ADD).bind("committed").execute().await.unwrap();
        tx.commit().await.unwrap();
        // Another process that writes.
        let other = Db::connect(db.url()).await.unwrap();
        let mut tx = other.begin().await.unwrap();
        query(&mut tx, ADD).bind("open").execute().await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        assert!(db.copy_embedded(&file).await.unwrap());
        tx.commit().await.unwrap();
        let copy = Db::connect_existing(&format!("sqlite://{}", file.display())).await.unwrap();
        assert_eq!((settings(&copy).await, settings(&db).await), (1, 2));
        assert!(db.copy_embedded(&file).await.is_err(), "nothing is overwritten");
    });
}
