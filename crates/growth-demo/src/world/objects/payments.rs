//! Whatever pays, and whatever takes a payment back.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Look, extend, metadata};
use crate::world::records::{Dispute, Payment, Refund, Subscription};

pub(in crate::world) fn payment_method(look: &Look, id: &str, customer: &str) -> Value {
    json!({
        "id": id,
        "object": "payment_method",
        "card": { "brand": "visa", "country": "GB", "last4": "4242" },
        "created": look.at.timestamp(),
        "customer": customer,
        "livemode": look.livemode,
        "metadata": {},
        "type": "card",
    })
}

pub(in crate::world) fn invoice_payment(
    look: &Look,
    id: &str,
    payment: &Payment,
    at: DateTime<Utc>,
) -> Value {
    json!({
        "id": id,
        "object": "invoice_payment",
        "amount_paid": payment.amount,
        "amount_requested": payment.amount,
        "created": payment.created.timestamp(),
        "currency": payment.currency,
        "invoice": payment.invoice,
        "is_default": true,
        "livemode": look.livemode,
        "payment": { "payment_intent": payment.intent, "type": "payment_intent" },
        "status": "paid",
        "status_transitions": { "canceled_at": null, "paid_at": at.timestamp() },
    })
}

/// Builds an intent; `fresh` shows it before its first attempt.
pub(in crate::world) fn payment_intent(look: &Look, payment: &Payment, fresh: bool) -> Value {
    let (status, received) = match (fresh, payment.paid_at) {
        (true, _) => ("requires_confirmation", 0),
        (false, Some(_)) => ("succeeded", payment.amount),
        (false, None) => ("requires_payment_method", 0),
    };
    let error = payment.failure.filter(|_| !fresh && payment.paid_at.is_none()).map(|(code, message)| {
        json!({
            "charge": payment.charge,
            "code": "card_declined",
            "decline_code": code,
            "message": message,
            "type": "card_error",
        })
    });
    let mut object = json!({
        "id": payment.intent,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_capturable": 0,
        "amount_received": received,
        "capture_method": "automatic",
        "created": payment.created.timestamp(),
        "currency": payment.currency,
        "customer": payment.customer,
        "description": payment.description,
        "last_payment_error": error,
        "latest_charge": (!fresh).then_some(payment.charge.as_str()),
        "livemode": look.livemode,
        "metadata": {},
        "payment_method_types": ["card"],
        "receipt_email": null,
        "status": status,
    });
    let link = if look.is_old() {
        json!({ "invoice": payment.invoice })
    } else {
        let reference = payment.invoice.as_deref().and_then(|invoice| invoice.get(..25));
        json!({ "payment_details": { "customer_reference": null, "order_reference": reference } })
    };
    extend(&mut object, link);
    object
}

/// Builds a charge; `early` shows it before its balance transaction is there.
pub(in crate::world) fn charge(look: &Look, payment: &Payment, early: bool) -> Value {
    let paid = payment.paid_at.is_some();
    let transaction = match (paid && !early, payment.fee_shown) {
        (false, _) => Value::Null,
        (true, false) => Value::from(payment.transaction.as_str()),
        (true, true) => json!({
            "id": payment.transaction,
            "object": "balance_transaction",
            "amount": payment.amount,
            "created": payment.charged_at.timestamp(),
            "currency": payment.currency,
            "fee": payment.fee,
            "net": payment.amount - payment.fee,
            "source": payment.charge,
            "type": "charge",
        }),
    };
    let failure = payment.failure.filter(|_| !paid);
    let mut object = json!({
        "id": payment.charge,
        "object": "charge",
        "amount": payment.amount,
        "amount_captured": if paid { payment.amount } else { 0 },
        "amount_refunded": payment.refunded,
        "billing_details": { "address": null, "email": payment.email, "name": null, "phone": null },
        "captured": paid,
        "created": payment.charged_at.timestamp(),
        "currency": payment.currency,
        "customer": payment.customer,
        "description": payment.description,
        "disputed": payment.disputed,
        "failure_code": failure.map(|_| "card_declined"),
        "failure_message": failure.map(|(_, message)| message),
        "livemode": look.livemode,
        "metadata": {},
        "paid": paid,
        "payment_intent": payment.intent,
        "payment_method_details": {
            "card": { "brand": "visa", "country": "GB", "funding": "credit", "last4": "4242" },
            "type": "card",
        },
        "receipt_email": null,
        "refunded": payment.refunded > 0 && payment.refunded == payment.amount,
        "status": if paid { "succeeded" } else { "failed" },
    });
    object["balance_transaction"] = transaction;
    if look.is_old() {
        extend(&mut object, json!({ "invoice": payment.invoice }));
    }
    object
}

