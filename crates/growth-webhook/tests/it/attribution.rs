//! Whose a payment is, when that is known only afterwards.

use growth_db::rows::{PaymentRow, StripeEventRow};
use growth_db::{Db, query};
use growth_testkit::{on_each_engine, until};
use growth_track::{User, upsert_users};
use serde_json::json;

use crate::objects::{charge, customer, event, invoice, session, units, with};
use crate::place::{Place, january, revenue};
use crate::rows::{only, rows};

async fn arrives(db: &Db, user: &str, email: Option<&str>) {
    let email = email.map(str::to_owned);
    let user = User { external_id: user.to_owned(), email, created_at: january(1), is_admin: false };
    assert_eq!(upsert_users(db, &[user]).await.unwrap().changed, 1);
}

/// The user of the one payment, and by which link.
async fn whose(db: &Db) -> Option<(String, String)> {
    let payment: PaymentRow = only(db).await;
    let sql = "SELECT external_id FROM users WHERE id = $1";
    let (user,): (String,) = query(db, sql).bind(payment.user_id?).fetch_one().await.unwrap();
    Some((user, payment.attributed_by.unwrap()))
}

async fn until_it_is_of(db: &Db, user: &str, by: &str) {
    let expected = Some((user.to_owned(), by.to_owned()));
    until("the payment finds its user", async || (whose(db).await == expected).then_some(())).await;
}

async fn unattributed(db: &Db) -> i64 {
    revenue(db, "gbp").await.cash.current.unattributed.amount
}

on_each_engine! {
    async fn a_payment_finds_its_user_who_signs_up_afterwards(db: TestDb) {
        let place = Place::open(&db).await;
        let paid = session("cs_1", january(3), json!({"client_reference_id": "ann"}));
        place.tell([event("evt_1", "checkout.session.completed", january(3), &paid)]).await;
        assert_eq!((whose(&db).await, unattributed(&db).await), (None, 2000));
        // Nothing is posted: the running server finds out by itself.
        arrives(&db, "ann", None).await;
        until_it_is_of(&db, "ann", "client_reference_id").await;
        assert_eq!(unattributed(&db).await, 0);
        place.close().await;
        assert_eq!(rows::<StripeEventRow>(&db).await[0].attempts, 1);
    }

    async fn a_payment_finds_its_user_who_gets_an_address_afterwards(db: TestDb) {
        arrives(&db, "ben", None).await;
        let place = Place::open(&db).await;
        let address = json!({"billing_details": {"email": "Ben@Example.com"}});
        place.tell([event("evt_1", "charge.succeeded", january(3), &charge("ch_1", january(3), address))]).await;
        assert_eq!((whose(&db).await, unattributed(&db).await), (None, 2000));
        arrives(&db, "ben", Some("ben@example.COM")).await;
        until_it_is_of(&db, "ben", "email").await;
        assert_eq!(unattributed(&db).await, 0);
        place.close().await;
    }

    async fn a_payment_finds_its_user_by_the_subscription_that_comes_later(db: TestDb) {
        arrives(&db, "cleo", None).await;
        let place = Place::open(&db).await;
        place.tell([event("evt_1", "charge.succeeded", january(3), &charge("ch_1", january(3), json!({})))]).await;
        assert_eq!(whose(&db).await, None);
        let named = units("sub_1", january(3), 1, json!({"metadata": {"user_id": "cleo"}}));
        place.tell([event("evt_2", "customer.subscription.created", january(3), &named)]).await;
        place.close().await;
        assert_eq!(whose(&db).await, Some(("cleo".to_owned(), "customer".to_owned())));
    }

    async fn an_invoice_names_the_user_of_its_subscription(db: TestDb) {
        arrives(&db, "cleo", None).await;
        let place = Place::open(&db).await;
        let parent = json!({"parent": {"type": "subscription_details", "subscription_details":
            {"subscription": "sub_1", "metadata": {"user_id": "cleo"}}}});
        place.tell([event("evt_1", "invoice.paid", january(3), &invoice("in_1", january(3), parent))]).await;
        place.close().await;
        assert_eq!(whose(&db).await, Some(("cleo".to_owned(), "metadata".to_owned())));
    }

    async fn the_stronger_link_wins_although_it_comes_later(db: TestDb) {
        for (user, email) in [("ann", None), ("ben", Some("shared@example.com"))] {
            arrives(&db, user, email).await;
        }
        let place = Place::open(&db).await;
        let address = json!({"email": "shared@example.com"});
        let paid = json!({"payment_intent": "pi_1", "billing_details": {"email": "shared@example.com"}});
        place.tell([
            event("evt_1", "customer.created", january(2), &customer("cus_1", january(2), address)),
            event("evt_2", "charge.succeeded", january(3), &charge("ch_1", january(3), paid)),
        ]).await;
        assert_eq!(whose(&db).await, Some(("ben".to_owned(), "customer".to_owned())));
        let checkout = with(session("cs_1", january(3), json!({"client_reference_id": "ann"})),
            json!({"payment_intent": "pi_1"}));
        place.tell([event("evt_3", "checkout.session.completed", january(3), &checkout)]).await;
        place.close().await;
        assert_eq!(whose(&db).await, Some(("ann".to_owned(), "client_reference_id".to_owned())));
    }
}
