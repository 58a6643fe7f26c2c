//! Small objects in Stripe's shapes, old and new, and the ways to read them.

use chrono::{DateTime, Utc};
use growth_domain::facts::{
    Charge, Claim, CouponFact, CustomerFact, DiscountFact, Dispute, Fact, Invoice, PaymentObject, PriceFact,
    SubscriptionState,
};
use growth_stripe::envelope::{self, Document, Event};
use growth_stripe::extract::{self, ExtractError, Extraction};
use serde_json::{Value, json};

/// The time of every sample event, 2026-03-01 00:00:00 UTC.
pub(crate) const NOW: i64 = 1_772_323_200;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a sample's time is in range")
}

/// Puts an object into an event of the given type.
pub(crate) fn event(event_type: &str, object: &Value) -> Event {
    event_of(event_type, &json!({ "object": object }))
}

fn event_of(event_type: &str, data: &Value) -> Event {
    let envelope = json!({
        "id": "evt_1", "object": "event", "type": event_type, "created": NOW, "livemode": true,
        "api_version": "2026-03-25.dahlia", "data": data,
    });
    match envelope::read(envelope) {
        Ok(Document::Event(event)) => event,
        other => panic!("expected an event, found {other:?}"),
    }
}

/// Reads the object as an update tells it that replaced these attributes.
pub(crate) fn update(object: &Value, previous: &Value) -> Extraction {
    let data = json!({ "object": object, "previous_attributes": previous });
    let event = event_of("customer.subscription.updated", &data);
    extract::facts_of_event(&event, "evt_1").expect("the sample can be read")
}

pub(crate) fn try_tell(event_type: &str, object: &Value) -> Result<Extraction, ExtractError> {
    extract::facts_of_event(&event(event_type, object), "evt_1")
}

/// Reads the object as an event tells it.
pub(crate) fn tell(event_type: &str, object: &Value) -> Extraction {
    try_tell(event_type, object).expect("the sample can be read")
}

/// Reads the object as a list endpoint shows it.
pub(crate) fn show(object: &Value) -> Extraction {
    extract::facts_of_object(object, at(NOW), "backfill_1").expect("the sample can be read")
}

/// The message of the error that reading the object ends in.
pub(crate) fn refusal(event_type: &str, object: &Value) -> String {
    try_tell(event_type, object).expect_err("the sample cannot be read").to_string()
}

/// The object with some fields replaced or added.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (&mut object, changes) else {
        panic!("samples and changes are objects");
    };
    fields.extend(changes);
    object
}

/// The object without one of its fields.
pub(crate) fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().expect("samples are objects").remove(field);
    object
}

macro_rules! only {
    ($name:ident, $all:ident, $fact:ty, $pattern:pat => $found:expr) => {
        pub(crate) fn $all(extraction: &Extraction) -> Vec<$fact> {
            let pick = |fact: &Fact| match fact {
                $pattern => Some($found.clone()),
                _ => None,
            };
            extraction.facts.iter().filter_map(pick).collect()
        }

        pub(crate) fn $name(extraction: &Extraction) -> $fact {
            let mut all = $all(extraction);
            assert_eq!(all.len(), 1, "expected one such fact in {extraction:?}");
            all.remove(0)
        }
    };
}

only!(claim, claims, Claim, Fact::Claim(claim) => claim);
only!(coupon, coupons, CouponFact, Fact::Coupon(fact) => fact);
only!(customer, customers, CustomerFact, Fact::Customer(fact) => fact);
only!(discount, discounts, DiscountFact, Fact::Discount(fact) => fact);
only!(price, prices, PriceFact, Fact::Price(fact) => fact);
only!(subscription, subscriptions, SubscriptionState, Fact::Subscription(fact) => fact.state);

pub(crate) fn payments(extraction: &Extraction) -> Vec<PaymentObject> {
    let pick = |fact: &Fact| match fact {
        Fact::Payment(fact) => Some(fact.object.clone()),
        _ => None,
    };
    extraction.facts.iter().filter_map(pick).collect()
}

pub(crate) fn charge(extraction: &Extraction) -> Charge {
    match payments(extraction).into_iter().next() {
        Some(PaymentObject::Charge(charge)) => charge,
        other => panic!("expected a charge first, found {other:?}"),
    }
}

pub(crate) fn invoice(extraction: &Extraction) -> Invoice {
    match payments(extraction).into_iter().next() {
        Some(PaymentObject::Invoice(invoice)) => *invoice,
        other => panic!("expected an invoice first, found {other:?}"),
    }
}

pub(crate) fn dispute(extraction: &Extraction) -> Dispute {
    match payments(extraction).into_iter().next() {
        Some(PaymentObject::Dispute(dispute)) => dispute,
        other => panic!("expected a dispute first, found {other:?}"),
    }
}

/// The list object around some entries.
pub(crate) fn list(entries: Value) -> Value {
    let mut page = json!({ "object": "list", "has_more": false, "url": "/v1/some" });
    page["data"] = entries;
    page
}

