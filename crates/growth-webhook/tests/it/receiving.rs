//! What is taken, and what is made of it.

use growth_db::rows::{PaymentRow, StripeEventRow};
use growth_testkit::on_each_engine;
use growth_testkit::signed::Client;
use growth_webhook::{Secrets, Settings};
use serde_json::{Value, json};

use crate::objects::{charge, event, invoice, units};
use crate::place::{PATH, Place, SECRET, january, post_signed, revenue};
use crate::rows::{everything, only, rows, states, stored_event};

fn paid(n: usize) -> Value {
    event(
        &format!("evt_{n}"),
        "charge.succeeded",
        january(3),
        &charge(&format!("ch_{n}"), january(3), json!({})),
    )
}

on_each_engine! {
    async fn a_repeated_event_is_taken_and_changes_nothing(db: TestDb) {
        let place = Place::open(&db).await;
        let story = [
            paid(1),
            event("evt_2", "customer.subscription.created", january(3), &units("sub_1", january(3), 1, json!({}))),
            event("evt_3", "radar.early_fraud_warning.created", january(3), &json!({"id": "issfr_1",
                "object": "radar.early_fraud_warning"})),
        ];
        place.tell(story.clone()).await;
        let before = everything(&db).await;
        for _ in 0..3 {
            place.tell(story.clone()).await;
        }
        // Stripe sends the same event with another number of pending webhooks.
        let mut again = paid(1);
        again["pending_webhooks"] = 7.into();
        place.tell([again]).await;
        place.close().await;
        assert_eq!(everything(&db).await, before);
        assert_eq!(revenue(&db, "gbp").await.cash.current.payments.count, 1);
    }

    async fn what_no_figure_needs_is_taken_and_kept(db: TestDb) {
        let place = Place::open(&db).await;
        let mut upcoming = invoice("", january(3), json!({"status": "draft"}));
        upcoming.as_object_mut().unwrap().remove("id");
        place.tell([
            event("evt_unknown", "unicorn.sighted", january(3), &json!({"id": "uni_1", "object": "unicorn"})),
            event("evt_upcoming", "invoice.upcoming", january(3), &upcoming),
        ]).await;
        place.close().await;
        assert_eq!(states(&db).await, [("ignored".to_owned(), 2)].into());
        let kept = stored_event(&db, "evt_unknown").await;
        assert_eq!((kept.event_type.as_str(), kept.last_error, kept.source.as_str()), ("unicorn.sighted", None, "webhook"));
        assert_eq!(serde_json::from_str::<Value>(&kept.payload).unwrap()["data"]["object"]["id"], "uni_1");
    }

    async fn a_thin_event_is_taken_and_ignored(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([json!({"id": "evt_thin", "object": "v2.core.event", "type": "v2.core.account.updated",
            "created": "2026-01-03T00:00:00.000Z", "livemode": true,
            "related_object": {"id": "acct_9", "type": "v2.core.account", "url": "/v2/core/accounts/acct_9"}})]).await;
        place.close().await;
        assert_eq!(stored_event(&db, "evt_thin").await.state, "ignored");
    }

    async fn the_body_is_kept_to_the_byte(db: TestDb) {
        let place = Place::open(&db).await;
        let body = format!("  {}\n\t", serde_json::to_string_pretty(&paid(1)).unwrap().replace("txn_of", "tx\\u006e_of"));
        let answer = post_signed(&mut Client::new(place.address), PATH, SECRET, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        place.settled().await;
        place.close().await;
        let kept: StripeEventRow = only(&db).await;
        assert_eq!((kept.payload.as_str(), kept.state.as_str()), (body.as_str(), "applied"));
        assert_eq!((kept.api_version.as_deref(), kept.created), (Some("2025-10-29.clover"), january(3)));
    }

    async fn both_paths_lead_to_the_same_inbox(db: TestDb) {
        let place = Place::open(&db).await;
        let mut client = Client::new(place.address);
        for (n, path) in [PATH, "/api/webhooks/stripe", "/api/webhooks/stripe", PATH].into_iter().enumerate() {
            // Each path gets a new event, and then the one that the other path got.
            let answer = post_signed(&mut client, path, SECRET, &paid(n % 2).to_string()).await;
            assert_eq!(answer.status, 200, "{path}");
        }
        place.settled().await;
        place.close().await;
        assert_eq!(rows::<PaymentRow>(&db).await.len(), 2);
    }

    async fn while_a_secret_is_rolled_the_old_and_the_new_one_are_good(db: TestDb) {
        let secrets = Secrets::parse("whsec_old, whsec_new").unwrap();
        let place = Place::open_with(&db, Settings::new(secrets)).await;
        let mut client = Client::new(place.address);
        for (n, secret, status) in [(0, "whsec_old", 200), (1, "whsec_new", 200), (2, "whsec_of_another", 400)] {
            let answer = post_signed(&mut client, PATH, secret, &paid(n).to_string()).await;
            assert_eq!(answer.status, status, "{secret}: {}", answer.body);
        }
        place.settled().await;
        place.close().await;
        let ids: Vec<String> = rows::<StripeEventRow>(&db).await.into_iter().map(|row| row.id).collect();
        assert_eq!(ids, ["evt_0", "evt_1"]);
    }
}
