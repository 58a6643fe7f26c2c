//! Stripe's objects as JSON: the fields that tell something, in either shape.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Shape;
use super::catalogue::{Duration, Off};
use super::records::{
    Coupon, Customer, Discount, Dispute, Invoice, Line, Payment, Price, Refund, Subscription,
};

/// How objects look at some instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) shape: Shape,
    pub(super) livemode: bool,
    pub(super) at: DateTime<Utc>,
}

impl Look {
    fn is_old(&self) -> bool {
        self.shape == Shape::Acacia
    }

    /// Accounts of old versions have been sent an invoice's `parent` in addition since April 2025.
    fn has_parent(&self) -> bool {
        const SINCE: i64 = 1_743_465_600;
        !self.is_old() || self.at.timestamp() >= SINCE
    }
}

fn time(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(|at| at.timestamp())
}

fn metadata(user_id: Option<&str>) -> Value {
    user_id.map_or_else(|| json!({}), |user| json!({ "user_id": user }))
}

fn list(data: Vec<Value>) -> Value {
    let mut list = json!({ "object": "list", "has_more": false, "total_count": data.len() });
    list["data"] = Value::Array(data);
    list
}

/// Adds fields that only one shape has.
fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (object, more) {
        fields.extend(more);
    }
}

pub(super) fn product(look: &Look, id: &str, name: &str, created: DateTime<Utc>) -> Value {
    json!({
        "id": id,
        "object": "product",
        "active": true,
        "created": created.timestamp(),
        "default_price": null,
        "description": null,
        "livemode": look.livemode,
        "metadata": {},
        "name": name,
        "type": "service",
        "updated": created.timestamp(),
    })
}

pub(super) fn price(look: &Look, price: &Price) -> Value {
    json!({
        "id": price.id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": price.created.timestamp(),
        "currency": price.terms.currency,
        "livemode": look.livemode,
        "metadata": {},
        "nickname": price.terms.nickname,
        "product": price.product,
        "recurring": {
            "interval": price.terms.interval.as_str(),
            "interval_count": price.terms.interval_count,
            "meter": null,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": null,
        "transform_quantity": null,
        "type": "recurring",
        "unit_amount": price.terms.unit_amount,
        "unit_amount_decimal": price.terms.unit_amount.to_string(),
    })
}

fn plan(price: &Price) -> Value {
    json!({
        "id": price.id,
        "object": "plan",
        "amount": price.terms.unit_amount,
        "amount_decimal": price.terms.unit_amount.to_string(),
        "billing_scheme": "per_unit",
        "currency": price.terms.currency,
        "interval": price.terms.interval.as_str(),
        "interval_count": price.terms.interval_count,
        "nickname": price.terms.nickname,
        "product": price.product,
        "usage_type": "licensed",
    })
}

pub(super) fn coupon(look: &Look, coupon: &Coupon) -> Value {
    let (percent, amount, currency) = match &coupon.terms.off {
        // Stripe writes percentages as numbers with a fraction.
        Off::Percent(percent) => (Some(f64::from(*percent)), None, None),
        Off::Amount { minor, currency } => (None, Some(*minor), Some(currency.as_str())),
    };
    let (duration, months) = match coupon.terms.duration {
        Duration::Forever => ("forever", None),
        Duration::Once => ("once", None),
        Duration::Months(months) => ("repeating", Some(months)),
    };
    json!({
        "id": coupon.id,
        "object": "coupon",
        "amount_off": amount,
        "created": coupon.created.timestamp(),
        "currency": currency,
        "duration": duration,
        "duration_in_months": months,
        "livemode": look.livemode,
        "max_redemptions": null,
        "metadata": {},
        "name": coupon.terms.name,
        "percent_off": percent,
        "redeem_by": null,
        "valid": true,
    })
}

pub(super) fn discount(
    look: &Look,
    discount: &Discount,
    of: &Coupon,
    subscription: &str,
    customer: &str,
) -> Value {
    let mut object = json!({
        "id": discount.id,
        "object": "discount",
        "checkout_session": null,
        "customer": customer,
        "end": time(discount.end),
        "invoice": null,
        "invoice_item": null,
        "promotion_code": null,
        "start": discount.start.timestamp(),
        "subscription": subscription,
        "subscription_item": null,
    });
    let source = if look.is_old() {
        json!({ "coupon": coupon(look, of) })
    } else {
        json!({ "source": { "coupon": of.id, "type": "coupon" } })
    };
    extend(&mut object, source);
    object
}

pub(super) fn customer(look: &Look, customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": customer.created.timestamp(),
        "currency": customer.currency,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "discount": null,
        "email": customer.email,
        "livemode": look.livemode,
        "metadata": metadata(customer.user_id.as_deref()),
        "name": null,
        "phone": null,
    })
}

