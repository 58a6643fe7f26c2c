//! Who may see and change what on Postgres: users their own, admins everything, the service role all of it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use growth_db::rows::users::{self, ToldUser};
use growth_db::rows::{EventRow, UsageRow, events};
use growth_db::{AssertSqlSafe, Db, Json, Record, SqlError, Tx, migrate, query, table};
use growth_testkit::TestDb;

const TABLES: [&str; 3] = ["events", "usage_counters", "payments"];
/// SQLSTATE of a right that is missing.
const DENIED: &str = "42501";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Runs statements of a script, which names no values, as the owner.
pub(crate) async fn execute(db: &Db, sql: impl Into<String>) {
    let mut tx = db.begin().await.unwrap();
    for statement in sql.into().split(";\n") {
        query(&mut tx, AssertSqlSafe(statement.to_owned()))
            .execute()
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tx.commit().await.unwrap();
}

pub(crate) async fn rows<T: Record>(db: &Db, sql: &str) -> Vec<T> {
    query(db, AssertSqlSafe(sql.to_owned()))
        .fetch_all()
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// A transaction in which a role asks with the claims of a JWT, as `PostgREST` sets them.
async fn asking(db: &Db, role: &str, claims: &str) -> Tx {
    let mut tx = db.begin().await.unwrap();
    let set = "SELECT set_config('request.jwt.claims', $1, true) AS claims";
    query(&mut tx, set).bind(claims).fetch_one::<(String,)>().await.unwrap();
    query(&mut tx, AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).execute().await.unwrap();
    tx
}

/// What a statement of one text column gives a role; what it changed is not kept.
async fn asked(db: &Db, role: &str, claims: &str, sql: &str) -> Result<Vec<String>, String> {
    let mut tx = asking(db, role, claims).await;
    let rows: Result<Vec<(String,)>, _> = query(&mut tx, AssertSqlSafe(sql.to_owned())).fetch_all().await;
    rows.map(|rows| rows.into_iter().map(|(row,)| row).collect()).map_err(|error| code(&error))
}

fn code(error: &SqlError) -> String {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.unwrap_or_else(|| panic!("{error}")).into_owned()
}

fn claims(user: &str) -> String {
    format!(r#"{{"sub":"{user}","role":"authenticated"}}"#)
}

/// Users of the three tables' rows, in order, as a role sees them. 0 is nobody, -1 a visitor, -9 a payment of nobody's.
async fn seen(db: &Db, role: &str, claims: &str) -> [Vec<String>; 3] {
    let mut seen = [Vec::new(), Vec::new(), Vec::new()];
    for (seen, table) in seen.iter_mut().zip(TABLES) {
        let sql =
            format!("SELECT CAST(COALESCE(user_id, -9) AS TEXT) FROM {table} ORDER BY COALESCE(user_id, -9)");
        *seen = asked(db, role, claims, &sql).await.unwrap();
    }
    seen
}

/// A database with ann (1), bob (2), and root (3), who is an admin; each has a row in each table.
async fn house() -> TestDb {
    let db = growth_testkit::postgres().await;
    let mut tx = db.begin().await.unwrap();
    let told = [("ann", false), ("bob", false), ("root", true)].map(|(external_id, is_admin)| ToldUser {
        external_id,
        email: None,
        created_at: at("2026-01-01T00:00:00Z"),
        is_admin,
    });
    users::tell(&mut tx, &told).await.unwrap();
    tx.commit().await.unwrap();
    events::make_partitions(&db, &month(2026, 11)).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let happened =
        [-1, 0, 1, 2, 3].map(|user_id| event(user_id, "export_csv_completed", "2026-11-20T10:00:00Z"));
    events::store(&mut tx, &happened).await.unwrap();
    table::merge(&mut tx, &[1, 2, 3].map(usage)).await.unwrap();
    tx.commit().await.unwrap();
    for user in ["1", "2", "3", "NULL"] {
        execute(&db, payment(user, user)).await;
    }
    db
}

fn event(user_id: i64, name: &str, created_at: &str) -> EventRow {
    EventRow {
        user_id,
        created_at: at(created_at),
        id: 1,
        event_name: name.to_owned(),
        event_category: "user_action".to_owned(),
        app_name: "web".to_owned(),
        session_id: None,
        properties: Json(serde_json::json!({})),
        duration_ms: None,
        status: "success".to_owned(),
        error_message: None,
        ip_hash: None,
        user_agent: None,
        referrer: None,
        active: true,
        ip: None,
    }
}

fn usage(user_id: i64) -> UsageRow {
    UsageRow {
        user_id,
        date: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
        app_name: "web".to_owned(),
        enrichments: 1,
        searches: 0,
        exports: 0,
        pitches_generated: 0,
        emails_sent: 0,
        campaigns_created: 0,
        contacts_added: 0,
        sessions: 0,
        session_duration_ms: 0,
        updated_at: at("2026-11-20T10:00:00Z"),
    }
}

fn payment(id: &str, user: &str) -> String {
    format!(
        "INSERT INTO payments (account, livemode, id, group_id, event_id, user_id, amount, currency, status, \
         refund_amount, created_at) VALUES ('', true, 'pi_{id}', 'g', 'evt_{id}', {user}, 1900, 'gbp', 'succeeded', 0, \
         '2026-11-20T10:00:00Z')"
    )
}

fn month(year: i32, month: u32) -> BTreeSet<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, 1).into_iter().collect()
}

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn users_see_their_own_rows_and_admins_all() {
    growth_testkit::block_on(async {
        let db = house().await;
        for (user, number) in [("ann", "1"), ("bob", "2")] {
            let own = texts(&[number]);
            assert_eq!(
                seen(&db, "authenticated", &claims(user)).await,
                [own.clone(), own.clone(), own],
                "{user}"
            );
        }
        let all =
            [texts(&["-1", "0", "1", "2", "3"]), texts(&["1", "2", "3"]), texts(&["-9", "1", "2", "3"])];
        assert_eq!(seen(&db, "authenticated", &claims("root")).await, all);
        assert_eq!(seen(&db, "service_role", r#"{"role":"service_role"}"#).await, all);

        let policies: Vec<(String, i64)> = rows(
            &db,
            "SELECT CAST(tablename AS TEXT), COUNT(*) FROM pg_policies WHERE schemaname = 'growth' GROUP BY 1 ORDER BY 1",
        )
        .await;
        let three = |table: &str| (table.to_owned(), 3);
        assert_eq!(policies, [three("events"), three("payments"), three("usage_counters")]);
    });
}

#[test]
fn claims_that_name_nobody_see_nothing() {
    growth_testkit::block_on(async {
        let db = house().await;
        let nothing: [Vec<String>; 3] = [vec![], vec![], vec![]];
        let deep = "[".repeat(100_000);
        for claims in [
            "",
            " ",
            "{}",
            "null",
            "5",
            "[]",
            "nonsense",
            "{",
            r#"{"sub":null}"#,
            r#"{"sub":""}"#,
            r#"{"sub":{"sub":"ann"}}"#,
            r#"{"sub":["ann"]}"#,
            r#"{"sub":"\u0000"}"#,
            r#"{"sub":"\ud800"}"#,
            r#"{"sub":"stranger"}"#,
            r#"{"sub":"ANN"}"#,
            r#"{"role":"service_role"}"#,
            r#"{"user":"ann"}"#,
            "ann",
            &deep,
        ] {
            assert_eq!(seen(&db, "authenticated", claims).await, nothing, "{claims:.40}");
        }
        // Before version 9, PostgREST set each claim by itself.
        let mut tx = asking(&db, "authenticated", "nonsense").await;
        query(&mut tx, "SET LOCAL request.jwt.claim.sub = 'ann'").execute().await.unwrap();
        let own: Vec<(i64,)> = query(&mut tx, "SELECT user_id FROM events").fetch_all().await.unwrap();
        assert_eq!(own, [(1,)]);
        drop(tx);
        // Nothing was ever set in this session.
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "SET LOCAL ROLE authenticated").execute().await.unwrap();
        assert_eq!(query(&mut tx, "SELECT user_id FROM events").fetch_all::<(i64,)>().await.unwrap(), []);
        drop(tx);
        // A person who was forgotten, and an admin who was.
        execute(&db, "UPDATE users SET external_id = 'erased:' || external_id, erased_at = created_at").await;
        for user in ["ann", "erased:ann", "erased:root"] {
            assert_eq!(self::seen(&db, "authenticated", &claims(user)).await, nothing, "{user}");
        }
    });
}

#[test]
fn users_and_admins_write_nothing() {
    growth_testkit::block_on(async {
        let db = house().await;
        for user in ["ann", "root"] {
            for sql in [
                "INSERT INTO events SELECT * FROM events RETURNING event_name",
                "UPDATE events SET event_name = 'x' RETURNING event_name",
                "DELETE FROM events RETURNING event_name",
                "INSERT INTO usage_counters SELECT * FROM usage_counters RETURNING app_name",
                "UPDATE usage_counters SET enrichments = 1000 RETURNING app_name",
                "DELETE FROM usage_counters RETURNING app_name",
                "INSERT INTO payments SELECT * FROM payments RETURNING id",
                "UPDATE payments SET amount = 0 RETURNING id",
                "DELETE FROM payments RETURNING id",
                "TRUNCATE payments",
                "SELECT event_name FROM events FOR UPDATE",
            ] {
                assert_eq!(
                    asked(&db, "authenticated", &claims(user), sql).await.unwrap_err(),
                    DENIED,
                    "{user}: {sql}"
                );
            }
        }
    });
}

#[test]
fn the_service_role_manages_without_bypassing_anything() {
    growth_testkit::block_on(async {
        let db = house().await;
        let bypasses: Vec<(bool,)> =
            rows(&db, "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = 'service_role'").await;
        assert_eq!(bypasses, [(false,)], "this test would prove nothing");
        let mut tx = asking(&db, "service_role", "").await;
        for (sql, changed) in [
            ("UPDATE events SET app_name = 'ios'", 5),
            ("DELETE FROM events WHERE user_id = 1", 1),
            (
                "INSERT INTO events SELECT 1, created_at, id, event_name, event_category, app_name, session_id, properties, \
              duration_ms, status FROM events WHERE user_id = 2",
                1,
            ),
            ("UPDATE usage_counters SET enrichments = 7", 3),
            ("DELETE FROM usage_counters WHERE user_id = 1", 1),
            (
                "INSERT INTO usage_counters SELECT 1, date, app_name, 1, 0, 0, 0, 0, 0, 0, 0, 0, updated_at FROM usage_counters \
              WHERE user_id = 2",
                1,
            ),
            ("UPDATE payments SET plan_name = 'Pro'", 4),
            ("DELETE FROM payments WHERE user_id = 1", 1),
            (&payment("new", "1"), 1),
        ] {
            let done = query(&mut tx, AssertSqlSafe(sql.to_owned())).execute().await;
            assert_eq!(done.unwrap_or_else(|error| panic!("{sql}: {error}")), changed, "{sql}");
        }
        tx.commit().await.unwrap();
        assert_eq!(
            seen(&db, "authenticated", &claims("ann")).await,
            [texts(&["1"]), texts(&["1"]), texts(&["1"])]
        );
        assert_eq!(asked(&db, "service_role", "", "TRUNCATE payments").await.unwrap_err(), DENIED);
    });
}

#[test]
fn nobody_else_gets_anything() {
    growth_testkit::block_on(async {
        let db = house().await;
        let tables: Vec<(String,)> =
            rows(&db, "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'growth' ORDER BY 1")
                .await;
        assert!(tables.iter().any(|(table,)| table == "events_2026_11"));
        for (table,) in &tables {
            let read = format!("SELECT 'row' FROM growth.{table}");
            assert_eq!(asked(&db, "anon", &claims("ann"), &read).await.unwrap_err(), DENIED, "{table}");
            if !TABLES.contains(&table.as_str()) {
                for user in ["ann", "root"] {
                    let refused = asked(&db, "authenticated", &claims(user), &read).await.unwrap_err();
                    assert_eq!(refused, DENIED, "{user}: {table}");
                }
            }
        }
        for sql in [
            "SELECT CAST(growth.current_user_id() AS TEXT)",
            "SELECT event_name FROM growth.get_user_event_summary('ann', 30)",
            "SELECT CAST(growth.increment_usage_counter('ann', DATE '2026-11-20', 'web', 1) AS TEXT)",
        ] {
            assert_eq!(asked(&db, "anon", &claims("ann"), sql).await.unwrap_err(), DENIED, "{sql}");
        }
        for sql in [
            "SELECT CAST(increment_usage_counter('ann', DATE '2026-11-20', 'web', 1) AS TEXT)",
            "SELECT forgotten_as('bob')",
            "SELECT jwt_user()",
            "SELECT CAST(asks_as_user() AS TEXT)",
            "SELECT CAST(nextval('users_id_seq') AS TEXT)",
            "CREATE TABLE growth.mine (id BIGINT)",
            "CREATE FUNCTION growth.jwt_user(TEXT) RETURNS TEXT LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE events DISABLE ROW LEVEL SECURITY",
        ] {
            for user in ["ann", "root"] {
                assert_eq!(
                    asked(&db, "authenticated", &claims(user), sql).await.unwrap_err(),
                    DENIED,
                    "{sql}"
                );
            }
        }
    });
}

#[test]
fn a_table_or_function_of_the_same_name_is_no_way_in() {
    growth_testkit::block_on(async {
        let db = house().await;
        // In reach of every session: temporary tables, a schema of one's own, and the search path.
        execute(&db, "CREATE SCHEMA lair;\nGRANT ALL ON SCHEMA lair TO authenticated").await;
        let mut tx = asking(&db, "authenticated", &claims("ann")).await;
        for sql in [
            "CREATE TEMPORARY TABLE users AS SELECT 2 AS id, 'ann' AS external_id, true AS is_admin, CAST(NULL AS TIMESTAMPTZ) AS erased_at",
            "CREATE TEMPORARY TABLE events AS SELECT 'mine' AS event_name",
            "CREATE FUNCTION lair.jwt_user() RETURNS TEXT LANGUAGE sql AS $$SELECT 'root'$$",
            "CREATE FUNCTION lair.current_user_id() RETURNS BIGINT LANGUAGE sql AS 'SELECT 2'",
            "CREATE FUNCTION lair.equals(TEXT, TEXT) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT true'",
            "CREATE OPERATOR lair.= (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = lair.equals)",
            "GRANT ALL ON pg_temp.users, pg_temp.events TO PUBLIC",
            "SET LOCAL search_path = lair, pg_temp, pg_catalog, growth",
        ] {
            query(&mut tx, AssertSqlSafe(sql.to_owned()))
                .execute()
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let own: Vec<(i64,)> = query(&mut tx, "SELECT user_id FROM growth.events").fetch_all().await.unwrap();
        assert_eq!(own, [(1,)]);
        let number: (i64,) = query(&mut tx, "SELECT growth.current_user_id()").fetch_one().await.unwrap();
        assert_eq!(number, (1,));
        let admin: (Option<i64>,) =
            query(&mut tx, "SELECT growth.admin_sees_from()").fetch_one().await.unwrap();
        assert_eq!(admin, (None,));
        let sql = "SELECT event_name FROM growth.get_user_event_summary('ann', 36500)";
        let summary: Vec<(String,)> = query(&mut tx, sql).fetch_all().await.unwrap();
        assert_eq!(summary, [("export_csv_completed".to_owned(),)]);
        let sql = "SELECT event_name FROM growth.get_user_event_summary('bob', 36500)";
        let refused = query(&mut tx, sql).fetch_all::<(String,)>().await.unwrap_err();
        assert_eq!(code(&refused), DENIED);
    });
}

#[test]
fn a_grant_of_everything_opens_nothing_and_is_taken_back() {
    growth_testkit::block_on(async {
        let db = house().await;
        // What Supabase's guide to custom schemas has people run.
        execute(
            &db,
            "GRANT USAGE ON SCHEMA growth TO anon, authenticated, service_role;\n\
             GRANT ALL ON ALL TABLES IN SCHEMA growth TO anon, authenticated, service_role;\n\
             GRANT ALL ON ALL ROUTINES IN SCHEMA growth TO anon, authenticated, service_role;\n\
             GRANT ALL ON ALL SEQUENCES IN SCHEMA growth TO anon, authenticated, service_role;\n\
             ALTER DEFAULT PRIVILEGES IN SCHEMA growth GRANT ALL ON TABLES TO anon, authenticated, service_role;\n\
             ALTER DEFAULT PRIVILEGES IN SCHEMA growth GRANT ALL ON ROUTINES TO anon, authenticated, service_role;\n\
             ALTER DEFAULT PRIVILEGES IN SCHEMA growth GRANT ALL ON SEQUENCES TO anon, authenticated, service_role",
        )
        .await;
        events::make_partitions(&db, &month(2026, 12)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        events::store(&mut tx, &[event(2, "page_load", "2026-12-02T00:00:00Z")]).await.unwrap();
        tx.commit().await.unwrap();

        let tables: Vec<(String,)> =
            rows(&db, "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'growth' ORDER BY 1")
                .await;
        for (table,) in tables.iter().filter(|(table,)| !TABLES.contains(&table.as_str())) {
            for role in ["anon", "authenticated"] {
                let sql = format!("SELECT 'row' FROM growth.{table}");
                assert_eq!(asked(&db, role, &claims("ann"), &sql).await.unwrap(), [""; 0], "{role}: {table}");
            }
        }
        let everything_of = |number: &str| [texts(&[number]), texts(&[number]), texts(&[number])];
        assert_eq!(seen(&db, "authenticated", &claims("ann")).await, everything_of("1"));
        assert_eq!(seen(&db, "anon", &claims("ann")).await, [texts(&[]), texts(&[]), texts(&[])]);
        let count = |user: &str| {
            format!("SELECT CAST(increment_usage_counter('{user}', DATE '2026-11-20', 'web', 1) AS TEXT)")
        };
        assert_eq!(asked(&db, "authenticated", &claims("ann"), &count("bob")).await.unwrap_err(), DENIED);
        assert_eq!(asked(&db, "anon", "", &count("bob")).await.unwrap_err(), DENIED);
        assert_eq!(asked(&db, "authenticated", &claims("ann"), &count("ann")).await.unwrap(), ["true"]);
        let write = "UPDATE usage_counters SET enrichments = 1000 RETURNING app_name";
        assert_eq!(asked(&db, "authenticated", &claims("ann"), write).await.unwrap(), [""; 0]);

        migrate::run(&db).await.unwrap();
        events::make_partitions(&db, &month(2027, 1)).await.unwrap();
        assert_eq!(rights(&db).await, rights(&*house().await).await);
        assert_eq!(seen(&db, "authenticated", &claims("bob")).await[0], texts(&["2", "2"]));
    });
}

/// Every right of users and visitors on what is in the schema, but for partitions that have none.
async fn rights(db: &Db) -> Vec<(String, String, String)> {
    rows(
        db,
        "SELECT CAST(rolname AS TEXT), object, privilege_type FROM (
            SELECT CAST(relname AS TEXT) AS object, relacl AS acl FROM pg_class WHERE relnamespace = CAST('growth' AS regnamespace)
            UNION ALL SELECT CAST(proname AS TEXT), proacl FROM pg_proc WHERE pronamespace = CAST('growth' AS regnamespace)
            UNION ALL SELECT CAST(nspname AS TEXT), nspacl FROM pg_namespace WHERE nspname = 'growth') AS objects
            CROSS JOIN aclexplode(acl) JOIN pg_roles ON pg_roles.oid = grantee
        WHERE rolname IN ('anon', 'authenticated') ORDER BY 1, 2, 3",
    )
    .await
}

#[test]
fn a_user_s_rows_are_found_by_an_index_and_the_user_is_looked_up_once() {
    growth_testkit::block_on(async {
        let db = house().await;
        execute(
            &db,
            "INSERT INTO events SELECT 1000 + n % 500, TIMESTAMPTZ '2026-11-02' + n * INTERVAL '5 s', n, 'page_load', \
             'performance', 'web', NULL, '{}', NULL, 'success' FROM generate_series(1, 50000) n;\nANALYZE events",
        )
        .await;
        let plan = asked(&db, "authenticated", &claims("ann"), "EXPLAIN SELECT * FROM events")
            .await
            .unwrap()
            .join("\n");
        assert!(plan.contains("Index Cond: (user_id = $0)"), "{plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains("Filter"), "{plan}");
        let plan = asked(&db, "authenticated", &claims("ann"), "EXPLAIN SELECT * FROM usage_counters")
            .await
            .unwrap()
            .join("\n");
        assert_eq!(plan.matches("InitPlan").count(), 2, "{plan}");
    });
}

#[test]
fn every_function_keeps_its_path_and_is_closed_to_strangers() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let open: Vec<(String,)> = rows(
            &db,
            "SELECT CAST(proname AS TEXT) FROM pg_proc WHERE pronamespace = CAST('growth' AS regnamespace) AND (proacl IS NULL
                OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)
                OR NOT COALESCE('search_path=growth, pg_temp' = ANY (proconfig), false))",
        )
        .await;
        assert_eq!(open, []);
    });
}

