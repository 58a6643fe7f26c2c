//! No page has a barrier that axe calls serious, in either scheme.

use growth_db::query;
use growth_testkit::browser::{Media, Scheme, Violation};
use growth_testkit::on_each_engine;

use super::trouble::write;
use super::{METRICS, SIGN_IN, Visit, sample};
use crate::run::Place;

/// Looks for barriers in both schemes, and asks for none of the serious ones.
async fn has_none(visit: &Visit, state: &str) {
    for scheme in [Scheme::Light, Scheme::Dark] {
        visit.browser.emulate(Media { scheme, reduced_motion: true, ..Media::default() }).await;
        let found = visit.browser.axe().await;
        let serious: Vec<&Violation> =
            found.iter().filter(|of| ["serious", "critical"].contains(&of.impact.as_str())).collect();
        assert!(serious.is_empty(), "{state}, {scheme:?}: {serious:#?}");
    }
}

on_each_engine! {
    async fn no_page_has_a_barrier(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.goto(SIGN_IN).await;
        has_none(&visit, "sign-in").await;
        visit.give("gat_wrong").await;
        visit.browser.wait_for("#problem").await;
        has_none(&visit, "sign-in with a problem").await;
        visit.sign_in().await;
        for days in [7, 30, 90] {
            visit.goto(&format!("{METRICS}?days={days}")).await;
            visit.browser.wait_for("#figures").await;
            has_none(&visit, &format!("{days} days")).await;
            visit.browser.execute("document.querySelectorAll('details').forEach(one => one.open = true)", &[]).await;
            visit.browser.find(".probe").await.click().await;
            has_none(&visit, &format!("{days} days, with all details and a value")).await;
        }
        write(&db, "ALTER TABLE payments RENAME TO payments_away").await;
        visit.click_and_wait("#refresh").await;
        visit.browser.find("#trouble").await;
        has_none(&visit, "figures of before").await;
        visit.goto(&format!("{METRICS}?days=7&mode=test")).await;
        visit.browser.wait_for("[data-problem]").await;
        has_none(&visit, "no figures").await;
        visit.goto(&format!("{METRICS}?days=8")).await;
        has_none(&visit, "a wrong period").await;
        visit.goto("/admin/nothing").await;
        has_none(&visit, "no such page").await;

        let empty = Visit::begin(Place::new()).await;
        empty.sign_in().await;
        has_none(&empty, "nothing recorded").await;
    }
}

/// Only PostgreSQL can be made slow from outside, and the page that waits is the same.
#[test]
fn the_page_that_waits_has_no_barrier() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let visit = Visit::begin(super::small(db.url())).await;
        let mut held = db.begin().await.unwrap();
        query(&mut held, "LOCK TABLE growth.payments IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
        visit.goto(SIGN_IN).await;
        visit.give(&visit.token).await;
        visit.browser.wait_for("[data-waits]").await;
        has_none(&visit, "counting").await;
        held.commit().await.unwrap();
        visit.browser.wait_for("#figures").await;
    });
}