/// Builds the item of a subscription, with or without the period that new versions keep there.
pub(super) fn item(look: &Look, subscription: &Subscription, at: &Price) -> Value {
    let mut object = json!({
        "id": subscription.item,
        "object": "subscription_item",
        "created": subscription.created.timestamp(),
        "discounts": [],
        "metadata": {},
        "quantity": subscription.quantity,
        "subscription": subscription.id,
        "tax_rates": [],
    });
    object["plan"] = plan(at);
    object["price"] = price(look, at);
    if !look.is_old() {
        extend(&mut object, period(subscription));
    }
    object
}

/// Builds the two fields of the current period.
pub(super) fn period(subscription: &Subscription) -> Value {
    json!({
        "current_period_end": subscription.period_end.timestamp(),
        "current_period_start": subscription.period_start.timestamp(),
    })
}

pub(super) fn subscription(
    look: &Look,
    subscription: &Subscription,
    at: &Price,
    with: Option<&Coupon>,
) -> Value {
    let discounts: Vec<&str> = subscription.discount.iter().map(|discount| discount.id.as_str()).collect();
    let pause = subscription.paused.then(|| json!({ "behavior": "void", "resumes_at": null }));
    let cancel_at = subscription.cancel_at_period_end.then_some(subscription.period_end);
    let mut object = json!({
        "id": subscription.id,
        "object": "subscription",
        "billing_cycle_anchor": subscription.created.timestamp(),
        "cancel_at": time(cancel_at),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": time(subscription.canceled_at),
        "cancellation_details": { "comment": null, "feedback": null, "reason": subscription.reason },
        "collection_method": "charge_automatically",
        "created": subscription.created.timestamp(),
        "currency": at.terms.currency,
        "customer": subscription.customer,
        "default_tax_rates": [],
        "discounts": discounts,
        "ended_at": time(subscription.ended_at),
        "latest_invoice": subscription.latest_invoice,
        "livemode": look.livemode,
        "metadata": metadata(subscription.user_id.as_deref()),
        "pause_collection": pause,
        "quantity": subscription.quantity,
        "schedule": null,
        "start_date": subscription.created.timestamp(),
        "status": subscription.status,
        "trial_end": time(subscription.trial.map(|(_, end)| end)),
        "trial_start": time(subscription.trial.map(|(start, _)| start)),
    });
    object["items"] = list(vec![item(look, subscription, at)]);
    object["plan"] = plan(at);
    if look.is_old() {
        extend(&mut object, period(subscription));
        let given = subscription.discount.as_ref().zip(with);
        let given = given.map(|(own, of)| discount(look, own, of, &subscription.id, &subscription.customer));
        object["discount"] = given.unwrap_or_default();
    }
    object
}

fn line(look: &Look, line: &Line, invoice: &Invoice, at: Option<&Price>) -> Value {
    // Only one line of an invoice is ever discounted: prorations are net already.
    let taken: Vec<Value> = invoice
        .discount
        .iter()
        .filter(|_| !line.proration)
        .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
        .collect();
    let discounts: Vec<Value> = taken.iter().map(|taken| taken["discount"].clone()).collect();
    let mut object = json!({
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice.currency,
        "description": line.description,
        "discount_amounts": taken,
        "discounts": discounts,
        "invoice": invoice.id,
        "livemode": look.livemode,
        "metadata": metadata(invoice.user_id.as_deref()),
        "period": { "end": line.end.timestamp(), "start": line.start.timestamp() },
        "quantity": line.quantity,
    });
    if look.is_old() {
        object["plan"] = at.map(plan).unwrap_or_default();
        object["price"] = at.map(|at| price(look, at)).unwrap_or_default();
        let old = json!({
            "proration": line.proration,
            "subscription": invoice.subscription,
            "subscription_item": line.item,
            "type": "subscription",
        });
        extend(&mut object, old);
    } else {
        let new = json!({
            "parent": {
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null,
                    "proration": line.proration,
                    "subscription": invoice.subscription,
                    "subscription_item": line.item,
                },
                "type": "subscription_item_details",
            },
            "pricing": {
                "price_details": { "price": line.price, "product": at.map(|at| at.product.as_str()) },
                "type": "price_details",
                "unit_amount_decimal": at.map(|at| at.terms.unit_amount.to_string()),
            },
        });
        extend(&mut object, new);
    }
    object
}