#[test]
fn a_second_migrate_changes_nothing() {
    growth_testkit::block_on(async {
        let db = house().await;
        // A row of the catalogue that is written again gets another xmin.
        let catalogue = "SELECT CAST('pg_class' AS TEXT), CAST(oid AS BIGINT), CAST(CAST(xmin AS TEXT) AS BIGINT) FROM pg_class
                WHERE relnamespace = CAST('growth' AS regnamespace)
            UNION ALL SELECT 'pg_proc', CAST(oid AS BIGINT), CAST(CAST(xmin AS TEXT) AS BIGINT) FROM pg_proc
                WHERE pronamespace = CAST('growth' AS regnamespace)
            UNION ALL SELECT 'pg_namespace', CAST(oid AS BIGINT), CAST(CAST(xmin AS TEXT) AS BIGINT) FROM pg_namespace
            UNION ALL SELECT 'pg_policy', CAST(oid AS BIGINT), CAST(CAST(xmin AS TEXT) AS BIGINT) FROM pg_policy
            UNION ALL SELECT 'pg_default_acl', CAST(oid AS BIGINT), CAST(CAST(xmin AS TEXT) AS BIGINT) FROM pg_default_acl
            ORDER BY 1, 2";
        let before: Vec<(String, i64, i64)> = rows(&db, catalogue).await;
        assert_eq!(migrate::run(&db).await.unwrap(), []);
        assert_eq!(rows::<(String, i64, i64)>(&db, catalogue).await, before);
    });
}

