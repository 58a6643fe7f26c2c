//! Stripe's objects and events as small as they can be, in the newest shape where nothing else is said.
//!
//! Each is a payment of 20.00 GBP by `cus_1` that succeeded, unless `changes` say otherwise.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// An event of the own account in live mode.
pub(crate) fn event(id: &str, kind: &str, at: DateTime<Utc>, object: &Value) -> Value {
    json!({"id": id, "object": "event", "api_version": "2025-10-29.clover", "created": at.timestamp(),
        "livemode": true, "type": kind, "data": {"object": object}})
}

/// The same event of a connected account.
pub(crate) fn of_account(account: &str, event: &Value) -> Value {
    with(event.clone(), json!({"account": account}))
}

/// An object with other values in some of its fields.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("no object: {changes}") };
    object.as_object_mut().unwrap().extend(changes);
    object
}

pub(crate) fn session(id: &str, at: DateTime<Utc>, changes: Value) -> Value {
    let session = json!({"id": id, "object": "checkout.session", "mode": "payment", "status": "complete",
        "payment_status": "paid", "amount_total": 2000, "currency": "gbp", "created": at.timestamp(),
        "customer": "cus_1", "customer_details": {"email": null}, "client_reference_id": null, "metadata": {},
        "payment_intent": null, "invoice": null, "subscription": null});
    with(session, changes)
}

pub(crate) fn intent(id: &str, at: DateTime<Utc>, changes: Value) -> Value {
    let intent = json!({"id": id, "object": "payment_intent", "amount": 2000, "amount_received": 2000,
        "currency": "gbp", "created": at.timestamp(), "customer": "cus_1", "status": "succeeded",
        "latest_charge": null, "last_payment_error": null, "receipt_email": null, "metadata": {},
        "payment_details": {"customer_reference": null, "order_reference": null}});
    with(intent, changes)
}

/// What makes an intent one whose attempt failed.
pub(crate) fn declined() -> Value {
    json!({"status": "requires_payment_method", "amount_received": 0, "last_payment_error":
        {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}})
}

pub(crate) fn charge(id: &str, at: DateTime<Utc>, changes: Value) -> Value {
    let charge = json!({"id": id, "object": "charge", "amount": 2000, "amount_captured": 2000, "captured": true,
        "amount_refunded": 0, "refunded": false, "currency": "gbp", "created": at.timestamp(),
        "customer": "cus_1", "status": "succeeded", "payment_intent": null, "metadata": {},
        "billing_details": {"email": null}, "balance_transaction": "txn_of_the_charge",
        "payment_method_details": {"type": "card"}});
    with(charge, changes)
}

pub(crate) fn invoice(id: &str, at: DateTime<Utc>, changes: Value) -> Value {
    let invoice = json!({"id": id, "object": "invoice", "status": "paid", "amount_due": 2000, "amount_paid": 2000,
        "currency": "gbp", "created": at.timestamp(), "customer": "cus_1", "customer_email": null,
        "attempt_count": 1, "billing_reason": "subscription_cycle", "metadata": {}, "parent": null,
        "status_transitions": {"paid_at": at.timestamp()},
        "lines": {"object": "list", "has_more": false, "data": []}});
    with(invoice, changes)
}

/// What makes an invoice one of a subscription.
pub(crate) fn billing(subscription: &str) -> Value {
    json!({"parent": {"type": "subscription_details", "subscription_details":
        {"subscription": subscription, "metadata": {}}}})
}

/// What makes an invoice one whose payment was tried and failed.
pub(crate) fn unpaid() -> Value {
    json!({"status": "open", "amount_paid": 0, "status_transitions": {"paid_at": null}})
}

pub(crate) fn invoice_payment(id: &str, invoice: &str, intent: &str, at: DateTime<Utc>) -> Value {
    json!({"id": id, "object": "invoice_payment", "status": "paid", "amount_paid": 2000, "currency": "gbp",
        "created": at.timestamp(), "invoice": invoice, "status_transitions": {"paid_at": at.timestamp()},
        "payment": {"type": "payment_intent", "payment_intent": intent}})
}

pub(crate) fn refund(id: &str, charge: &str, amount: i64, at: DateTime<Utc>) -> Value {
    json!({"id": id, "object": "refund", "amount": amount, "currency": "gbp", "charge": charge,
        "payment_intent": null, "status": "succeeded", "created": at.timestamp(),
        "reason": "requested_by_customer"})
}

/// A monthly price in pounds, for so many pence.
pub(crate) fn price(id: &str, pence: i64) -> Value {
    json!({"id": id, "object": "price", "type": "recurring", "billing_scheme": "per_unit", "currency": "gbp",
        "unit_amount": pence, "unit_amount_decimal": pence.to_string(), "product": "prod_1",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}})
}

pub(crate) fn item(id: &str, price: &Value, quantity: i64, from: DateTime<Utc>) -> Value {
    json!({"id": id, "object": "subscription_item", "quantity": quantity, "price": price, "discounts": [],
        "current_period_start": from.timestamp(),
        "current_period_end": (from + TimeDelta::days(31)).timestamp()})
}

/// An active subscription that began at that time.
pub(crate) fn subscription(id: &str, at: DateTime<Utc>, items: &[Value], changes: Value) -> Value {
    let subscription = json!({"id": id, "object": "subscription", "customer": "cus_1", "currency": "gbp",
        "created": at.timestamp(), "start_date": at.timestamp(), "status": "active", "discounts": [],
        "metadata": {}, "cancel_at_period_end": false, "items": {"object": "list", "has_more": false,
        "total_count": items.len(), "data": items}});
    with(subscription, changes)
}

/// An active subscription to so many units at 20.00 GBP a month.
pub(crate) fn units(id: &str, at: DateTime<Utc>, quantity: i64, changes: Value) -> Value {
    let item = item(&format!("si_of_{id}"), &price("price_1", 2000), quantity, at);
    subscription(id, at, &[item], changes)
}

/// What makes a subscription one that ended.
pub(crate) fn ended(at: DateTime<Utc>) -> Value {
    json!({"status": "canceled", "canceled_at": at.timestamp(), "ended_at": at.timestamp(),
        "cancellation_details": {"reason": "cancellation_requested"}})
}

pub(crate) fn customer(id: &str, at: DateTime<Utc>, changes: Value) -> Value {
    let customer = json!({"id": id, "object": "customer", "created": at.timestamp(), "email": null,
        "name": null, "metadata": {}});
    with(customer, changes)
}

/// All orders of some things.
pub(crate) fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let beginning_with = |i: usize| {
        let rest: Vec<T> = [&things[..i], &things[i + 1..]].concat();
        orders(&rest).into_iter().map(move |order| [vec![things[i].clone()], order].concat())
    };
    (0..things.len()).flat_map(beginning_with).collect()
}
