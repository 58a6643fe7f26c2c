//! What a pool's limits do to statements that take too long.

use std::time::{Duration, Instant};

use growth_db::connect::Limits;
use growth_db::{Db, query};
use growth_testkit::on_each_engine;

/// An error with what caused it.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

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

#[test]
fn a_server_that_is_not_there_and_one_that_says_nothing_are_told_apart() {
    growth_testkit::block_on(async {
        let limits = Limits { patience: Duration::from_millis(300), ..Limits::default() };
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://me@{}/none", silent.local_addr().unwrap());
        let told = Db::connect_within(&url, limits).await.unwrap_err();
        assert!(in_full(&told).contains("no answer within 0.3 s"), "{}", in_full(&told));
        drop(silent);
        let told = Db::connect_within(&url, limits).await.unwrap_err();
        assert!(in_full(&told).contains("refused"), "{}", in_full(&told));
    });
}
