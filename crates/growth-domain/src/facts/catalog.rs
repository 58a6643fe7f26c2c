//! What Stripe's objects say about what is sold and what is taken off it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

/// What a price is, as far as MRR needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceTerms {
    /// The price's (or old plan's) id.
    pub id: String,
    /// `prod_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// `nickname`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// Lower-case currency code.
    pub currency: String,
    /// Minor units as decimal text: `unit_amount_decimal`, else `unit_amount`; absent for tiered and custom prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<String>,
    /// `recurring`, absent for one-time prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
    /// `graduated` or `volume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers_mode: Option<String>,
    /// The tiers where they are expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<Tier>>,
    /// `transform_quantity`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform_quantity: Option<TransformQuantity>,
    /// `inclusive`, `exclusive` or `unspecified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_behavior: Option<String>,
}

impl PriceTerms {
    /// Whether the payload shows the price's id alone.
    pub fn is_named_only(&self) -> bool {
        self.currency.is_empty() && self.unit_amount.is_none() && self.recurring.is_none()
    }
}

/// How often a price is due.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recurring {
    /// `day`, `week`, `month` or `year`.
    pub interval: String,
    /// How many intervals a period has.
    pub interval_count: i64,
    /// `licensed` or `metered`.
    pub usage_type: String,
}

/// One tier of a price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// The last unit of the tier, absent for the open one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<i64>,
    /// Minor units for each unit, as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<String>,
    /// Minor units for the tier as a whole, as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flat_amount: Option<String>,
}

/// Units sold in packages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransformQuantity {
    /// Units in a package.
    pub divide_by: i64,
    /// `up` or `down`.
    pub round: String,
}

/// A statement about a price.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What it costs.
    pub terms: PriceTerms,
    /// Told by `price.deleted`.
    pub deleted: bool,
}

/// A statement about a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// `prod_…`
    pub id: String,
    /// `name`
    pub name: Option<String>,
    /// Told by `product.deleted`.
    pub deleted: bool,
}

/// A statement about a coupon.
#[derive(Clone, Debug, PartialEq)]
pub struct CouponFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What it takes off.
    pub terms: CouponTerms,
    /// Told by `coupon.deleted`; discounts already given stay.
    pub deleted: bool,
}

/// What a coupon takes off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CouponTerms {
    /// The coupon's id.
    pub id: String,
    /// `name`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Percent as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<String>,
    /// Minor units per invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_off: Option<i64>,
    /// Currency of `amount_off`, lower-case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `forever`, `repeating` or `once`.
    pub duration: String,
    /// `prod_…` it is limited to; empty for all. Only in objects where `applies_to` is expanded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
}

/// A statement about a coupon's use.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscountFact {
    /// Its place in the order of facts.
    pub stamp: Stamp,
    /// What is taken off, from whom and when.
    pub terms: DiscountTerms,
}

/// A coupon's use by a customer or subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscountTerms {
    /// `di_…`
    pub id: String,
    /// The coupon's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// `cus_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `sub_…`, absent for a discount of the whole customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// True for a discount of an invoice or of an item, which never applies to the customer as a whole.
    pub narrow: bool,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime<Utc>>,
    /// When it ends or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime<Utc>>,
    /// Told by `customer.discount.deleted`; `end` then says when.
    pub deleted: bool,
}
