//! Migrating is safe to repeat, to interrupt, and to run twice at once.

use growth_db::migrate::{MIGRATIONS, check, pending, run};
use growth_db::{Db, Engine, Error, query};
use growth_testkit::{TestDb, on_each_engine};

/// The address of a database without a schema, which is gone together with `db`.
async fn empty(db: &TestDb) -> String {
    match db.engine() {
        Engine::Sqlite => db.url().replace("growthctl.db", "empty.db"),
        Engine::Postgres => {
            execute(db, "DROP SCHEMA growth CASCADE").await;
            db.url().to_owned()
        }
    }
}

async fn execute(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, sql).execute().await.unwrap();
    tx.commit().await.unwrap();
}

on_each_engine! {
    async fn an_empty_database_gets_every_migration_once(db: TestDb) {
        let db = Db::connect(&empty(&db).await).await.unwrap();
        assert_eq!(pending(&db).await.unwrap(), MIGRATIONS);
        let error = check(&db).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the database lacks {} of its migrations: run `growthctl migrate`", MIGRATIONS.len())
        );
        assert_eq!(run(&db).await.unwrap(), MIGRATIONS);
        check(&db).await.unwrap();
        assert_eq!(run(&db).await.unwrap(), []);
        db.close().await;
    }

    async fn several_processes_may_migrate_at_once(db: TestDb) {
        let url = empty(&db).await;
        let processes: Vec<_> = (0..4)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move {
                    let db = Db::connect(&url).await.unwrap();
                    // Each has seen the database as it was before.
                    let seen = pending(&db).await.unwrap().len();
                    let applied = run(&db).await.unwrap().len();
                    check(&db).await.unwrap();
                    db.close().await;
                    assert!(applied <= seen);
                    applied
                })
            })
            .collect();
        let mut applied = Vec::new();
        for process in processes {
            applied.push(process.await.unwrap());
        }
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, 0, MIGRATIONS.len()]);
    }

    async fn a_migration_that_fails_leaves_nothing(db: TestDb) {
        let db = Db::connect(&empty(&db).await).await.unwrap();
        if db.engine() == Engine::Postgres {
            execute(&db, "CREATE SCHEMA growth").await;
        }
        execute(&db, "CREATE TABLE payments (id TEXT)").await;
        assert!(matches!(run(&db).await.unwrap_err(), Error::Database(_)));
        assert_eq!(pending(&db).await.unwrap(), MIGRATIONS);
        execute(&db, "DROP TABLE payments").await;
        assert_eq!(run(&db).await.unwrap(), MIGRATIONS);
        db.close().await;
    }

    async fn a_migration_that_was_changed_is_refused(db: TestDb) {
        execute(&db, "UPDATE schema_migrations SET checksum = 'another' WHERE version = 2").await;
        for error in [run(&db).await.unwrap_err(), pending(&db).await.unwrap_err(), check(&db).await.unwrap_err()] {
            assert_eq!(
                error.to_string(),
                "migration 2 of the database is not the one this growthctl knows under that number: \
                 it was changed after it was applied; use the version that made the database"
            );
        }
    }

    async fn a_newer_database_is_refused(db: TestDb) {
        execute(&db, "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, '0099_new', 'x')").await;
        for error in [run(&db).await.unwrap_err(), pending(&db).await.unwrap_err(), check(&db).await.unwrap_err()] {
            assert_eq!(
                error.to_string(),
                "migration 99 of the database is unknown to this growthctl: \
                 the database was migrated by a newer version, use that one or a later one"
            );
        }
    }
}