/// What a completed checkout session knows.
#[derive(Clone, Debug)]
pub(in crate::world) struct Checkout<'a> {
    pub(in crate::world) id: &'a str,
    pub(in crate::world) created: DateTime<Utc>,
    pub(in crate::world) reference: &'a str,
    pub(in crate::world) email: &'a str,
    pub(in crate::world) subscription: &'a Subscription,
    pub(in crate::world) invoice: Option<&'a str>,
    pub(in crate::world) total: i64,
    pub(in crate::world) subtotal: i64,
    pub(in crate::world) currency: &'a str,
}

pub(in crate::world) fn checkout_session(look: &Look, checkout: &Checkout) -> Value {
    json!({
        "id": checkout.id,
        "object": "checkout.session",
        "amount_subtotal": checkout.subtotal,
        "amount_total": checkout.total,
        "client_reference_id": checkout.reference,
        "created": checkout.created.timestamp(),
        "currency": checkout.currency,
        "customer": checkout.subscription.customer,
        "customer_details": { "email": checkout.email, "name": null, "phone": null },
        "customer_email": null,
        "invoice": checkout.invoice,
        "livemode": look.livemode,
        "metadata": metadata(checkout.subscription.user_id.as_deref()),
        "mode": "subscription",
        "payment_intent": null,
        "payment_status": if checkout.total > 0 { "paid" } else { "no_payment_required" },
        "status": "complete",
        "subscription": checkout.subscription.id,
    })
}

pub(in crate::world) fn refund(refund: &Refund) -> Value {
    let mut object = json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.transaction,
        "charge": refund.charge,
        "created": refund.created.timestamp(),
        "currency": refund.currency,
        "metadata": {},
        "payment_intent": refund.payment_intent,
        "reason": "requested_by_customer",
        "receipt_number": null,
        "status": refund.status,
    });
    if refund.status == "failed" {
        object["failure_reason"] = Value::from("expired_or_canceled_card");
    }
    object
}

pub(in crate::world) fn dispute(look: &Look, dispute: &Dispute) -> Value {
    let movement = |id: String, amount: i64, fee: i64, at: DateTime<Utc>, category: &str| {
        json!({
            "id": id,
            "object": "balance_transaction",
            "amount": amount,
            "created": at.timestamp(),
            "currency": dispute.currency,
            "fee": fee,
            "net": amount - fee,
            "reporting_category": category,
            "source": dispute.id,
            "type": "adjustment",
        })
    };
    let transaction = &dispute.transaction;
    let mut movements =
        vec![movement(transaction.clone(), -dispute.amount, dispute.fee, dispute.created, "dispute")];
    if let Some(at) = dispute.reinstated_at {
        movements.push(movement(format!("{transaction}r"), dispute.amount, 0, at, "dispute_reversal"));
    }
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": movements,
        "charge": dispute.charge,
        "created": dispute.created.timestamp(),
        "currency": dispute.currency,
        "is_charge_refundable": false,
        "livemode": look.livemode,
        "metadata": {},
        "payment_intent": dispute.payment_intent,
        "reason": "fraudulent",
        "status": dispute.status,
    })
}