/// Builds an invoice; `status` may differ from the record's for the events before the final one.
pub(super) fn invoice<'a>(
    look: &Look,
    invoice: &Invoice,
    status: &str,
    charge: Option<&str>,
    price_of: impl Fn(&str) -> Option<&'a Price>,
) -> Value {
    let total = invoice.total();
    let paid = status == "paid";
    let amount_paid = if paid { total } else { 0 };
    let lines: Vec<Value> =
        invoice.lines.iter().map(|own| line(look, own, invoice, price_of(&own.price))).collect();
    let taken: Vec<Value> = invoice
        .discount
        .iter()
        .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
        .collect();
    let discounts: Vec<&str> = invoice.discount.iter().map(|(discount, _)| discount.as_str()).collect();
    let finalized = (status != "draft").then(|| invoice.created.timestamp());
    let mut object = json!({
        "id": invoice.id,
        "object": "invoice",
        "amount_due": total,
        "amount_paid": amount_paid,
        "amount_remaining": total - amount_paid,
        "attempt_count": invoice.attempts,
        "attempted": invoice.attempts > 0,
        "billing_reason": invoice.reason,
        "collection_method": "charge_automatically",
        "created": invoice.created.timestamp(),
        "currency": invoice.currency,
        "customer": invoice.customer,
        "customer_email": invoice.email,
        "discounts": discounts,
        "livemode": look.livemode,
        "metadata": {},
        "number": finalized.map(|_| invoice.number.as_str()),
        "period_end": invoice.period_end.timestamp(),
        "period_start": invoice.period_start.timestamp(),
        "status": status,
        "status_transitions": {
            "finalized_at": finalized,
            "marked_uncollectible_at": null,
            "paid_at": if paid { time(invoice.paid_at) } else { None },
            "voided_at": null,
        },
        "subtotal": invoice.subtotal(),
        "total": total,
        "total_discount_amounts": taken,
        "total_excluding_tax": total,
    });
    object["lines"] = list(lines);
    if look.is_old() {
        let intent = finalized.and(invoice.payment_intent.as_deref());
        let old = json!({
            "charge": intent.and(charge),
            "discount": null,
            "paid": paid,
            "paid_out_of_band": false,
            "payment_intent": intent,
            "subscription": invoice.subscription,
            "subscription_details": { "metadata": metadata(invoice.user_id.as_deref()) },
            "tax": null,
        });
        extend(&mut object, old);
    }
    if look.has_parent() {
        let parent = json!({
            "quote_details": null,
            "subscription_details": {
                "metadata": metadata(invoice.user_id.as_deref()),
                "subscription": invoice.subscription,
            },
            "type": "subscription_details",
        });
        object["parent"] = parent;
    }
    object
}

/// Builds an invoice that does not exist yet, and so has no id.
pub(super) fn upcoming(look: &Look, subscription: &Subscription, currency: &str, total: i64) -> Value {
    let mut object = json!({
        "object": "invoice",
        "amount_due": total,
        "amount_paid": 0,
        "attempt_count": 0,
        "billing_reason": "upcoming",
        "created": subscription.period_end.timestamp(),
        "currency": currency,
        "customer": subscription.customer,
        "livemode": look.livemode,
        "status": "draft",
        "total": total,
    });
    let link = if look.is_old() {
        json!({ "subscription": subscription.id })
    } else {
        let details = json!({ "metadata": {}, "subscription": subscription.id });
        json!({ "parent": { "subscription_details": details, "type": "subscription_details" } })
    };
    extend(&mut object, link);
    object
}

pub(super) fn payment_method(look: &Look, id: &str, customer: &str) -> Value {
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

pub(super) fn invoice_payment(look: &Look, id: &str, payment: &Payment, at: DateTime<Utc>) -> Value {
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
pub(super) fn payment_intent(look: &Look, payment: &Payment, fresh: bool) -> Value {
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
pub(super) fn charge(look: &Look, payment: &Payment, early: bool) -> Value {
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
pub(super) struct Checkout<'a> {
    pub(super) id: &'a str,
    pub(super) created: DateTime<Utc>,
    pub(super) reference: &'a str,
    pub(super) email: &'a str,
    pub(super) subscription: &'a Subscription,
    pub(super) invoice: Option<&'a str>,
    pub(super) total: i64,
    pub(super) subtotal: i64,
    pub(super) currency: &'a str,
}

pub(super) fn checkout_session(look: &Look, checkout: &Checkout) -> Value {
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

pub(super) fn refund(refund: &Refund) -> Value {
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

pub(super) fn dispute(look: &Look, dispute: &Dispute) -> Value {
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
