//! A database that is away or slow, and one with nothing in it.

use growth_db::{Db, Engine, query};
use growth_testkit::{on_each_engine, until};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{METRICS, SIGN_IN, Visit, small};
use crate::run::Place;

/// A database that can be taken away from its server, and given back.
///
/// The PostgreSQL of the tests belongs to all of them, so the server reaches it by a line of this test's own, which is
/// cut. SQLite's file is held open, so nothing is gone that is moved: a table goes instead.
enum Line {
    Cut(watch::Sender<bool>),
    Table,
}

impl Line {
    /// Returns it with the address at which the server finds the database.
    async fn to(url: &str) -> (Self, String) {
        if url.starts_with("sqlite:") {
            return (Self::Table, url.to_owned());
        }
        let (before, rest) = url.split_once('@').expect("an address with a user");
        let (host, database) = rest.split_once('/').expect("an address with a database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("{before}@{}/{database}", listener.local_addr().unwrap());
        let (sender, is_whole) = watch::channel(true);
        let host = host.to_owned();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (host, mut is_whole) = (host.clone(), is_whole.clone());
                tokio::spawn(async move {
                    if !*is_whole.borrow() {
                        return;
                    }
                    let Ok(mut to) = TcpStream::connect(&host).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        _ = is_whole.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        (Self::Cut(sender), address)
    }

    async fn set(&self, db: &Db, is_whole: bool) {
        match self {
            Self::Cut(sender) => {
                sender.send_replace(is_whole);
            }
            Self::Table => {
                let sql = if is_whole {
                    "ALTER TABLE payments_away RENAME TO payments"
                } else {
                    "ALTER TABLE payments RENAME TO payments_away"
                };
                write(db, sql).await;
            }
        }
    }
}

/// Runs a statement that changes the schema.
pub(super) async fn write(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, sql).execute().await.unwrap();
    tx.commit().await.unwrap();
}

on_each_engine! {
    async fn figures_stay_while_the_database_is_away_and_are_counted_when_it_is_back(db: TestDb) {
        let (line, url) = Line::to(db.url()).await;
        let visit = Visit::begin(small(&url)).await;
        visit.sign_in().await;
        visit.mark().await;
        let before = visit.text(".cards").await;
        assert!(before.contains("GBP 19.00"), "{before}");
        line.set(&db, false).await;
        visit.click_and_wait("#refresh").await;
        let told = visit.text("#trouble").await;
        assert!(told.starts_with("These figures are of 00:00. "), "{told}");
        assert!(told.ends_with(" Try again"), "{told}");
        assert!(told.contains("the server's log says why"), "{told}");
        assert_eq!(visit.text(".cards").await, before, "the figures of before stay");
        let log = visit.serving.log();
        assert!(log.contains("figures were not counted") || log.contains("cannot be checked"), "{log}");
        visit.click_and_wait("#trouble .button").await;
        assert_eq!(visit.browser.find_all("#trouble").await.len(), 1, "it is said once");
        line.set(&db, true).await;
        until("the database is back", async || {
            visit.click_and_wait("#trouble .button, #refresh").await;
            visit.browser.find_all("#trouble").await.is_empty().then_some(())
        })
        .await;
        assert_eq!(visit.text(".cards").await, before);
        assert!(visit.is_marked().await, "the page was loaded anew");
        visit.was_quiet_but_for(&["503"]).await;
    }

    async fn whoever_comes_while_the_database_is_away_is_told_and_may_try_again(db: TestDb) {
        let (line, url) = Line::to(db.url()).await;
        let visit = Visit::begin(small(&url)).await;
        visit.sign_in().await;
        line.set(&db, false).await;
        // Not one that is remembered.
        visit.goto(&format!("{METRICS}?days=90")).await;
        visit.browser.wait_for("[data-problem]").await;
        assert_eq!(visit.text(".message h2").await, "There are no figures now");
        line.set(&db, true).await;
        until("the database is back", async || {
            let again = visit.browser.find_all("[data-again]").await;
            if again.is_empty() {
                return Some(());
            }
            visit.click_and_wait("[data-again]").await;
            None
        })
        .await;
        assert!(visit.text(".cards").await.contains("GBP 19.00"));
        visit.was_quiet_but_for(&["503"]).await;
    }

    async fn a_business_without_data_is_told_what_to_do(db: TestDb) {
        let visit = Visit::begin(Place::with_database(db.url())).await;
        visit.sign_in().await;
        assert_eq!(visit.text(".start h2").await, "Nothing has been recorded yet");
        let steps = visit.text(".start").await;
        for step in ["growthctl backfill", "growthctl serve-webhook", "growthctl track", "growthctl users import"] {
            assert!(steps.contains(step), "{step} is not in {steps}");
        }
        visit.was_quiet().await;
    }
}

/// A reader of SQLite waits for nobody: one sees what was committed, whoever writes. So there is no way to make its
/// figures slow from outside, and this is about PostgreSQL alone.
#[test]
fn a_page_that_is_slow_says_so_and_shows_the_figures_by_itself() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        assert_eq!(db.engine(), Engine::Postgres);
        let visit = Visit::begin(small(db.url())).await;
        let mut held = db.begin().await.unwrap();
        query(&mut held, "LOCK TABLE growth.payments IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
        visit.goto(SIGN_IN).await;
        visit.give(&visit.token).await;
        let told = visit.browser.wait_for("[data-waits] [role='status']").await.text().await;
        assert!(told.starts_with("Counting …"), "{told}");
        visit.mark().await;
        assert!(visit.browser.find_all("#figures").await.is_empty());
        held.commit().await.unwrap();
        visit.browser.wait_for("#figures").await;
        assert!(visit.text(".cards").await.contains("GBP 19.00"));
        assert!(visit.is_marked().await, "the page was loaded anew");
        visit.was_quiet().await;
    });
}
