//! One subscription payment is told by five events of five objects, in any order: it is one payment.

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_db::rows::{PaymentRow, RefundRow};
use growth_ingest::{Intake, Source, ingest};
use growth_testkit::{on_each_engine, tables};
use serde_json::{Value, json};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_762_799_400 + seconds, 0).unwrap()
}

fn event(id: &str, event_type: &str, seconds: i64, object: &Value) -> Value {
    json!({"id": id, "object": "event", "api_version": "2025-10-29.clover", "created": at(seconds).timestamp(),
        "livemode": true, "type": event_type, "data": {"object": object}})
}

/// An annual upgrade, told in the new shape: the intent and the charge do not name the invoice.
fn five_events() -> Vec<Value> {
    let price = json!({"id": "price_year", "object": "price", "billing_scheme": "per_unit", "currency": "usd",
        "product": "prod_1", "nickname": "Annual", "recurring": {"interval": "year", "interval_count": 1,
        "usage_type": "licensed"}, "type": "recurring", "unit_amount": 25000, "unit_amount_decimal": "25000"});
    vec![
        event(
            "evt_sub",
            "customer.subscription.updated",
            7,
            &json!({
            "id": "sub_1", "object": "subscription", "customer": "cus_1", "created": at(7).timestamp(),
            "start_date": at(7).timestamp(), "currency": "usd", "status": "active", "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [{"id": "si_1", "object": "subscription_item",
                "quantity": 1, "price": price, "discounts": [], "current_period_start": at(7).timestamp(),
                "current_period_end": at(31_536_007).timestamp()}]}}),
        ),
        event(
            "evt_in",
            "invoice.paid",
            11,
            &json!({
            "id": "in_1SRzqxKXBGcbgpbZOY0ZtMPY", "object": "invoice", "customer": "cus_1", "currency": "usd",
            "created": at(11).timestamp(), "status": "paid", "amount_due": 22500, "amount_paid": 22500,
            "status_transitions": {"paid_at": at(11).timestamp()}, "customer_email": "ann@example.com",
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
            "lines": {"object": "list", "has_more": false, "data": [{"id": "il_1", "object": "line_item",
                "amount": 25000, "currency": "usd", "description": "Annual", "quantity": 1,
                "period": {"start": at(7).timestamp(), "end": at(31_536_007).timestamp()},
                "pricing": {"price_details": {"price": "price_year", "product": "prod_1"}, "type": "price_details"},
                "parent": {"type": "subscription_item_details", "subscription_item_details":
                    {"subscription": "sub_1", "subscription_item": "si_1", "proration": false}}}]}}),
        ),
        event(
            "evt_inpay",
            "invoice_payment.paid",
            12,
            &json!({
            "id": "inpay_1", "object": "invoice_payment", "amount_paid": 22500, "currency": "usd", "status": "paid",
            "created": at(12).timestamp(), "invoice": "in_1SRzqxKXBGcbgpbZOY0ZtMPY",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
            "status_transitions": {"paid_at": at(12).timestamp()}}),
        ),
        event(
            "evt_pi",
            "payment_intent.succeeded",
            11,
            &json!({
            "id": "pi_1", "object": "payment_intent", "amount": 22500, "amount_received": 22500, "currency": "usd",
            "customer": "cus_1", "created": at(11).timestamp(), "status": "succeeded", "latest_charge": "ch_1",
            "metadata": {}, "payment_details": {"order_reference": "in_1SRzqxKXBGcbgpbZOY0ZtM"}}),
        ),
        event(
            "evt_ch",
            "charge.succeeded",
            12,
            &json!({
            "id": "ch_1", "object": "charge", "amount": 22500, "amount_captured": 22500, "amount_refunded": 0,
            "captured": true, "currency": "usd", "customer": "cus_1", "created": at(12).timestamp(),
            "status": "succeeded", "payment_intent": "pi_1", "payment_method_details": {"type": "card"},
            "balance_transaction": {"id": "txn_1", "object": "balance_transaction", "fee": 683, "currency": "usd"}}),
        ),
    ]
}

fn intake() -> Intake {
    Intake { source: Source::File, received_at: at(100_000), livemode: true, account: String::new() }
}