/// Makes a role that may log in and nothing else, and returns its name.
pub(crate) async fn make_role(db: &TestDb) -> String {
    let (name,) = rows::<(String,)>(db, "SELECT 'owner_of_' || current_database()").await.remove(0);
    execute(db, format!("CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS")).await;
    name
}

/// Gives the database to a role that may create nothing but schemas in it, and connects as that role.
async fn owned(db: &TestDb) -> (String, Db) {
    let name = make_role(db).await;
    let (database,) = rows::<(String,)>(db, "SELECT CAST(current_database() AS TEXT)").await.remove(0);
    execute(db, format!("DROP SCHEMA growth CASCADE;\nGRANT CREATE ON DATABASE {database} TO {name}")).await;
    let own = Db::connect(&db.url().replace("postgres@", &format!("{name}@"))).await.unwrap();
    (name, own)
}

#[test]
fn an_owner_who_is_no_superuser_migrates_writes_and_reads() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let (name, own) = owned(&db).await;
        assert_eq!(migrate::run(&own).await.unwrap(), migrate::MIGRATIONS);
        assert_eq!(migrate::run(&own).await.unwrap(), []);
        events::make_partitions(&own, &month(2026, 11)).await.unwrap();
        let mut tx = own.begin().await.unwrap();
        users::tell(
            &mut tx,
            &[ToldUser {
                external_id: "ann",
                email: None,
                created_at: at("2026-01-01T00:00:00Z"),
                is_admin: false,
            }],
        )
        .await
        .unwrap();
        let happened = event(1, "page_load", "2026-11-20T10:00:00Z");
        assert_eq!(events::store(&mut tx, &[happened]).await.unwrap(), [].into());
        table::merge(&mut tx, &[usage(1)]).await.unwrap();
        tx.commit().await.unwrap();
        execute(&own, payment("1", "1")).await;
        execute(&own, payment("2", "NULL")).await;
        for (table, expected) in [("events", 1), ("usage_counters", 1), ("payments", 2)] {
            let count: Vec<(i64,)> = rows(&own, &format!("SELECT COUNT(*) FROM {table}")).await;
            assert_eq!(count, [(expected,)], "{table}");
        }
        let count = "SELECT increment_usage_counter('ann', DATE '2026-11-20', 'web', 4)";
        let mut tx = own.begin().await.unwrap();
        assert_eq!(query(&mut tx, count).fetch_all::<(bool,)>().await.unwrap(), [(true,)]);
        tx.commit().await.unwrap();
        own.close().await;
        // And its functions do for users what a superuser's would.
        assert_eq!(
            seen(&db, "authenticated", &claims("ann")).await,
            [texts(&["1"]), texts(&["1"]), texts(&["1"])]
        );
        let counter = asked(
            &db,
            "authenticated",
            &claims("ann"),
            "SELECT CAST(enrichments AS TEXT) FROM usage_counters",
        )
        .await;
        assert_eq!(counter.unwrap(), ["5"]);
        execute(&db, format!("DROP OWNED BY {name};\nDROP ROLE {name}")).await;
    });
}

