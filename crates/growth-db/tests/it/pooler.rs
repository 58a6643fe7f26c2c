//! A pooler that lends out connections by transaction: nothing may be left on one, and everything works all the same.
//!
//! Behind it are two of the server's connections for each database. What it refuses, this program would meet at
//! Supabase on port 6543.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::TryStreamExt;
use growth_db::connect::Limits;
use growth_db::rows::users::{self, SeenUser};
use growth_db::rows::{DailyEventRow, EventRow, ProductRow, StripeEventRow, events, inbox, settings};
use growth_db::{AssertSqlSafe, Db, Filling, Json, Lane, Target, migrate, query, table};
use growth_domain::stamp::Scope;
use growth_testkit::TestDb;

use crate::access::execute;

const CLIENTS: i64 = 6;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn scope() -> Scope {
    Scope { account: "acct_1".to_owned(), livemode: true }
}

fn received(id: String) -> StripeEventRow {
    StripeEventRow {
        account: scope().account,
        livemode: true,
        id,
        event_type: "charge.succeeded".to_owned(),
        created: at(0),
        api_version: None,
        source: "webhook".to_owned(),
        received_at: at(0),
        state: "pending".to_owned(),
        attempts: 0,
        last_error: None,
        payload: "{}".to_owned(),
    }
}

fn product(id: String, name: &str) -> ProductRow {
    ProductRow {
        account: scope().account,
        livemode: true,
        id,
        stamp_at: at(0),
        stamp_rank: 0,
        stamp_event: "evt".to_owned(),
        name: Some(name.to_owned()),
        deleted: false,
    }
}

fn event(user_id: i64, id: i64) -> EventRow {
    EventRow {
        user_id,
        created_at: at(id),
        id,
        event_name: "page_load".to_owned(),
        event_category: "performance".to_owned(),
        app_name: "web".to_owned(),
        session_id: None,
        properties: Json(serde_json::json!({"n": id})),
        duration_ms: Some(id),
        status: "success".to_owned(),
        error_message: None,
        ip_hash: None,
        user_agent: None,
        referrer: None,
        active: true,
        ip: None,
    }
}

fn daily(day: NaiveDate, n: i64) -> DailyEventRow {
    DailyEventRow {
        day,
        event_name: "page_load".to_owned(),
        app_name: "web".to_owned(),
        n,
        successes: n,
        failures: 0,
        duration_ms: 0,
        contacts: 0,
    }
}

async fn connect(db: &TestDb) -> Db {
    let limits = Limits { connections: 4, ..Limits::default() };
    Db::connect_within(&db.pooled_url(), limits).await.unwrap()
}

async fn number(db: &Db, sql: &str) -> i64 {
    query(db, AssertSqlSafe(sql.to_owned())).fetch_one::<(i64,)>().await.unwrap().0
}

/// What one client does, many times over, with everything that this crate offers.
async fn work(db: Db, client: i64) {
    let mut lane = Lane::new(&db);
    for round in 0..8 {
        let id = format!("evt_{client}_{round}");
        lane.open().await.unwrap();
        assert_eq!(inbox::receive(&mut lane, &[received(id.clone())]).await.unwrap().len(), 1);
        let twice = [received(id.clone()), received(format!("{id}_alone"))];
        assert_eq!(inbox::receive(Target::Alone(&db), &twice).await.unwrap().len(), 1);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(settings::hold(&mut tx, settings::TIME_ZONE).await.unwrap(), "UTC");
        let name = format!("user_{client}");
        let seen = SeenUser { external_id: &name, created_at: at(-round) };
        users::see(&mut tx, &[seen]).await.unwrap();
        let found = users::find(&mut tx, &[&name]).await.unwrap();
        let user = found[0].id;
        let happened: Vec<EventRow> = (0..50).map(|n| event(user, round * 50 + n)).collect();
        assert_eq!(events::store(&mut tx, &happened).await.unwrap().len(), 0);
        let day = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap();
        table::merge(&mut tx, &[daily(day, 50)]).await.unwrap();
        let products: Vec<ProductRow> = (0..20).map(|n| product(format!("prod_{client}_{n}"), &id)).collect();
        assert_eq!(table::upsert(&mut tx, &products).await.unwrap(), 20);
        tx.commit().await.unwrap();

        // One that is given up leaves nothing, not on its connection either.
        let mut tx = db.begin().await.unwrap();
        table::merge(&mut tx, &[daily(day, 1_000_000)]).await.unwrap();
        query(&mut tx, "SELECT 1 / 0").execute().await.unwrap_err();
        drop(tx);
        assert!(query(&db, "SELECT nonsense").execute().await.is_err());

        let ours = [format!("prod_{client}_3")];
        let found = table::find::<ProductRow>(&db, &scope(), "id", &ours).await.unwrap();
        assert_eq!(found, [product(ours[0].clone(), &id)]);
    }
}

