//! A database of Supabase's, as far as this program meets it: users that sign up in `auth.users` are ours as well.

use growth_db::{Db, migrate, query};
use growth_testkit::TestDb;

use crate::access::{execute, make_role, rows};

const ANN: &str = "00000000-0000-0000-0000-00000000000a";
const BOB: &str = "00000000-0000-0000-0000-00000000000b";
const CAT: &str = "00000000-0000-0000-0000-00000000000c";

/// What Supabase has in each project: a schema that another role owns, whose tables are closed to everybody else.
const AUTH: &str = "CREATE SCHEMA auth;
CREATE TABLE auth.users (instance_id UUID, id UUID NOT NULL PRIMARY KEY, aud VARCHAR(255), email VARCHAR(255),
    encrypted_password VARCHAR(255), last_sign_in_at TIMESTAMPTZ, created_at TIMESTAMPTZ, is_anonymous BOOLEAN NOT NULL DEFAULT false);
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION auth.uid() RETURNS UUID LANGUAGE sql STABLE AS $$ SELECT CAST(COALESCE(
    NULLIF(current_setting('request.jwt.claim.sub', true), ''),
    CAST(NULLIF(current_setting('request.jwt.claims', true), '') AS JSONB) ->> 'sub') AS UUID) $$;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role";

/// Gives a database the schema `auth`, and returns the role that signs users up: it may do nothing in ours.
async fn with_auth(db: &TestDb) -> String {
    execute(db, AUTH).await;
    let name = make_role(db).await;
    execute(db, format!("ALTER TABLE auth.users OWNER TO {name};\nALTER SCHEMA auth OWNER TO {name}")).await;
    name
}

async fn drop_role(db: &Db, name: &str) {
    execute(db, format!("DROP SCHEMA auth CASCADE;\nDROP OWNED BY {name};\nDROP ROLE {name}")).await;
}

/// Does something as the role that owns `auth`.
async fn as_auth(db: &Db, name: &str, sql: &str) {
    execute(db, format!("SET LOCAL ROLE {name};\nSET LOCAL search_path = auth;\n{sql}")).await;
}

fn sign_up(id: &str, email: &str, at: &str) -> String {
    format!("INSERT INTO auth.users (id, email, created_at) VALUES ('{id}', {email}, {at})")
}

/// The users we know: who, e-mail, since when, whether only from events, whether their payments are to be looked for.
async fn known(db: &Db) -> Vec<(String, Option<String>, String, bool, bool)> {
    rows(
        db,
        "SELECT external_id, email, CAST(created_at AT TIME ZONE 'UTC' AS TEXT), known_from_events,
            EXISTS (SELECT FROM users_to_link WHERE user_id = users.id) FROM users ORDER BY 1",
    )
    .await
}

fn user(
    id: &str,
    email: Option<&str>,
    at: &str,
    from_events: bool,
    to_link: bool,
) -> (String, Option<String>, String, bool, bool) {
    (id.to_owned(), email.map(str::to_owned), at.to_owned(), from_events, to_link)
}

const FORGET: &str = "UPDATE users SET erased_at = now(), email = NULL, external_id = 'erased:' || encode(sha256(convert_to(
    (SELECT value FROM settings WHERE key = 'erasure_salt') || external_id, 'UTF8')), 'hex') WHERE external_id = $1";

async fn forget(db: &Db, id: &str) {
    let mut tx = db.begin().await.unwrap();
    assert_eq!(query(&mut tx, FORGET).bind(id).execute().await.unwrap(), 1);
    tx.commit().await.unwrap();
}

