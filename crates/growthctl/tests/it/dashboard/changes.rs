//! What arrives while somebody looks.

use growth_testkit::{on_each_engine, until};

use super::{Visit, payment};
use crate::run::Place;
use crate::serving::{Serving, command, now, states};

on_each_engine! {
    async fn a_payment_that_arrives_is_there_after_a_refresh(db: TestDb) {
        let place = Place::with_database(db.url());
        let webhook = Serving::start(&mut command(&place)).await;
        let visit = Visit::begin_with(place, &[]).await;
        visit.sign_in().await;
        visit.mark().await;
        assert_eq!(visit.text(".start h2").await, "Nothing has been recorded yet");
        for (number, (amount, shown)) in [(1900, "GBP 19.00"), (4900, "GBP 49.00")].into_iter().enumerate() {
            let id = number.to_string();
            let event = payment(&id, amount, now() - 60 + i64::try_from(number).unwrap());
            assert_eq!(webhook.post(&event.to_string()).await.status, 200);
            until("the event is applied", async || {
                let states = states(&db).await;
                (states.len() > number && states.iter().all(|(_, state)| state == "applied")).then_some(())
            })
            .await;
            visit.click_and_wait("#refresh").await;
            let payments = visit.browser.find_all(".payments tbody tr").await;
            assert_eq!(payments.len(), number + 1);
            let first = payments.first().unwrap().text().await.replace('\u{a0}', " ");
            assert!(first.contains(shown) && first.contains("succeeded"), "{first}");
        }
        assert!(visit.is_marked().await, "the page was loaded anew");
        visit.was_quiet().await;
        assert_eq!(webhook.terminate().await.status.code(), Some(0));
    }
}