#[test]
fn everything_works_through_two_connections_that_belong_to_nobody() {
    growth_testkit::block_on(async {
        let direct = growth_testkit::postgres().await;
        execute(&direct, "DROP SCHEMA growth CASCADE").await;

        let db = connect(&direct).await;
        assert_eq!(migrate::pending(&db).await.unwrap(), migrate::MIGRATIONS);
        let at_once = [connect(&direct).await, connect(&direct).await]
            .map(|db| tokio::spawn(async move { migrate::run(&db).await.unwrap().len() }));
        let mut applied = 0;
        for process in at_once {
            applied += process.await.unwrap();
        }
        assert_eq!(applied, migrate::MIGRATIONS.len());
        migrate::check(&db).await.unwrap();
        assert_eq!(migrate::run(&db).await.unwrap(), []);

        let months: BTreeSet<NaiveDate> =
            (4..7).filter_map(|month| NaiveDate::from_ymd_opt(2026, month, 1)).collect();
        events::make_partitions(&db, &months).await.unwrap();
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let own = connect(&direct).await;
            clients.push(tokio::spawn(work(own.clone(), client)));
            clients.push(tokio::spawn(work(own, client + 100)));
        }
        for client in clients {
            client.await.unwrap();
        }
        Filling::default().add(10_000, &db).await.unwrap();

        for db in [&db, &*direct] {
            for (sql, expected) in [
                ("SELECT COUNT(*) FROM stripe_events", 2 * CLIENTS * 8 * 2),
                ("SELECT COUNT(*) FROM users", 2 * CLIENTS),
                ("SELECT COUNT(*) FROM events", 2 * CLIENTS * 8 * 50),
                ("SELECT CAST(SUM(n) AS BIGINT) FROM daily_event", 2 * CLIENTS * 8 * 50),
                ("SELECT COUNT(*) FROM products", 2 * CLIENTS * 20),
            ] {
                assert_eq!(number(db, sql).await, expected, "{sql}");
            }
        }
        // What the pooler's connections were left with.
        assert_eq!(
            number(
                &direct,
                "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'events' AND schemaname <> 'growth'"
            )
            .await,
            0
        );
        let mut tx = db.begin().await.unwrap();
        let left = "SELECT COUNT(*) FROM pg_prepared_statements WHERE name <> ''";
        assert_eq!(query(&mut tx, left).fetch_one::<(i64,)>().await.unwrap(), (0,));
        let locks = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(query(&mut tx, locks).fetch_one::<(i64,)>().await.unwrap(), (0,));
        tx.commit().await.unwrap();
    });
}

#[test]
fn streams_give_every_row_one_after_the_other() {
    growth_testkit::block_on(async {
        let direct = growth_testkit::postgres().await;
        let db = connect(&direct).await;
        let numbers =
            "SELECT CAST(n AS BIGINT) AS n FROM generate_series(1, $1) AS n, settings WHERE key = 'timezone'";
        let mut rows = query(&db, numbers).bind(5_000_i64).fetch::<(i64,)>().unwrap();
        let mut next = 1;
        while let Some((n,)) = rows.try_next().await.unwrap() {
            assert_eq!(n, next);
            next += 1;
            if n % 1_000 == 0 {
                // The stream holds one connection, and the others go on.
                assert_eq!(number(&db, "SELECT COUNT(*) FROM settings WHERE key = 'timezone'").await, 1);
            }
        }
        drop(rows);
        assert_eq!(next, 5_001);

        // Many that are not read to their end give their connections back.
        for _ in 0..20 {
            let mut rows = query(&db, numbers).bind(100_000_i64).fetch::<(i64,)>().unwrap();
            assert_eq!(rows.try_next().await.unwrap(), Some((1,)));
        }
        let mut tx = db.begin().await.unwrap();
        let rows: Vec<(i64,)> =
            query(&mut tx, numbers).bind(3_i64).fetch::<(i64,)>().unwrap().try_collect().await.unwrap();
        assert_eq!(rows, [(1,), (2,), (3,)]);
        tx.commit().await.unwrap();

        let failing = "SELECT 10 / (CAST(n AS BIGINT) - 3) AS n FROM generate_series(1, $1) AS n";
        let rows: Result<Vec<(i64,)>, _> =
            query(&db, failing).bind(9_i64).fetch::<(i64,)>().unwrap().try_collect().await;
        assert!(rows.unwrap_err().to_string().contains("division by zero"));
        let none: Vec<(i64,)> =
            query(&db, numbers).bind(0_i64).fetch::<(i64,)>().unwrap().try_collect().await.unwrap();
        assert_eq!(none, []);
    });
}

#[test]
fn a_pooler_by_session_is_like_the_server() {
    growth_testkit::block_on(async {
        let direct = growth_testkit::postgres().await;
        execute(&direct, "DROP SCHEMA growth CASCADE").await;
        // It takes settings at the start and keeps them to itself, as Supabase's has done; or it is not given any.
        for url in [direct.session_pooled_url(), format!("{}?pooler=session", direct.session_pooled_url())] {
            let db = Db::connect(&url).await.unwrap();
            let applied = migrate::run(&db).await.unwrap();
            assert!(applied.is_empty() == url.contains("pooler="), "{url}");
            let settings = "SELECT COUNT(*) FROM settings WHERE current_setting('search_path') = 'growth'
                AND current_setting('plan_cache_mode') = 'force_custom_plan' AND key = 'timezone'";
            for _ in 0..3 {
                assert_eq!(number(&db, settings).await, 1);
            }
            db.close().await;
        }
        assert_eq!(number(&direct, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").await, 0);
    });
}

#[test]
fn a_strict_pooler_that_nobody_told_of_is_named() {
    growth_testkit::block_on(async {
        let direct = growth_testkit::postgres().await;
        let url = direct.pooled_url().replace("?pooler=transaction", "");
        let limits = Limits { patience: Duration::from_secs(2), ..Limits::default() };
        let refused = Db::connect_within(&url, limits).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "there is a pooler at {url}: add pooler=transaction to the url, or pooler=session where it is one of that kind"
            )
        );
    });
}
