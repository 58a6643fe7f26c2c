//! Five events about one subscription payment, in all 120 orders, through the binary.

use std::path::PathBuf;

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::run::{Place, recorded};

fn orders(items: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let first = |i: usize| {
        let rest = [&items[..i], &items[i + 1..]].concat();
        orders(&rest).into_iter().map(move |order| [vec![items[i].clone()], order].concat())
    };
    (0..items.len()).flat_map(first).collect()
}

/// The recorded files where they are there, else five of our own with the same facts.
fn five_files(place: &Place) -> Vec<PathBuf> {
    let names = [
        "charge.succeeded",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice_payment.paid",
        "payment_intent.succeeded",
    ];
    let recorded = names.map(|name| recorded(&format!("composed-events/2025-10-29.clover/{name}.json")));
    if let Some(files) = recorded.into_iter().collect::<Option<Vec<_>>>() {
        return files;
    }
    let at = 1_762_799_411;
    let objects = [
        json!({"object": "charge", "id": "ch_1", "amount": 22500, "amount_captured": 22500, "amount_refunded": 0,
            "captured": true, "currency": "usd", "customer": "cus_1", "created": at + 1, "status": "succeeded",
            "payment_intent": "pi_1", "balance_transaction": {"id": "txn_1", "object": "balance_transaction",
            "fee": 683, "currency": "usd"}}),
        json!({"object": "subscription", "id": "sub_1", "customer": "cus_1", "created": at - 4, "currency": "usd",
            "start_date": at - 4, "status": "active", "discounts": [], "items": {"object": "list", "has_more": false,
            "data": [{"id": "si_1", "object": "subscription_item", "quantity": 1, "price": {"id": "small-annual",
            "object": "price", "currency": "usd", "unit_amount": 25000, "billing_scheme": "per_unit", "type": "recurring",
            "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"}}}]}}),
        json!({"object": "invoice", "id": "in_1SRzqxKXBGcbgpbZOY0ZtMPY", "customer": "cus_1", "currency": "usd",
            "created": at, "status": "paid", "amount_due": 22500, "amount_paid": 22500,
            "status_transitions": {"paid_at": at}, "lines": {"object": "list", "has_more": false, "data": []},
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}}}),
        json!({"object": "invoice_payment", "id": "inpay_1", "amount_paid": 22500, "currency": "usd", "status": "paid",
            "created": at + 1, "invoice": "in_1SRzqxKXBGcbgpbZOY0ZtMPY",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}),
        json!({"object": "payment_intent", "id": "pi_1", "amount": 22500, "amount_received": 22500,
            "currency": "usd", "customer": "cus_1", "created": at, "status": "succeeded", "latest_charge": "ch_1"}),
    ];
    names.into_iter().zip(objects).map(|(name, object)| event_file(place, name, name, at, &object)).collect()
}

fn event_file(place: &Place, name: &str, event_type: &str, created: i64, object: &Value) -> PathBuf {
    let event = json!({"object": "event", "id": format!("evt_{name}"), "type": event_type, "created": created,
        "livemode": false, "data": {"object": object}});
    place.write(&format!("{name}.json"), event.to_string())
}

fn assert_one_payment(report: &Value) {
    let revenue = &report["revenue"][0];
    assert_eq!(revenue["currency"], "usd");
    assert_eq!(revenue["all_time"]["payments"], json!({"count": 1, "amount": 22500}));
    assert_eq!(revenue["all_time"]["known_fees"], 683);
    assert_eq!(revenue["all_time"]["fees_unknown"], 0);
    assert_eq!(revenue["all_time"]["net"], 22500 - 683);
    assert_eq!(revenue["mrr"]["current"]["net"], 25_000_i64 * 1_000_000 / 12);
    let [payment] = &report["payments"].as_array().unwrap()[..] else { panic!("{}", report["payments"]) };
    assert_eq!((&payment["amount"], &payment["currency"]), (&json!(22500), &json!("usd")));
    assert_eq!((&payment["fee"], &payment["fee_currency"]), (&json!(683), &json!("usd")));
    for (field, prefix) in
        [("payment_intent", "pi_"), ("charge", "ch_"), ("invoice", "in_"), ("subscription", "sub_")]
    {
        assert!(payment[field].as_str().is_some_and(|id| id.starts_with(prefix)), "{field}: {payment}");
    }
}