#[test]
fn users_who_were_there_and_users_who_come_are_mirrored() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let auth = with_auth(&db).await;
        as_auth(&db, &auth, &sign_up(ANN, "'ann@example.com'", "'2026-01-01T00:00:00Z'")).await;
        // Known from events, and an admin already.
        execute(
            &db,
            format!(
                "INSERT INTO users (external_id, created_at, is_admin, known_from_events) \
                 VALUES ('{ANN}', '2026-02-01T00:00:00Z', true, true)"
            ),
        )
        .await;
        as_auth(&db, &auth, &sign_up(BOB, "''", "'2026-01-02T00:00:00Z'")).await;
        assert_eq!(migrate::run(&db).await.unwrap(), [], "the schema is as it was, and the mirror is new");
        let ann = user(ANN, Some("ann@example.com"), "2026-01-01 00:00:00", false, true);
        let bob = user(BOB, None, "2026-01-02 00:00:00", false, true);
        assert_eq!(known(&db).await, [ann.clone(), bob.clone()]);
        assert_eq!(
            rows::<(bool,)>(&db, "SELECT is_admin FROM users ORDER BY external_id").await,
            [(true,), (false,)]
        );

        execute(&db, "DELETE FROM users_to_link").await;
        migrate::run(&db).await.unwrap();
        assert_eq!(known(&db).await.iter().filter(|user| user.4).count(), 0, "nobody is new the second time");
        as_auth(&db, &auth, "UPDATE auth.users SET created_at = NULL").await;
        migrate::run(&db).await.unwrap();
        assert_eq!(
            known(&db).await.iter().filter(|user| user.4).count(),
            0,
            "what is not said is not changed"
        );

        as_auth(&db, &auth, &sign_up(CAT, "NULL", "'2026-01-03T00:00:00Z'")).await;
        let cat = user(CAT, None, "2026-01-03 00:00:00", false, true);
        assert_eq!(known(&db).await[2], cat);
        as_auth(&db, &auth, &format!("UPDATE auth.users SET email = 'cat@example.com' WHERE id = '{CAT}'"))
            .await;
        assert_eq!(
            known(&db).await[2],
            user(CAT, Some("cat@example.com"), "2026-01-03 00:00:00", false, true)
        );

        execute(&db, "DELETE FROM users_to_link").await;
        as_auth(&db, &auth, &format!("UPDATE auth.users SET email = 'ann@example.org' WHERE id = '{ANN}'"))
            .await;
        as_auth(&db, &auth, &format!("UPDATE auth.users SET email = email WHERE id = '{CAT}'")).await;
        as_auth(&db, &auth, &format!("UPDATE auth.users SET last_sign_in_at = now() WHERE id = '{BOB}'"))
            .await;
        let changed = user(ANN, Some("ann@example.org"), "2026-01-01 00:00:00", false, true);
        let waiting: Vec<_> = known(&db).await.into_iter().filter(|user| user.4).collect();
        assert_eq!(waiting, [changed], "only who changed has payments to be looked for");
        drop_role(&db, &auth).await;
    });
}

#[test]
fn a_mirrored_user_sees_own_rows() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let auth = with_auth(&db).await;
        migrate::run(&db).await.unwrap();
        as_auth(&db, &auth, &sign_up(ANN, "'ann@example.com'", "now()")).await;
        let counted = format!("SELECT increment_usage_counter('{ANN}', DATE '2026-11-02', 'web', 3)");
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, growth_db::AssertSqlSafe(counted)).fetch_one::<(bool,)>().await.unwrap();
        for (id, expected) in [(ANN, vec![(3,)]), (BOB, vec![])] {
            query(&mut tx, "RESET ROLE").execute().await.unwrap();
            let claims =
                format!("SELECT set_config('request.jwt.claims', '{{\"sub\":\"{id}\"}}', true) AS claims");
            query(&mut tx, growth_db::AssertSqlSafe(claims)).fetch_one::<(String,)>().await.unwrap();
            query(&mut tx, "SET LOCAL ROLE authenticated").execute().await.unwrap();
            // Supabase's function and ours agree on who asks.
            let (uid,): (String,) =
                query(&mut tx, "SELECT CAST(auth.uid() AS TEXT)").fetch_one().await.unwrap();
            assert_eq!(uid, id);
            let own: Vec<(i64,)> =
                query(&mut tx, "SELECT enrichments FROM usage_counters").fetch_all().await.unwrap();
            assert_eq!(own, expected);
        }
        drop(tx);
        drop_role(&db, &auth).await;
    });
}

