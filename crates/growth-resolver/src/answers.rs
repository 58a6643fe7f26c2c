//! What Stripe is asked, and what of its answers is taken in.

use growth_stripe_client::{Client, Error};
use serde_json::Value;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ask {
    /// A charge with its fee.
    Charge(String),
    /// A payment intent with its charge and the fee.
    PaymentIntent(String),
    /// Every payment of an invoice.
    InvoicePayments(String),
    /// A price with its tiers.
    Price(String),
    /// A coupon with the products it is limited to.
    Coupon(String),
    /// The discounts of a subscription and its items.
    Discounts {
        /// `sub_…`
        subscription: String,
    },
}

impl Ask {
    /// The part of the API that answers it, which a key may be allowed to read or not.
    pub(crate) fn endpoint(&self) -> &'static str {
        match self {
            Self::Charge(_) => "charges",
            Self::PaymentIntent(_) => "payment_intents",
            Self::InvoicePayments(_) => "invoice_payments",
            Self::Price(_) => "prices",
            Self::Coupon(_) => "coupons",
            Self::Discounts { .. } => "subscriptions",
        }
    }

    /// Asks, and gives the objects to take in.
    pub(crate) async fn answer(&self, client: &Client, account: &str) -> Result<Vec<Value>, Error> {
        let endpoint = self.endpoint();
        let (id, expand): (_, &[(&str, &str)]) = match self {
            Self::Charge(id) => (id, &[("expand[]", "balance_transaction")]),
            Self::PaymentIntent(id) => (id, &[("expand[]", "latest_charge.balance_transaction")]),
            Self::InvoicePayments(invoice) => {
                return client.list_all(&[endpoint], &[("invoice", invoice)], account).await;
            }
            Self::Price(id) => (id, &[("expand[]", "tiers")]),
            Self::Coupon(id) => (id, &[("expand[]", "applies_to")]),
            // Their coupons stay ids, since what expands here would show no `applies_to`.
            Self::Discounts { subscription } => {
                let expand = [("expand[]", "discounts"), ("expand[]", "items.data.discounts")];
                return Ok(discounts(client.get(&[endpoint, subscription], &expand, account).await?));
            }
        };
        Ok(vec![client.get(&[endpoint, id], expand, account).await?])
    }
}

/// The discounts that a subscription shows, each saying by itself where it stood.
fn discounts(mut subscription: Value) -> Vec<Value> {
    let (id, customer) = (subscription["id"].take(), subscription["customer"].take());
    let holder = [("customer", customer), ("subscription", id)];
    let mut found = Vec::new();
    take(&mut subscription, &holder, &mut found);
    if let Value::Array(items) = subscription["items"]["data"].take() {
        for mut item in items {
            let [customer, subscription] = holder.clone();
            let holder = [customer, subscription, ("subscription_item", item["id"].take())];
            take(&mut item, &holder, &mut found);
        }
    }
    found
}

fn take(from: &mut Value, holder: &[(&'static str, Value)], found: &mut Vec<Value>) {
    let Value::Array(shown) = from["discounts"].take() else { return };
    for mut discount in shown.into_iter().filter(Value::is_object) {
        for (field, value) in holder {
            if discount[field].is_null() {
                discount[field] = value.clone();
            }
        }
        found.push(discount);
    }
}
