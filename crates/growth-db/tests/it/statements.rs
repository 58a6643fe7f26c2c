//! Both engines accept every statement, and agree on its columns and parameters.

use growth_db::{Engine, query, statements};
use growth_testkit::on_each_engine;

#[test]
fn statements_prepare_alike() {
    assert!(statements(Engine::Sqlite).len() > 80, "these are not all of them");
    growth_testkit::block_on(growth_testkit::assert_prepared_alike(statements));
}

#[test]
fn no_two_statements_have_one_name() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut names: Vec<String> = statements(engine).into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

on_each_engine! {
    #[should_panic(expected = "assertion")]
    async fn a_forgotten_value_is_caught(db: TestDb) {
        let _ = query(&*db, "SELECT COALESCE($1, 'x') AS x").fetch_one::<(String,)>().await;
    }
}
