//! Each test has a migrated database to itself.

use growth_db::{Db, migrate, query};
use growth_testkit::on_each_engine;

async fn tables(db: &Db) -> i64 {
    let sql = match db {
        Db::Sqlite { .. } => "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'scratch'",
        Db::Postgres { .. } => "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'scratch'",
    };
    query(db, sql).fetch_one::<(i64,)>().await.expect("a count").0
}

on_each_engine! {
    async fn a_database_comes_migrated(db: TestDb) {
        assert_eq!(migrate::pending(&db).await.expect("a history"), []);
    }

    async fn what_one_test_writes_another_never_sees(db: TestDb) {
        let other = match db.engine() {
            growth_db::Engine::Sqlite => growth_testkit::sqlite().await,
            growth_db::Engine::Postgres => growth_testkit::postgres().await,
        };
        let mut tx = db.begin().await.expect("a transaction");
        query(&mut tx, "CREATE TABLE scratch (id BIGINT)").execute().await.expect("a table");
        tx.commit().await.expect("a commit");
        assert_eq!((tables(&db).await, tables(&other).await), (1, 0));
    }

    async fn the_address_leads_to_the_same_database(db: TestDb) {
        let mut tx = db.begin().await.expect("a transaction");
        query(&mut tx, "CREATE TABLE scratch (id BIGINT)").execute().await.expect("a table");
        tx.commit().await.expect("a commit");
        let again = Db::connect(db.url()).await.expect("the same database");
        assert_eq!(tables(&again).await, 1);
    }

    async fn a_database_is_gone_with_its_test(db: TestDb) {
        let url = db.url().to_owned();
        drop(db);
        match url.strip_prefix("sqlite://") {
            Some(file) => assert!(!std::path::Path::new(file).exists()),
            None => assert!(Db::connect(&url).await.is_err()),
        }
    }

    #[should_panic(expected = "as it should")]
    async fn a_failing_test_fails(db: TestDb) {
        assert!(db.url().is_empty(), "as it should");
    }
}