pub(crate) fn a_session() -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "created": NOW, "mode": "payment",
        "payment_status": "paid", "amount_total": 1500, "currency": "gbp", "payment_intent": "pi_1",
        "invoice": null, "subscription": null, "customer": "cus_1", "client_reference_id": "user-7",
        "metadata": { "user_id": "user-8" }, "customer_details": { "email": "ada@example.com" },
        "customer_email": "old@example.com",
    })
}

pub(crate) fn an_intent() -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "created": NOW, "status": "succeeded", "amount": 1500,
        "amount_received": 1500, "currency": "gbp", "customer": "cus_1", "latest_charge": "ch_1",
        "metadata": {}, "last_payment_error": null, "receipt_email": null,
        "payment_details": { "order_reference": "in_1" },
    })
}

/// An intent as versions up to 2022-08-01 show it.
pub(crate) fn an_old_intent() -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "created": NOW, "status": "succeeded", "amount": 1500,
        "amount_received": 1500, "currency": "gbp", "customer": "cus_1", "invoice": "in_1",
        "charges": list(json!([
            with(a_charge(), json!({ "id": "ch_2", "created": NOW + 60, "invoice": "in_1" })),
            with(a_charge(), json!({ "id": "ch_1", "status": "failed", "invoice": "in_1" })),
        ])),
    })
}

pub(crate) fn a_charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "created": NOW, "status": "succeeded", "captured": true,
        "amount": 1500, "amount_captured": 1500, "amount_refunded": 0, "currency": "gbp",
        "customer": "cus_1", "payment_intent": "pi_1", "balance_transaction": "txn_1",
        "payment_method_details": { "type": "card" }, "metadata": {},
        "billing_details": { "email": "ada@example.com" }, "receipt_email": "receipt@example.com",
        "failure_code": null, "failure_message": null,
    })
}

pub(crate) fn a_refund() -> Value {
    json!({
        "id": "re_1", "object": "refund", "created": NOW, "status": "succeeded", "amount": 500,
        "currency": "gbp", "charge": "ch_1", "payment_intent": "pi_1", "reason": "requested_by_customer",
    })
}

pub(crate) fn a_dispute() -> Value {
    json!({
        "id": "du_1", "object": "dispute", "created": NOW, "status": "needs_response", "amount": 1500,
        "currency": "gbp", "charge": "ch_1", "payment_intent": "pi_1", "reason": "fraudulent",
        "balance_transactions": [],
    })
}

pub(crate) fn an_invoice_payment() -> Value {
    json!({
        "id": "inpay_1", "object": "invoice_payment", "created": NOW, "status": "paid", "amount_paid": 1500,
        "currency": "gbp", "invoice": "in_1", "payment": { "type": "payment_intent", "payment_intent": "pi_1" },
        "status_transitions": { "paid_at": NOW + 1, "canceled_at": null },
    })
}

pub(crate) fn an_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "created": NOW, "status": "paid", "amount_due": 1500,
        "amount_paid": 1500, "currency": "gbp", "attempt_count": 1, "billing_reason": "subscription_cycle",
        "customer": "cus_1", "customer_email": "ada@example.com", "metadata": {}, "discounts": [],
        "status_transitions": { "paid_at": NOW + 2 }, "total_discount_amounts": [],
        "parent": { "type": "subscription_details", "subscription_details": {
            "subscription": "sub_1", "metadata": { "user_id": "user-7" },
        } },
        "lines": list(json!([{
            "id": "il_1", "object": "line_item", "amount": 2000, "quantity": 2, "description": "2 × Pro",
            "discount_amounts": [{ "amount": 500, "discount": "di_1" }], "discounts": ["di_1"],
            "period": { "start": NOW, "end": NOW + 86_400 },
            "parent": { "type": "subscription_item_details", "invoice_item_details": null,
                "subscription_item_details": {
                    "subscription": "sub_1", "subscription_item": "si_1", "proration": true,
                } },
            "pricing": { "type": "price_details", "price_details": { "price": "price_1", "product": "prod_1" } },
        }])),
    })
}

/// An invoice as versions up to 2025-02-24.acacia show it.
pub(crate) fn an_old_invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "created": NOW, "status": "paid", "amount_due": 1500,
        "amount_paid": 1500, "currency": "gbp", "attempt_count": 1, "billing_reason": "subscription_cycle",
        "customer": "cus_1", "customer_email": "ada@example.com", "metadata": {}, "discount": null,
        "discounts": [], "status_transitions": { "paid_at": NOW + 2 }, "total_discount_amounts": [],
        "paid": true, "paid_out_of_band": false, "payment_intent": "pi_1", "charge": "ch_1",
        "subscription": "sub_1", "subscription_details": { "metadata": { "user_id": "user-7" } },
        "lines": list(json!([{
            "id": "il_1", "object": "line_item", "amount": 2000, "quantity": 2, "description": "2 × Pro",
            "discount_amounts": [{ "amount": 500, "discount": "di_1" }], "discounts": ["di_1"],
            "period": { "start": NOW, "end": NOW + 86_400 }, "type": "subscription", "proration": true,
            "subscription": "sub_1", "subscription_item": "si_1", "price": a_price(), "plan": a_plan(),
        }])),
    })
}

