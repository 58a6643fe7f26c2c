//! What Stripe shows of prices, coupons and their use, and what a subscription is worth by it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use growth_domain::facts::{
    CouponTerms, DiscountTerms, Fact, InvoiceLine, PriceTerms, SubscriptionItem, SubscriptionState, Tier,
};
use growth_domain::pricing::{self, Policy, price};
use growth_domain::timeline::counts;

use super::objects::Told;

/// Prices and coupons, all of them, and the discounts of the page that is being read.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    prices: HashMap<String, PriceTerms>,
    coupons: HashMap<String, CouponTerms>,
}

/// The catalogue together with the discounts that were shown with a subscription.
pub(super) struct With<'a> {
    catalog: &'a Catalog,
    discounts: HashMap<&'a str, &'a DiscountTerms>,
    coupons: HashMap<&'a str, &'a CouponTerms>,
}

impl Catalog {
    /// Takes in a price or coupon of a list, which shows it whole.
    pub(super) fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Price(fact) => drop(self.prices.insert(fact.terms.id.clone(), fact.terms)),
            Fact::Coupon(fact) => drop(self.coupons.insert(fact.terms.id.clone(), fact.terms)),
            _ => {}
        }
    }

    pub(super) fn with<'a>(&'a self, shown: &'a [Fact]) -> With<'a> {
        let mut with = With { catalog: self, discounts: HashMap::new(), coupons: HashMap::new() };
        for fact in shown {
            match fact {
                Fact::Discount(fact) => drop(with.discounts.insert(&fact.terms.id, &fact.terms)),
                Fact::Coupon(fact) => drop(with.coupons.insert(&fact.terms.id, &fact.terms)),
                _ => {}
            }
        }
        with
    }
}

impl With<'_> {
    /// Whether a subscription counts towards MRR, and what it is worth.
    ///
    /// Where the API does not tell it is not known: prices that invoices alone would tell, and how old a debt is.
    pub(super) fn worth(&self, state: &SubscriptionState, policy: Policy, at: DateTime<Utc>) -> (Told, Told) {
        if state.status == "past_due" && policy == Policy::Conservative {
            return (Told::NotKnown, Told::NotKnown);
        }
        if !counts(state) {
            return (Told::Flag(false), Told::Micros(0));
        }
        let of_customer: Vec<&DiscountTerms> = (self.discounts.values())
            .filter(|terms| terms.customer.as_ref() == Some(&state.customer))
            .copied()
            .collect();
        let net = price(state, &of_customer, self, policy, at).ok().map(|mrr| mrr.net.0);
        let micros = net.and_then(|micros| i64::try_from(micros).ok());
        (Told::Flag(true), micros.map_or(Told::NotKnown, Told::Micros))
    }
}

impl pricing::Catalog for With<'_> {
    fn price(&self, id: &str) -> Option<&PriceTerms> {
        self.catalog.prices.get(id)
    }

    fn tiers(&self, price: &str) -> Option<&[Tier]> {
        self.catalog.prices.get(price)?.tiers.as_deref()
    }

    fn discount(&self, id: &str) -> Option<&DiscountTerms> {
        self.discounts.get(id).copied()
    }

    fn coupon(&self, id: &str) -> Option<&CouponTerms> {
        self.catalog.coupons.get(id).or_else(|| self.coupons.get(id).copied())
    }

    fn invoice_line(&self, _: &SubscriptionItem) -> Option<&InvoiceLine> {
        None
    }
}
