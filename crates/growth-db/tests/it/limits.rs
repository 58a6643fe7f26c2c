//! What a pool's limits do to statements that take too long.

use std::time::{Duration, Instant};

use growth_db::connect::Limits;
use growth_db::{Db, query};
use growth_testkit::on_each_engine;

/// Counts for as long as it is let, on either engine.
const ENDLESS: &str =
    "WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers)
    SELECT COUNT(*) AS n FROM numbers";
const ONE: &str = "SELECT CAST(1 AS BIGINT) AS n";

on_each_engine! {
    async fn a_statement_that_takes_too_long_is_broken_off_and_its_connection_goes_on(db: TestDb) {
        let limits = Limits { connections: 1, statement: Some(Duration::from_millis(300)), ..Limits::default() };
        let limited = Db::connect_within(db.url(), limits).await.unwrap();
        // More than once, so that a connection that was lent out before has a time of its own.
        for _ in 0..3 {
            let began = Instant::now();
            let error = query(&limited, ENDLESS).fetch_one::<(i64,)>().await.unwrap_err().to_string();
            assert!(error.contains("interrupted") || error.contains("statement timeout"), "{error}");
            assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
            assert_eq!(query(&limited, ONE).fetch_one::<(i64,)>().await.unwrap(), (1,));
        }
        limited.close().await;
    }
}
