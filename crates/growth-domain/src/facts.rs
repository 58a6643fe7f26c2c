//! What Stripe's objects say, in one shape for every API version.
//!
//! `growth-stripe` reads JSON into these facts, `growth-ingest` stores and
//! folds them. A fact is a snapshot of one object at its [`Stamp`]. Statuses,
//! reasons and durations stay text: Stripe adds values, and an unknown one is
//! kept, never an error. Amounts are in the currency's minor unit.

mod catalog;
mod payments;
mod subscriptions;

use chrono::{DateTime, Utc};

pub use catalog::{
    CouponFact, CouponTerms, DiscountFact, DiscountTerms, PriceFact, PriceTerms, ProductFact, Recurring,
    Tier, TransformQuantity,
};
pub use payments::{
    Charge, CheckoutSession, Dispute, Invoice, InvoiceLine, InvoicePayment, PaymentFact, PaymentIntent,
    PaymentObject, Refund,
};
pub use subscriptions::{PlannedEnd, Replaced, SubscriptionFact, SubscriptionItem, SubscriptionState};

use crate::stamp::Stamp;

/// One statement about one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// About money that moved or failed to move.
    Payment(PaymentFact),
    /// About a subscription's state.
    Subscription(Box<SubscriptionFact>),
    /// About a customer.
    Customer(CustomerFact),
    /// About who a customer is in the application.
    Claim(Claim),
    /// About a price.
    Price(PriceFact),
    /// About a product.
    Product(ProductFact),
    /// About a coupon.
    Coupon(CouponFact),
    /// About a coupon's use by a customer or subscription.
    Discount(DiscountFact),
}

/// A statement about a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// `cus_…`
    pub id: String,
    /// When it was created; a deleted customer's last event may not say.
    pub created: Option<DateTime<Utc>>,
    /// `email`
    pub email: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// Told by `customer.deleted`.
    pub deleted: bool,
}

/// What one object says about who a customer is in the application.
///
/// The links that win over others come first, see [`crate::attribution`].
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its place in the order of facts about `source`.
    pub stamp: Stamp,
    /// The object that makes the claim: `cs_…`, `sub_…`, `cus_…` or `pi_…`.
    pub source: String,
    /// `cus_…`
    pub customer: String,
    /// `client_reference_id` of a checkout session.
    pub client_reference_id: Option<String>,
    /// `metadata.user_id`
    pub user_id: Option<String>,
    /// The customer's e-mail address as the object shows it.
    pub email: Option<String>,
}

impl Fact {
    /// The customer that it is about, `cus_…`.
    pub fn customer(&self) -> Option<&str> {
        match self {
            Self::Payment(fact) => fact.object.customer(),
            Self::Customer(fact) => Some(&fact.id),
            Self::Claim(claim) => Some(&claim.customer),
            _ => None,
        }
    }

    /// The application's user ids that it names.
    pub fn user_references(&self) -> Vec<&str> {
        match self {
            Self::Payment(fact) => fact.object.user_references(),
            Self::Claim(claim) => [&claim.client_reference_id, &claim.user_id]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Takes out what says who the customer is.
    pub fn make_impersonal(&mut self) {
        match self {
            Self::Payment(fact) => fact.object.make_impersonal(),
            Self::Customer(fact) => (fact.email, fact.name) = (None, None),
            Self::Claim(claim) => {
                (claim.client_reference_id, claim.user_id, claim.email) = (None, None, None);
            }
            _ => {}
        }
    }
}
