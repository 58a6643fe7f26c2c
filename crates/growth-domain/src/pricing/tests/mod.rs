//! A book of prices and discounts to price subscriptions by.

mod discounts;
mod examples;
mod gaps;
mod properties;

use std::collections::HashMap;

use super::*;
use crate::facts::{PriceTerms, Recurring, SubscriptionItem};

/// What is known besides the payload, in maps.
#[derive(Debug, Default)]
struct Book {
    tiers: HashMap<String, Vec<Tier>>,
    discounts: HashMap<String, DiscountTerms>,
    coupons: HashMap<String, CouponTerms>,
    lines: HashMap<String, InvoiceLine>,
}

impl Catalog for Book {
    fn price(&self, _: &str) -> Option<&PriceTerms> {
        None
    }

    fn tiers(&self, price: &str) -> Option<&[Tier]> {
        self.tiers.get(price).map(Vec::as_slice)
    }

    fn discount(&self, id: &str) -> Option<&DiscountTerms> {
        self.discounts.get(id)
    }

    fn coupon(&self, id: &str) -> Option<&CouponTerms> {
        self.coupons.get(id)
    }

    fn invoice_line(&self, item: &SubscriptionItem) -> Option<&InvoiceLine> {
        self.lines.get(&item.id).or_else(|| self.lines.get(&item.price.id))
    }
}

impl Book {
    /// Writes down a discount of 1 June 2026 and its coupon, `di_<name>` and `<name>`.
    fn with(mut self, name: &str, coupon: CouponTerms) -> Self {
        let discount = DiscountTerms {
            id: format!("di_{name}"),
            coupon: Some(name.to_owned()),
            start: Some(at("2026-06-01T00:00:00Z")),
            ..DiscountTerms::default()
        };
        self.coupons.insert(name.to_owned(), CouponTerms { id: name.to_owned(), ..coupon });
        self.discounts.insert(discount.id.clone(), discount);
        self
    }

    fn edit(mut self, discount: &str, edit: impl FnOnce(&mut DiscountTerms)) -> Self {
        edit(self.discounts.get_mut(discount).unwrap());
        self
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An instant at which the discounts of a [`Book`] have begun.
fn noon() -> DateTime<Utc> {
    at("2026-06-10T12:00:00Z")
}

/// A USD item of so many minor units every `count` intervals.
fn item(unit_amount: i64, count: i64, interval: &str) -> SubscriptionItem {
    SubscriptionItem {
        id: "si_1".to_owned(),
        price: PriceTerms {
            id: "price_1".to_owned(),
            product: Some("prod_1".to_owned()),
            currency: "usd".to_owned(),
            unit_amount: Some(unit_amount.to_string()),
            recurring: Some(Recurring {
                interval: interval.to_owned(),
                interval_count: count,
                usage_type: "licensed".to_owned(),
            }),
            billing_scheme: "per_unit".to_owned(),
            ..PriceTerms::default()
        },
        quantity: Some(1),
        ..SubscriptionItem::default()
    }
}

fn times(quantity: i64, item: SubscriptionItem) -> SubscriptionItem {
    SubscriptionItem { quantity: Some(quantity), ..item }
}

fn of_product(product: &str, mut item: SubscriptionItem) -> SubscriptionItem {
    item.price.product = Some(product.to_owned());
    item
}

fn tier(up_to: Option<i64>, unit_amount: Option<&str>, flat_amount: Option<&str>) -> Tier {
    Tier { up_to, unit_amount: unit_amount.map(str::to_owned), flat_amount: flat_amount.map(str::to_owned) }
}

/// The tiers 1-5 at 10, 6-20 at 8 and 21+ at 5.
fn three_tiers() -> Vec<Tier> {
    vec![tier(Some(5), Some("1000"), None), tier(Some(20), Some("800"), None), tier(None, Some("500"), None)]
}

fn tiered(mode: &str, tiers: Option<Vec<Tier>>, quantity: i64) -> SubscriptionItem {
    let mut item = times(quantity, item(0, 1, "month"));
    item.price.unit_amount = None;
    "tiered".clone_into(&mut item.price.billing_scheme);
    item.price.tiers_mode = Some(mode.to_owned());
    item.price.tiers = tiers;
    item
}

fn percent(percent_off: &str, duration: &str) -> CouponTerms {
    CouponTerms {
        percent_off: Some(percent_off.to_owned()),
        duration: duration.to_owned(),
        ..CouponTerms::default()
    }
}

fn amount(amount_off: i64, duration: &str) -> CouponTerms {
    CouponTerms {
        amount_off: Some(amount_off),
        currency: Some("usd".to_owned()),
        duration: duration.to_owned(),
        ..CouponTerms::default()
    }
}

fn subscription(items: impl IntoIterator<Item = SubscriptionItem>, discounts: &[&str]) -> SubscriptionState {
    SubscriptionState {
        id: "sub_1".to_owned(),
        customer: "cus_1".to_owned(),
        currency: "usd".to_owned(),
        items: items.into_iter().collect(),
        discounts: discounts.iter().map(|id| (*id).to_owned()).collect(),
        ..SubscriptionState::default()
    }
}

/// Prices under the default policy at [`noon`].
fn priced(state: &SubscriptionState, book: &Book) -> Result<Mrr, Unpriced> {
    price(state, &[], book, Policy::default(), noon())
}

/// The net MRR in micros.
fn net(state: &SubscriptionState, book: &Book) -> i128 {
    priced(state, book).unwrap().net.0
}