#[test]
fn five_files_in_all_120_orders_are_one_payment_on_sqlite() {
    let own = Place::new();
    let mut first = None;
    for order in orders(&five_files(&own)) {
        let place = Place::new();
        let ran = place.run([PathBuf::from("replay")].into_iter().chain(order));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let mut report = place.report();
        assert_one_payment(&report);
        // Only the moment of arrival may differ.
        report["freshness"]["last_stripe_event_received_at"] = Value::Null;
        assert_eq!(&report, first.get_or_insert_with(|| report.clone()));
    }
}

on_each_engine! {
    async fn a_file_at_a_time_in_some_orders_is_one_payment(db: TestDb) {
        let place = Place::with_database(db.url());
        let own = Place::new();
        let files = five_files(&own);
        for file in files.iter().rev() {
            assert_eq!(place.run([PathBuf::from("replay"), file.clone()]).code, 0);
        }
        assert_one_payment(&place.report());
        let again = place.run([PathBuf::from("replay")].into_iter().chain(files));
        assert!(again.stdout.contains("known before, nothing changed"), "{}", again.stdout);
        assert_one_payment(&place.report());
    }
}

/// The two other files there: a payment known only by its invoice, and a refund of an unknown payment.
#[test]
fn a_report_of_a_later_week_still_lists_the_latest_payment() {
    let place = Place::new();
    assert_eq!(place.run([PathBuf::from("replay")].into_iter().chain(five_files(&place))).code, 0);
    let ran = place.run(["report", "--format", "json"]);
    assert_one_payment(&serde_json::from_str(&ran.stdout).unwrap());
    assert!(place.run(["report"]).stdout.contains("No payment in this period."));
}

#[test]
fn what_is_not_linked_yet_is_kept_and_shown_as_such() {
    let place = Place::new();
    let (invoice, refund) = (
        recorded("composed-events/2025-10-29.clover/invoice.paid.with_discount.json"),
        recorded("composed-events/2025-10-29.clover/refund.created.json"),
    );
    let (invoice, refund) = invoice.zip(refund).unwrap_or_else(|| {
        let at = 1_762_799_455;
        let invoice = json!({"object": "invoice", "id": "in_2SRzrfKXBGcbgpbZqIe4IGKO", "customer": "cus_2",
            "currency": "usd", "created": at, "status": "paid", "amount_due": 950, "amount_paid": 950,
            "lines": {"object": "list", "has_more": false, "data": []}});
        let refund = json!({"object": "refund", "id": "re_1", "amount": 1000, "currency": "usd", "charge": "ch_9",
            "payment_intent": "pi_9", "created": at, "status": "succeeded"});
        (
            event_file(&place, "invoice.paid.alone", "invoice.paid", at, &invoice),
            event_file(&place, "refund.created", "refund.created", at, &refund),
        )
    });
    let ran =
        place.run([PathBuf::from("replay")].into_iter().chain(five_files(&place)).chain([invoice, refund]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = place.report();
    let all_time = &report["revenue"][0]["all_time"];
    assert_eq!(all_time["payments"], json!({"count": 2, "amount": 22500 + 950}));
    assert_eq!(all_time["by_invoice_only"], json!({"count": 1, "amount": 950}));
    assert_eq!(all_time["refunds_without_payment"], json!({"count": 1, "amount": 1000}));
    assert_eq!(all_time["net"], Value::Null, "a fee is not known");
    let [refund] = &report["refunds"].as_array().unwrap()[..] else { panic!("{}", report["refunds"]) };
    assert_eq!((&refund["amount"], &refund["payment"]), (&json!(1000), &Value::Null));
    let markdown = place.run(["report", "--days", "3650", "--as-of", "2026-01-01"]).stdout;
    assert!(markdown.contains("USD 9.50") && markdown.contains("USD 10.00"), "{markdown}");
}