pub(crate) fn a_price() -> Value {
    json!({
        "id": "price_1", "object": "price", "currency": "gbp", "unit_amount": 1000,
        "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "nickname": "Pro", "product": "prod_1",
        "recurring": { "interval": "month", "interval_count": 3, "usage_type": "licensed" },
        "tax_behavior": "exclusive", "tiers_mode": null, "transform_quantity": null, "type": "recurring",
    })
}

pub(crate) fn a_plan() -> Value {
    json!({
        "id": "price_1", "object": "plan", "currency": "gbp", "amount": 1000, "amount_decimal": "1000",
        "billing_scheme": "per_unit", "nickname": "Pro", "product": "prod_1", "interval": "month",
        "interval_count": 3, "usage_type": "licensed", "tiers_mode": null, "transform_usage": null,
    })
}

pub(crate) fn a_coupon() -> Value {
    json!({
        "id": "half", "object": "coupon", "name": "Half", "percent_off": 50.0, "amount_off": null,
        "currency": null, "duration": "forever",
    })
}

pub(crate) fn a_discount() -> Value {
    json!({
        "id": "di_1", "object": "discount", "customer": "cus_1", "subscription": "sub_1", "invoice": null,
        "invoice_item": null, "start": NOW - 100, "end": null,
        "source": { "type": "coupon", "coupon": "half" },
    })
}

/// A discount as versions up to 2025-08-27.basil show it.
pub(crate) fn an_old_discount() -> Value {
    with(without(a_discount(), "source"), json!({ "coupon": a_coupon() }))
}

pub(crate) fn an_item() -> Value {
    json!({
        "id": "si_1", "object": "subscription_item", "quantity": 2, "price": a_price(), "plan": a_plan(),
        "current_period_start": NOW - 100, "current_period_end": NOW + 100, "discounts": [],
        "tax_rates": [],
    })
}

pub(crate) fn a_subscription() -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "currency": "gbp", "created": NOW - 500,
        "start_date": NOW - 400, "status": "active", "pause_collection": null, "trial_end": NOW - 300,
        "cancel_at_period_end": true, "cancel_at": NOW + 100, "canceled_at": NOW - 50, "ended_at": null,
        "cancellation_details": { "reason": "cancellation_requested" }, "metadata": { "user_id": "user-7" },
        "discounts": ["di_1"], "default_tax_rates": [], "items": list(json!([an_item()])),
        "latest_invoice": "in_1",
    })
}

/// A subscription as versions up to 2025-02-24.acacia show it.
pub(crate) fn an_old_subscription() -> Value {
    let item = without(without(an_item(), "current_period_start"), "current_period_end");
    let changes = json!({
        "current_period_start": NOW - 100, "current_period_end": NOW + 100,
        "discount": an_old_discount(), "items": list(json!([without(item, "discounts")])),
    });
    without(with(a_subscription(), changes), "discounts")
}

pub(crate) fn a_customer() -> Value {
    json!({
        "id": "cus_1", "object": "customer", "created": NOW, "email": "ada@example.com", "name": "Ada",
        "metadata": { "user_id": "user-7" }, "discount": null,
    })
}

/// One object of every kind that is read, in the new shape and where it differs in the old one.
pub(crate) fn one_of_each() -> Vec<(&'static str, Value)> {
    vec![
        ("checkout.session.completed", a_session()),
        ("payment_intent.succeeded", an_intent()),
        ("payment_intent.succeeded", an_old_intent()),
        ("charge.succeeded", a_charge()),
        ("charge.refunded", with(a_charge(), json!({ "refunds": list(json!([a_refund()])) }))),
        ("refund.created", a_refund()),
        ("charge.dispute.created", a_dispute()),
        ("invoice_payment.paid", an_invoice_payment()),
        ("invoice.paid", an_invoice()),
        ("invoice.paid", with(an_invoice(), json!({ "payments": list(json!([an_invoice_payment()])) }))),
        ("invoice.paid", an_old_invoice()),
        ("price.updated", a_price()),
        ("plan.updated", a_plan()),
        ("product.updated", json!({ "id": "prod_1", "object": "product", "name": "Pro" })),
        ("coupon.created", a_coupon()),
        ("customer.discount.created", a_discount()),
        ("customer.discount.created", an_old_discount()),
        ("customer.created", with(a_customer(), json!({ "discount": an_old_discount() }))),
        ("customer.subscription.updated", a_subscription()),
        ("customer.subscription.updated", an_old_subscription()),
    ]
}
