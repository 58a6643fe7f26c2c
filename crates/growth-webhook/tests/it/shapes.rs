//! The same object as different API versions show it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::objects::{charge, event, intent, invoice, item, price, subscription, with};

/// An API version whose objects differ from those of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Invoice, intent and charge name each other; the intent shows its charges, the charge its refunds.
    August2022,
    /// Invoice, intent and charge still name each other.
    Acacia,
    /// The intent has no more than a shortened hint at its invoice, the invoice none at its intent.
    Basil,
    /// As before; discounts do not show their coupons any more.
    Clover,
}

/// All of them.
pub(crate) const SHAPES: [Shape; 4] = [Shape::August2022, Shape::Acacia, Shape::Basil, Shape::Clover];

/// What belongs to one payment of a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bill {
    pub(crate) invoice: &'static str,
    pub(crate) intent: &'static str,
    pub(crate) charge: &'static str,
    pub(crate) subscription: &'static str,
}

impl Shape {
    pub(crate) fn is_new(self) -> bool {
        matches!(self, Self::Basil | Self::Clover)
    }

    pub(crate) fn event(self, id: &str, kind: &str, at: DateTime<Utc>, object: &Value) -> Value {
        let version = match self {
            Self::August2022 => "2022-08-01",
            Self::Acacia => "2025-02-24.acacia",
            Self::Basil => "2025-03-31.basil",
            Self::Clover => "2025-10-29.clover",
        };
        with(event(id, kind, at, object), json!({"api_version": version}))
    }

    /// An invoice for one month of 20.00 GBP.
    pub(crate) fn invoice(self, bill: Bill, at: DateTime<Utc>, changes: Value) -> Value {
        let subscription = bill.subscription;
        let line = json!({"id": format!("il_of_{}", bill.invoice), "object": "line_item", "amount": 2000,
            "currency": "gbp", "description": "1 x Pro", "quantity": 1,
            "period": {"start": at.timestamp(), "end": (at + TimeDelta::days(31)).timestamp()}});
        let (shown, links) = if self.is_new() {
            let details =
                json!({"subscription": subscription, "subscription_item": "si_1", "proration": false});
            let shown = json!({"pricing": {"type": "price_details", "price_details": {"price": "price_1",
                "product": "prod_1"}}, "parent": {"type": "subscription_item_details",
                "subscription_item_details": details}});
            let parent = json!({"type": "subscription_details", "subscription_details":
                {"subscription": subscription, "metadata": {}}});
            (shown, json!({"parent": parent}))
        } else {
            let shown = json!({"type": "subscription", "proration": false, "price": price("price_1", 2000),
                "subscription": subscription, "subscription_item": "si_1"});
            let links = json!({"subscription": subscription, "payment_intent": bill.intent,
                "charge": bill.charge, "paid_out_of_band": false});
            (shown, links)
        };
        let lines = json!({"lines": {"object": "list", "has_more": false, "data": [with(line, shown)]}});
        with(with(with(invoice(bill.invoice, at, json!({})), lines), links), changes)
    }

    /// The intent that pays that invoice.
    pub(crate) fn intent(self, bill: Bill, at: DateTime<Utc>, shown: &Value, changes: Value) -> Value {
        let links = match self {
            Self::August2022 => json!({"invoice": bill.invoice,
                "charges": {"object": "list", "has_more": false, "data": [shown]}}),
            Self::Acacia => json!({"invoice": bill.invoice, "latest_charge": bill.charge}),
            Self::Basil | Self::Clover => json!({"latest_charge": bill.charge, "payment_details":
                {"customer_reference": null, "order_reference": bill.invoice[..25]}}),
        };
        with(with(intent(bill.intent, at, json!({})), links), changes)
    }

    /// The charge of that intent, with those refunds.
    pub(crate) fn charge(self, bill: Bill, at: DateTime<Utc>, refunds: &[Value], changes: Value) -> Value {
        let links = match self {
            Self::August2022 => json!({"invoice": bill.invoice, "payment_intent": bill.intent,
                "refunds": {"object": "list", "has_more": false, "data": refunds}}),
            Self::Acacia => json!({"invoice": bill.invoice, "payment_intent": bill.intent}),
            Self::Basil | Self::Clover => json!({"payment_intent": bill.intent}),
        };
        with(with(charge(bill.charge, at, json!({})), links), changes)
    }

    /// An active subscription to one unit at 20.00 GBP a month.
    pub(crate) fn subscription(self, id: &str, at: DateTime<Utc>, changes: Value) -> Value {
        let price = price("price_1", 2000);
        let mut item = item("si_1", &price, 1, at);
        let period = json!({"current_period_start": item["current_period_start"].clone(),
            "current_period_end": item["current_period_end"].clone()});
        let own = match self {
            Self::August2022 => with(period, json!({"discount": null, "quantity": 1})),
            Self::Acacia => with(period, json!({"discount": null})),
            Self::Basil | Self::Clover => json!({}),
        };
        if !self.is_new() {
            let fields = item.as_object_mut().unwrap();
            fields.retain(|name, _| !name.starts_with("current_period"));
            fields.insert(
                "plan".to_owned(),
                json!({"id": "price_1", "object": "plan", "amount": 2000,
                "currency": "gbp", "interval": "month", "interval_count": 1, "usage_type": "licensed"}),
            );
        }
        with(with(subscription(id, at, &[item], json!({})), own), changes)
    }
}
