//! Stripe's objects as JSON: the fields that tell something, in either shape.

mod invoices;
mod payments;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Shape;
use super::catalogue::{Duration, Off};
use super::records::{Coupon, Customer, Discount, Price, Subscription};

pub(super) use self::invoices::{invoice, upcoming};
pub(super) use self::payments::{
    Checkout, charge, checkout_session, dispute, invoice_payment, payment_intent, payment_method, refund,
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