#[test]
fn a_person_who_was_forgotten_stays_out() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let auth = with_auth(&db).await;
        as_auth(&db, &auth, &sign_up(ANN, "'ann@example.com'", "now()")).await;
        migrate::run(&db).await.unwrap();
        forget(&db, ANN).await;
        execute(&db, "DELETE FROM users_to_link").await;
        let gone = known(&db).await;
        assert_eq!(gone.len(), 1);
        migrate::run(&db).await.unwrap();
        as_auth(&db, &auth, &format!("UPDATE auth.users SET email = 'new@example.com' WHERE id = '{ANN}'"))
            .await;
        as_auth(&db, &auth, &format!("DELETE FROM auth.users WHERE id = '{ANN}'")).await;
        as_auth(&db, &auth, &sign_up(ANN, "'again@example.com'", "now()")).await;
        assert_eq!(known(&db).await, gone);
        drop_role(&db, &auth).await;
    });
}

#[test]
fn a_sign_up_never_fails_and_the_next_migrate_brings_in_who_was_missed() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let auth = with_auth(&db).await;
        migrate::run(&db).await.unwrap();
        // Longer than a sign-up waits for it.
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "LOCK TABLE users").execute().await.unwrap();
        as_auth(&db, &auth, &sign_up(ANN, "'ann@example.com'", "now()")).await;
        drop(tx);
        // Whatever breaks on our side.
        execute(&db, "ALTER TABLE users RENAME TO mislaid").await;
        as_auth(&db, &auth, &sign_up(BOB, "'bob@example.com'", "now()")).await;
        execute(&db, "ALTER TABLE mislaid RENAME TO users").await;
        assert_eq!(rows::<(i64,)>(&db, "SELECT COUNT(*) FROM auth.users").await, [(2,)]);
        assert_eq!(known(&db).await, []);
        migrate::run(&db).await.unwrap();
        assert_eq!(known(&db).await.len(), 2);
        // Without our schema, nothing of us is left in theirs.
        execute(&db, "DROP SCHEMA growth CASCADE").await;
        assert_eq!(
            rows::<(i64,)>(&db, "SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal").await,
            [(0,)]
        );
        as_auth(&db, &auth, &sign_up(CAT, "NULL", "now()")).await;
        drop_role(&db, &auth).await;
    });
}

#[test]
fn what_the_connected_role_may_not_do_in_auth_is_left_out() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        execute(&db, AUTH).await;
        execute(&db, "ALTER TABLE auth.users DISABLE ROW LEVEL SECURITY").await;
        let name = make_role(&db).await;
        execute(&db, sign_up(ANN, "'ann@example.com'", "'2026-01-01T00:00:00Z'")).await;
        execute(&db, format!("DROP SCHEMA growth CASCADE;\nCREATE SCHEMA growth AUTHORIZATION {name}")).await;
        let own = Db::connect(&db.url().replace("postgres@", &format!("{name}@"))).await.unwrap();
        let triggers = "SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal";
        // No right at all, not even to look into the schema.
        migrate::run(&own).await.unwrap();
        assert_eq!((known(&own).await, rows(&db, triggers).await), (vec![], vec![(0_i64,)]));
        // The right to read.
        execute(&db, format!("GRANT USAGE ON SCHEMA auth TO {name};\nGRANT SELECT ON auth.users TO {name}"))
            .await;
        migrate::run(&own).await.unwrap();
        let ann = user(ANN, Some("ann@example.com"), "2026-01-01 00:00:00", false, true);
        assert_eq!((known(&own).await, rows(&db, triggers).await), (vec![ann.clone()], vec![(0_i64,)]));
        // What Supabase gives the role of a project's owner.
        execute(&db, format!("GRANT TRIGGER ON auth.users TO {name}")).await;
        migrate::run(&own).await.unwrap();
        execute(&db, sign_up(BOB, "NULL", "'2026-01-02T00:00:00Z'")).await;
        assert_eq!(known(&own).await, [ann, user(BOB, None, "2026-01-02 00:00:00", false, true)]);
        own.close().await;
        drop_role(&db, &name).await;
    });
}

#[test]
fn a_table_that_only_looks_like_supabase_s_is_left_alone() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        for other in [
            "CREATE SCHEMA auth;\nCREATE TABLE auth.users (id BIGINT, name TEXT)",
            "DROP TABLE auth.users;\nCREATE VIEW auth.users AS SELECT 1 AS id, 'a' AS email, now() AS created_at",
        ] {
            execute(&db, other).await;
            migrate::run(&db).await.unwrap();
            assert_eq!(known(&db).await, []);
        }
    });
}