async fn take_in(db: &Db, account: &str, events: impl IntoIterator<Item = Value>) {
    let documents = events.into_iter().map(|mut event| {
        event["account"] = account.into();
        (event.to_string(), event)
    });
    let summary = ingest(db, intake(), documents.collect()).await.unwrap();
    assert!(summary.is_complete(), "{summary:?}");
}

fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let first = |i: usize| {
        let rest: Vec<T> = [&items[..i], &items[i + 1..]].concat();
        orders(&rest).into_iter().map(move |order| [vec![items[i].clone()], order].concat())
    };
    (0..items.len()).flat_map(first).collect()
}

fn assert_one_payment(payments: &[PaymentRow], account: &str) {
    let [payment] = payments else { panic!("{account}: {payments:#?}") };
    assert_eq!(
        (payment.amount, payment.currency.as_str(), payment.status.as_str()),
        (22500, "usd", "succeeded")
    );
    assert_eq!(payment.payment_intent.as_deref(), Some("pi_1"));
    assert_eq!(payment.charge.as_deref(), Some("ch_1"));
    assert_eq!(payment.invoice.as_deref(), Some("in_1SRzqxKXBGcbgpbZOY0ZtMPY"));
    assert_eq!(payment.subscription.as_deref(), Some("sub_1"));
    assert_eq!((payment.fee, payment.fee_currency.as_deref()), (Some(683), Some("usd")));
    assert_eq!(payment.event_id, "evt_in");
    assert_eq!(payment.billing_period.as_deref(), Some("year"));
    assert_eq!(payment.paid_at, Some(at(12)));
}

on_each_engine! {
    async fn five_events_in_all_120_orders_are_one_payment(db: TestDb) {
        let all = orders(&five_events());
        assert_eq!(all.len(), 120);
        take_in(&db, "acct_together", five_events()).await;
        let together = tables::revenue(&db, "acct_together").await;
        assert_one_payment(&tables::all(&db, "acct_together").await, "together");
        for (n, order) in all.into_iter().enumerate() {
            let account = format!("acct_{n}");
            for event in order {
                take_in(&db, &account, [event]).await;
            }
            assert_one_payment(&tables::all(&db, &account).await, &account);
            assert_eq!(tables::revenue(&db, &account).await, together, "{account}");
        }
    }

    async fn without_the_linking_event_the_cut_reference_links(db: TestDb) {
        let events = five_events().into_iter().filter(|event| event["id"] != "evt_inpay");
        take_in(&db, "", events).await;
        let payments: Vec<PaymentRow> = tables::all(&db, "").await;
        assert_one_payment(&payments, "");
    }

    async fn a_reference_that_does_not_fit_links_nothing(db: TestDb) {
        let mut events: Vec<Value> = five_events().into_iter().filter(|event| event["id"] != "evt_inpay").collect();
        events[2]["data"]["object"]["amount_received"] = 999.into();
        events.truncate(3);
        take_in(&db, "", events).await;
        let payments: Vec<PaymentRow> = tables::all(&db, "").await;
        assert_eq!(payments.len(), 2, "{payments:#?}");
    }

    async fn a_refund_before_its_payment_is_kept_and_finds_it(db: TestDb) {
        let refund = event("evt_re", "refund.created", 50, &json!({
            "id": "re_1", "object": "refund", "amount": 1000, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "status": "succeeded", "created": at(50).timestamp(),
            "reason": "requested_by_customer"}));
        take_in(&db, "", [refund]).await;
        let [refund] = &tables::all::<RefundRow>(&db, "").await[..] else { panic!() };
        assert_eq!((refund.amount, refund.counted, refund.payment.as_deref()), (1000, true, None));
        assert!(tables::all::<PaymentRow>(&db, "").await.is_empty());
        take_in(&db, "", five_events()).await;
        let [payment] = &tables::all::<PaymentRow>(&db, "").await[..] else { panic!() };
        assert_eq!((payment.amount, payment.refund_amount, payment.refunded_at), (22500, 1000, Some(at(50))));
        let [refund] = &tables::all::<RefundRow>(&db, "").await[..] else { panic!() };
        assert_eq!(refund.payment.as_deref(), Some("pi_1"));
    }
}
