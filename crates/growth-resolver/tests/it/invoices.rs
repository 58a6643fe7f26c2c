//! Which payment paid an invoice, where no event told it.

use growth_resolver::Kind;
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::{THEN, World, charge, charge_in_event, event, rows};

/// An invoice in the new shape, which does not name its payment.
fn invoice(out_of_band: bool) -> Value {
    json!({"id": "in_1", "object": "invoice", "customer": "cus_1", "currency": "usd", "created": THEN,
        "livemode": false, "status": "paid", "amount_due": 5000, "amount_paid": 5000,
        "paid_out_of_band": out_of_band, "status_transitions": {"paid_at": THEN + 1},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "lines": {"object": "list", "has_more": false, "data": []}})
}

fn invoice_payment(n: i64, payment: &Value) -> Value {
    json!({"id": format!("inpay_{n}"), "object": "invoice_payment", "amount_paid": 5000, "currency": "usd",
        "livemode": false, "status": "paid", "created": THEN + 1, "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": payment},
        "status_transitions": {"paid_at": THEN + 2}})
}

type Payment = (String, Option<String>, Option<String>, Option<String>, i64, Option<i64>);

async fn payments(db: &growth_db::Db) -> Vec<Payment> {
    let sql = "SELECT id, invoice, charge, subscription, amount, fee FROM payments ORDER BY id";
    rows(db, sql).await
}

fn one_payment(fee: Option<i64>) -> Payment {
    let text = |text: &str| Some(text.to_owned());
    ("pi_1".to_owned(), text("in_1"), text("ch_1"), text("sub_1"), 5000, fee)
}

on_each_engine! {
    async fn two_rows_of_one_payment_become_one(db: TestDb) {
        event(&db, "invoice.paid", 1, invoice(false)).await;
        event(&db, "charge.succeeded", 1, charge_in_event(1)).await;
        assert_eq!(payments(&db).await.len(), 2);
        let mut world = World::new(&db).await;
        world.stripe.put(invoice_payment(1, &json!("pi_1")));
        world.stripe.put(charge(1, Some(175)));
        let (round, requests) = world.round().await;
        assert_eq!((round.asked, round.answered), (2, 2));
        assert_eq!(requests[0].path, "/v1/invoice_payments");
        assert_eq!(requests[0].parameter("invoice"), Some("in_1"));
        assert_eq!(requests[1].path, "/v1/charges/ch_1");
        assert_eq!(payments(&db).await, [one_payment(Some(175))]);
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn an_intent_that_no_event_told_is_read_too(db: TestDb) {
        event(&db, "invoice.paid", 1, invoice(false)).await;
        let mut world = World::new(&db).await;
        world.stripe.put(invoice_payment(1, &json!("pi_1")));
        world.stripe.put(json!({"id": "pi_1", "object": "payment_intent", "amount": 5000, "amount_received": 5000,
            "currency": "usd", "customer": "cus_1", "created": THEN, "livemode": false, "status": "succeeded",
            "latest_charge": charge(1, Some(175)), "metadata": {"user_id": "user_1"}}));
        assert_eq!(world.paths().await, ["/v1/invoice_payments", "/v1/payment_intents/pi_1"]);
        assert_eq!(payments(&db).await, [one_payment(Some(175))]);
        let users: Vec<(String,)> = rows(&db, "SELECT user_reference FROM payments").await;
        assert_eq!(users[0].0, "user_1");
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn every_payment_of_an_invoice_is_read(db: TestDb) {
        event(&db, "invoice.paid", 1, invoice(false)).await;
        let mut world = World::new(&db).await;
        for n in 1..=150 {
            let mut canceled = invoice_payment(n, &json!(format!("pi_{n}")));
            canceled["status"] = "canceled".into();
            canceled["amount_paid"] = json!(null);
            world.stripe.put(canceled);
        }
        world.stripe.put(invoice_payment(1, &json!("pi_1")));
        let paths = world.paths().await;
        assert_eq!(paths.iter().filter(|path| *path == "/v1/invoice_payments").count(), 2, "{paths:?}");
        let paid: Vec<(String,)> = rows(&db, "SELECT id FROM payments WHERE status = 'succeeded'").await;
        assert_eq!(paid, [("pi_1".to_owned(),)]);
    }

    async fn an_invoice_that_nobody_paid_through_stripe_is_left_alone(db: TestDb) {
        event(&db, "invoice.paid", 1, invoice(true)).await;
        let mut world = World::new(&db).await;
        assert_eq!(world.paths().await, [""; 0]);
        assert_eq!(world.resolver.stats().of(Kind::InvoicePayment).backlog, 0);
    }

    async fn events_have_a_minute_to_tell_it(db: TestDb) {
        let mut paid_now = invoice(false);
        paid_now["status_transitions"]["paid_at"] = (THEN + 3590).into();
        event(&db, "invoice.paid", 3590, paid_now).await;
        let mut world = World::new(&db).await;
        assert_eq!(world.paths().await, [""; 0]);
        world.clock.go_on(chrono::TimeDelta::minutes(1));
        assert_eq!(world.paths().await, ["/v1/invoice_payments"]);
    }
}
