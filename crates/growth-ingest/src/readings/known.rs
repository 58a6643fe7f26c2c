//! What the tables tell already of the objects of a page.

use std::collections::BTreeSet;

use growth_db::rows::{CouponRow, CustomerClaimRow, CustomerRow, DiscountRow, PriceRow, ProductRow};
use growth_db::{Error, Tx};
use growth_domain::facts::Fact;
use growth_domain::stamp::Scope;

use super::latest::LatestRows;
use super::payments::Groups;
use super::subscriptions::States;
use super::{Entry, Verdict};
use crate::{catalog, customers};

/// It grows with every object that is judged to be news, so that two objects of one page that tell the same are not
/// both news.
pub(super) struct Known {
    scope: Scope,
    customers: LatestRows<CustomerRow>,
    claims: LatestRows<CustomerClaimRow>,
    products: LatestRows<ProductRow>,
    prices: LatestRows<PriceRow>,
    coupons: LatestRows<CouponRow>,
    discounts: LatestRows<DiscountRow>,
    payments: Groups,
    subscriptions: States,
}

impl Known {
    pub(super) async fn load<'a>(
        tx: &mut Tx,
        scope: &Scope,
        documents: impl Iterator<Item = &'a Entry>,
    ) -> Result<Self, Error> {
        let facts: Vec<&Fact> = documents.flat_map(|document| &document.told.facts).collect();
        let ids = |pick: fn(&Fact) -> Option<&String>| -> Vec<String> {
            let ids: BTreeSet<&String> = facts.iter().filter_map(|fact| pick(fact)).collect();
            ids.into_iter().cloned().collect()
        };
        let customers = ids(|fact| if let Fact::Customer(fact) = fact { Some(&fact.id) } else { None });
        let claims = ids(|fact| if let Fact::Claim(claim) = fact { Some(&claim.source) } else { None });
        let products = ids(|fact| if let Fact::Product(fact) = fact { Some(&fact.id) } else { None });
        let prices = ids(|fact| if let Fact::Price(fact) = fact { Some(&fact.terms.id) } else { None });
        let coupons = ids(|fact| if let Fact::Coupon(fact) = fact { Some(&fact.terms.id) } else { None });
        let discounts = ids(|fact| if let Fact::Discount(fact) = fact { Some(&fact.terms.id) } else { None });
        let payments = facts.iter().filter_map(|fact| match fact {
            Fact::Payment(fact) => Some(fact),
            _ => None,
        });
        let subscribers = ids(|fact| match fact {
            Fact::Subscription(fact) => Some(&fact.state.customer),
            _ => None,
        });
        Ok(Self {
            customers: LatestRows::load(tx, scope, &customers).await?,
            claims: LatestRows::load(tx, scope, &claims).await?,
            products: LatestRows::load(tx, scope, &products).await?,
            prices: LatestRows::load(tx, scope, &prices).await?,
            coupons: LatestRows::load(tx, scope, &coupons).await?,
            discounts: LatestRows::load(tx, scope, &discounts).await?,
            payments: Groups::load(tx, scope, payments).await?,
            subscriptions: States::load(tx, scope, &subscribers).await?,
            scope: scope.clone(),
        })
    }

    /// Tells what an object's facts are to the tables, the first of which is about the object itself.
    pub(super) fn judge(&mut self, id: &str, facts: &[Fact]) -> Verdict {
        let was_known = facts.first().is_some_and(|fact| self.knows(id, fact));
        let mut is_news = false;
        let mut payments = Vec::new();
        for fact in facts {
            is_news |= match fact {
                Fact::Payment(fact) => {
                    payments.push(fact);
                    false
                }
                Fact::Subscription(fact) => self.subscriptions.take(&fact.state),
                Fact::Customer(fact) => {
                    self.customers.take(customers::customer_row(&self.scope, fact.clone()))
                }
                Fact::Claim(claim) => self.claims.take(customers::claim_row(&self.scope, claim.clone())),
                Fact::Product(fact) => self.products.take(catalog::product_row(&self.scope, fact.clone())),
                Fact::Price(fact) => self.prices.take(catalog::price_row(&self.scope, fact.clone())),
                Fact::Coupon(fact) => self.coupons.take(catalog::coupon_row(&self.scope, fact.clone())),
                Fact::Discount(fact) => self.discounts.take(catalog::discount_row(&self.scope, fact.clone())),
            };
        }
        is_news |= self.payments.take(&payments);
        match (is_news, was_known) {
            (false, _) => Verdict::Unchanged,
            (true, true) => Verdict::Updated,
            (true, false) => Verdict::New,
        }
    }

    fn knows(&self, id: &str, fact: &Fact) -> bool {
        match fact {
            Fact::Payment(fact) => self.payments.knows(&fact.object),
            Fact::Subscription(_) => self.subscriptions.knows(id),
            Fact::Customer(_) => self.customers.knows(id),
            Fact::Claim(_) => self.claims.knows(id),
            Fact::Product(_) => self.products.knows(id),
            Fact::Price(_) => self.prices.knows(id),
            Fact::Coupon(_) => self.coupons.knows(id),
            Fact::Discount(_) => self.discounts.knows(id),
        }
    }
}
