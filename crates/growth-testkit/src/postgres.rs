//! PostgreSQL: one database is migrated for the whole server, and copied for every test.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::thread;
use std::time::Duration;

use growth_db::Db;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

/// The server's address; its user may create databases and roles.
const SERVER: &str = "GROWTHCTL_TEST_POSTGRES_URL";
/// The address of a pooler before that server, which lends out connections by transaction.
const POOLER: &str = "GROWTHCTL_TEST_PGBOUNCER_URL";
/// The address of one that lends them out by session.
const SESSION_POOLER: &str = "GROWTHCTL_TEST_PGBOUNCER_SESSION_URL";
/// Any number that nobody else locks on a server for tests.
const LOCK: i64 = 4_716_208_851;

/// How long the end of a test may wait for its connections.
const PATIENCE: Duration = Duration::from_millis(500);

/// The name of the migrated database that tests are given copies of.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A test's database, which is dropped with this value.
#[derive(Debug)]
pub(crate) struct Database {
    db: Db,
    name: String,
    server: String,
}

/// Makes a migrated database and returns its pool, its address and what drops it.
pub(crate) async fn create() -> (Db, String, Database) {
    let server = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("this test needs PostgreSQL: run it with `cargo xtask test` ({SERVER} is not set)")
    });
    let mut admin = connect(&server).await;
    let template = TEMPLATE.get_or_init(|| template(&server)).await;
    let name = format!("growth_test_{:016x}", RandomState::new().build_hasher().finish());
    execute(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let _ = admin.close().await;
    let url = with_database(&server, &name);
    let db = crate::connect(&url).await;
    (db.clone(), url, Database { db, name, server })
}

/// Makes the template where this server does not have it, and returns its name.
///
/// The name tells the migrations it was made by, so that a server may outlive a change of them.
async fn template(server: &str) -> String {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", growth_db::migrate::MIGRATIONS).hash(&mut hasher);
    growth_db::migrate::ACCESS.hash(&mut hasher);
    let name = format!("growth_template_{:016x}", hasher.finish());
    let mut admin = connect(server).await;
    // Another test program may be here at the same time. The lock ends with the connection.
    execute(&mut admin, format!("SELECT pg_advisory_lock({LOCK})")).await;
    let known = sqlx::query("SELECT FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await;
    if known.unwrap_or_else(|error| panic!("cannot list databases: {error}")).is_none() {
        // The template gets its name last, so that none is ever used that an interrupted run left unfinished.
        let unfinished = format!("{name}_unfinished");
        execute(&mut admin, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        execute(&mut admin, format!("CREATE DATABASE {unfinished} TEMPLATE template0")).await;
        crate::migrated(&with_database(server, &unfinished)).await;
        execute(&mut admin, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    let _ = admin.close().await;
    name
}

impl Database {
    /// Returns the address of this database behind the pooler that lends out connections by transaction.
    pub(crate) fn pooled(&self) -> String {
        self.behind(POOLER)
    }

    /// Returns the address of this database behind the pooler that lends out connections by session.
    pub(crate) fn pooled_by_session(&self) -> String {
        self.behind(SESSION_POOLER)
    }

    fn behind(&self, variable: &str) -> String {
        let pooler = std::env::var(variable).unwrap_or_else(|_| {
            panic!("this test needs PgBouncer: run it with `cargo xtask test` ({variable} is not set)")
        });
        with_database(&pooler, &self.name)
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

async fn execute(connection: &mut PgConnection, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Puts a database's name in the place of the one that a server's address has.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) =
        server.split_once('?').map_or((server, None), |(address, rest)| (address, Some(rest)));
    let path = address.find("://").map_or(0, |scheme| scheme + 3);
    let host = address[path..].find('/').map_or(address, |slash| &address[..path + slash]);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{host}/{name}{options}")
}

impl Drop for Database {
    /// Drops the database on a thread of its own, since dropping cannot wait; what fails is left to the server's end.
    fn drop(&mut self) {
        let (db, name, server) = (self.db.clone(), self.name.clone(), self.server.clone());
        let dropped = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                // A connection that is still in use would wait for a test that has ended.
                let _ = timeout(PATIENCE, db.close()).await;
                let mut admin = PgConnection::connect(&server).await?;
                // A server that drops a database with connections sleeps for a tenth of a second before it looks
                // again, and closed ones take a moment to end.
                let _ = timeout(PATIENCE, unused(&mut admin, &name)).await;
                let sql = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                sqlx::raw_sql(sql).execute(&mut admin).await
            })
        });
        let _: Result<Result<_, sqlx::Error>, _> = dropped.join();
    }
}

/// Waits until nobody is connected to a database.
async fn unused(admin: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let connected = "SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1";
    while sqlx::query(connected).bind(name).fetch_optional(&mut *admin).await?.is_some() {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_an_address_is_replaced() {
        for (server, expected) in [
            ("postgres://me@host:1/postgres", "postgres://me@host:1/x"),
            ("postgres://host", "postgres://host/x"),
            (
                "postgres://me:a%2Fb@host/postgres?sslmode=disable",
                "postgres://me:a%2Fb@host/x?sslmode=disable",
            ),
        ] {
            assert_eq!(with_database(server, "x"), expected);
        }
    }
}
