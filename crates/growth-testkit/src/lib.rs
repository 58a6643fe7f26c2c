//! What the tests of every crate share: a fresh database per test, on both engines.
//!
//! ```no_run
//! growth_testkit::on_each_engine! {
//!     async fn a_fresh_database_has_no_customers(db: TestDb) {
//!         let (customers,): (i64,) =
//!             growth_db::query(&*db, "SELECT COUNT(*) FROM customers").fetch_one().await.unwrap();
//!         assert_eq!(customers, 0);
//!     }
//! }
//! ```
//!
//! This crate is for tests alone, and it panics where they cannot run: a test
//! without its server has failed, it was not skipped.
//!
//! A crate's tests that use it are those in `tests/`. A `#[cfg(test)]` module
//! of `growth-db` itself would meet two copies of `growth-db`, which do not
//! know each other's types.

pub mod browser;
pub mod histories;
mod postgres;
pub mod signed;
mod sqlite;
mod statements;
pub mod stripe;
pub mod tables;

use std::io::Write as _;
use std::ops::Deref;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use growth_db::{Db, migrate};

pub use statements::assert_prepared_alike;
pub use tables::until;

/// A migrated database of a test's own, which is gone when this value is dropped.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    url: String,
    place: Place,
}

/// What has to go with the database.
#[derive(Debug)]
enum Place {
    Sqlite(#[expect(dead_code, reason = "it is kept for what it does when it is dropped")] tempfile::TempDir),
    Postgres(postgres::Database),
}

impl TestDb {
    /// Returns the address under which another process or pool finds the same database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address of the same database behind a pooler that lends out connections by transaction.
    ///
    /// # Panics
    ///
    /// Where the database is an embedded one, or `GROWTHCTL_TEST_PGBOUNCER_URL` is not set. `cargo xtask test` starts
    /// a pooler and sets the variable.
    pub fn pooled_url(&self) -> String {
        self.on_server().pooled()
    }

    /// Returns the address of the same database behind a pooler that lends out connections by session.
    ///
    /// # Panics
    ///
    /// As [`TestDb::pooled_url`] does, for want of `GROWTHCTL_TEST_PGBOUNCER_SESSION_URL`.
    pub fn session_pooled_url(&self) -> String {
        self.on_server().pooled_by_session()
    }

    fn on_server(&self) -> &postgres::Database {
        match &self.place {
            Place::Postgres(database) => database,
            Place::Sqlite(_) => panic!("there is no pooler before an embedded database"),
        }
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// Makes a fresh, migrated SQLite database in a folder of its own.
///
/// # Panics
///
/// Where the folder or the database cannot be made.
pub async fn sqlite() -> TestDb {
    let (folder, url) = sqlite::create().await;
    TestDb { db: connect(&url).await, url, place: Place::Sqlite(folder) }
}

/// Makes a fresh, migrated database on the PostgreSQL of `GROWTHCTL_TEST_POSTGRES_URL`.
///
/// # Panics
///
/// Where the variable is not set or the server does not do as it is told. `cargo xtask test` starts a server and
/// sets the variable.
pub async fn postgres() -> TestDb {
    let (db, url, database) = postgres::create().await;
    TestDb { db, url, place: Place::Postgres(database) }
}

/// Writes each test twice: as `name::sqlite` and as `name::postgres`.
///
/// The tests are `async fn name(db: TestDb) { … }`, and may take attributes.
#[macro_export]
macro_rules! on_each_engine {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: TestDb) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn case($db: $crate::TestDb) $body

            #[test]
            $(#[$attribute])*
            fn sqlite() {
                $crate::block_on(async { case($crate::sqlite().await).await });
            }

            #[test]
            $(#[$attribute])*
            fn postgres() {
                $crate::block_on(async { case($crate::postgres().await).await });
            }
        }
    )* };
}

/// No test takes as long, however busy the machine is.
const FOR_EVER: Duration = Duration::from_mins(15);

/// Runs a test on a runtime with several threads, as the product runs.
///
/// One that hangs is named, and ends the whole test program: a run that is waited for in vain says nothing at all.
///
/// # Panics
///
/// Where the system has no thread to give, and where the test panics.
pub fn block_on(test: impl Future<Output = ()>) {
    let (_running, ended) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if ended.recv_timeout(FOR_EVER) == Err(mpsc::RecvTimeoutError::Timeout) {
            // What a test program prints of a test that goes on is not seen otherwise.
            let _ = writeln!(std::io::stderr().lock(), "{name} hangs: it has run for {FOR_EVER:?}");
            std::process::abort();
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads for the runtime").block_on(test);
}

async fn connect(url: &str) -> Db {
    Db::connect(url).await.unwrap_or_else(|error| panic!("cannot open {url}: {error:?}"))
}

/// Makes what later tests are given a copy of.
async fn migrated(url: &str) {
    let db = connect(url).await;
    migrate::run(&db).await.unwrap_or_else(|error| panic!("cannot migrate {url}: {error:?}"));
    db.close().await;
}