#[test]
fn who_is_not_the_owner_is_told_so_instead_of_seeing_nothing() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let name = make_role(&db).await;
        let grants = format!(
            "GRANT USAGE ON SCHEMA growth TO {name};\nGRANT ALL ON ALL TABLES IN SCHEMA growth TO {name}"
        );
        execute(&db, grants).await;
        let other = Db::connect(&db.url().replace("postgres@", &format!("{name}@"))).await.unwrap();
        let expected = format!(
            "the role {name} would see no rows: growthctl's tables belong to postgres, and row level security hides them \
             from others; connect as postgres, or `GRANT postgres TO {name}`"
        );
        assert_eq!(migrate::check(&other).await.unwrap_err().to_string(), expected);
        assert_eq!(migrate::run(&other).await.unwrap_err().to_string(), expected);
        execute(&db, format!("GRANT postgres TO {name}")).await;
        migrate::check(&other).await.unwrap();
        assert_eq!(migrate::run(&other).await.unwrap(), []);
        other.close().await;
        execute(&db, format!("DROP OWNED BY {name};\nDROP ROLE {name}")).await;
    });
}

#[test]
fn roles_that_are_missing_and_not_allowed_come_with_a_later_migrate() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let (name, own) = owned(&db).await;
        own.close().await;
        // Roles are the whole server's: other tests must not miss them, so this one is a single transaction.
        let rename = |from: &str, to: &str| {
            ["anon", "authenticated", "service_role"]
                .map(|role| format!("ALTER ROLE {from}{role} RENAME TO {to}{role}"))
        };
        let policies = "SELECT COUNT(*) FROM pg_policies WHERE schemaname = 'growth'";
        let roles =
            "SELECT COUNT(*) FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role')";
        let open = "SELECT COUNT(*) FROM pg_class WHERE relnamespace = CAST('growth' AS regnamespace)
            AND relkind IN ('r', 'p') AND NOT relrowsecurity";
        let mut tx = db.begin().await.unwrap();
        for sql in rename("", "hidden_").into_iter().chain([format!("SET LOCAL ROLE {name}")]) {
            query(&mut tx, AssertSqlSafe(sql)).execute().await.unwrap();
        }
        migrate::run_within(&mut tx).await.unwrap();
        for (sql, expected) in [(roles, 0), (policies, 0), (open, 0)] {
            assert_eq!(query(&mut tx, sql).fetch_one::<(i64,)>().await.unwrap(), (expected,), "{sql}");
        }
        // Somebody made them meanwhile.
        let back = ["RESET ROLE".to_owned()].into_iter().chain(rename("hidden_", ""));
        for sql in back.chain([format!("SET LOCAL ROLE {name}")]) {
            query(&mut tx, AssertSqlSafe(sql)).execute().await.unwrap();
        }
        assert_eq!(migrate::run_within(&mut tx).await.unwrap(), []);
        assert_eq!(query(&mut tx, policies).fetch_one::<(i64,)>().await.unwrap(), (9,));
        drop(tx);

        // Who may create roles does.
        let mut tx = db.begin().await.unwrap();
        for sql in rename("", "hidden_") {
            query(&mut tx, AssertSqlSafe(sql)).execute().await.unwrap();
        }
        migrate::run_within(&mut tx).await.unwrap();
        for (sql, expected) in [(roles, 3), (policies, 9), (open, 0)] {
            assert_eq!(query(&mut tx, sql).fetch_one::<(i64,)>().await.unwrap(), (expected,), "{sql}");
        }
        drop(tx);
        execute(&db, format!("DROP OWNED BY {name};\nDROP ROLE {name}")).await;
    });
}
