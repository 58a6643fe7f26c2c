//! Invoices and their lines.

use serde_json::{Value, json};

use super::{Look, extend, list, metadata, plan, price, time};
use crate::world::records::{Invoice, Line, Price, Subscription};

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
pub(in crate::world) fn invoice<'a>(
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
pub(in crate::world) fn upcoming(
    look: &Look,
    subscription: &Subscription,
    currency: &str,
    total: i64,
) -> Value {
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
