//! Signing in and out, and what is left of it.

use chrono::{TimeDelta, Utc};
use growth_db::query;
use growth_testkit::browser::Browser;
use growth_testkit::{on_each_engine, until};
use serde_json::json;

use super::{METRICS, SIGN_IN, Visit, small};
use crate::serving::{Serving, dashboard};

on_each_engine! {
    async fn whoever_signed_out_sees_nothing_by_going_back(db: TestDb) {
        let visit = Visit::begin(small(db.url())).await;
        visit.sign_in().await;
        visit.click_and_wait("form[action='/admin/sign-out'] .button").await;
        assert!(visit.is_signed_out().await, "{}", visit.browser.url().await);
        visit.browser.back().await;
        assert!(visit.browser.find_all(".card, .panel").await.is_empty(), "the figures are seen again");
        visit.browser.wait_for("#token").await;
        assert!(visit.is_signed_out().await, "{}", visit.browser.url().await);
        visit.goto(&format!("{METRICS}?days=7")).await;
        assert!(visit.is_signed_out().await, "{}", visit.browser.url().await);
        visit.was_quiet().await;
        // Whoever reads the log knows who was there.
        for line in ["signed_in how=\"token\" name=\"ann\" address=127.0.0.1", "signed_out how=\"token\" name=\"ann\""] {
            until(line, async || visit.serving.log().contains(line).then_some(())).await;
        }
    }

    async fn a_session_that_is_over_ends_at_the_sign_in(db: TestDb) {
        let visit = Visit::begin(small(db.url())).await;
        visit.sign_in().await;
        let mut tx = db.begin().await.unwrap();
        let ended = query(&mut tx, "UPDATE dashboard_sessions SET ends_at = $1").bind(past()).execute().await;
        assert_eq!(ended.unwrap(), 1);
        tx.commit().await.unwrap();
        // A server believes for ten seconds what it knows of a session.
        until("the end of the session", async || {
            if !visit.is_signed_out().await {
                visit.browser.execute("document.querySelector('#refresh')?.click()", &[]).await;
                return None;
            }
            Some(())
        })
        .await;
        visit.was_quiet().await;
    }

    async fn the_link_that_is_printed_signs_in_once(db: TestDb) {
        let place = small(db.url());
        let serving = Serving::start(&mut dashboard(&place)).await;
        let line = serving.way_in.clone().unwrap();
        let link = line.strip_prefix("sign in, once and within ten minutes: ").unwrap().trim_end();
        assert!(link.starts_with(&format!("http://{}{SIGN_IN}?code=", serving.address)), "{line}");
        let first = Browser::open().await;
        first.goto(link).await;
        first.wait_for("#figures").await;
        assert_eq!(first.url().await, format!("http://{}{METRICS}", serving.address));
        assert!(first.cookies().await.iter().all(|cookie| cookie.http_only), "{:?}", first.cookies().await);
        first.forget_cookies().await;
        first.goto(link).await;
        let problem = first.text("#problem").await;
        assert!(problem.starts_with("This link is not valid: it was used"), "{problem}");
        assert_eq!(first.cookies().await, []);
        assert_eq!(first.execute("return document.querySelectorAll('.card').length", &[]).await, json!(0));
    }
}

#[expect(clippy::disallowed_methods, reason = "the real binary compares sessions with the real time")]
fn past() -> chrono::DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(1)
}
