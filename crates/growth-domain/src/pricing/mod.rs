//! What a subscription is worth a month: its MRR.
//!
//! ```text
//! k(interval, n) = month 1/n | year 1/(12n) | week 52/(12n) | day 365/(12n)
//! line = unit_amount * quantity      per unit, after transform_quantity
//!      = tier table(quantity)        graduated or volume, flat amounts included
//! net  = line after discounts, clamped at 0
//! ex   = net * 100 / (100 + rate)    tax-inclusive prices whose rate is known
//! MRR  = ex * k
//! ```
//!
//! Everything is an exact fraction until the MRR of one subscription item is
//! rounded to millionths of a minor unit, a half to even. Metered and one-time
//! prices are worth 0. What is not known is an [`Unpriced`] error that names
//! it, never a silent 0. Whether a subscription counts at all is not decided
//! here.

mod discounts;
pub(crate) mod exact;
mod lines;
mod periods;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::facts::{
    CouponTerms, DiscountTerms, InvoiceLine, PriceTerms, SubscriptionItem, SubscriptionState, Tier,
};
use crate::money::Micros;

/// Which of the usual definitions of MRR is meant, where vendors disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// As Stripe's own reports: only discounts that last forever are subtracted.
    #[default]
    Stripe,
    /// What customers are charged now: discounts are subtracted while they last.
    Conservative,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stripe => "stripe",
            Self::Conservative => "conservative",
        })
    }
}

/// A text that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {0:?}: use stripe or conservative")]
pub struct UnknownPolicy(pub String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stripe" => Ok(Self::Stripe),
            "conservative" => Ok(Self::Conservative),
            _ => Err(UnknownPolicy(text.to_owned())),
        }
    }
}

/// What is known besides the subscription's own payload.
pub trait Catalog {
    /// A price by its id.
    fn price(&self, id: &str) -> Option<&PriceTerms>;

    /// The tiers of a price, for payloads that do not show them.
    fn tiers(&self, price: &str) -> Option<&[Tier]>;

    /// A discount by its id, `di_…`.
    fn discount(&self, id: &str) -> Option<&DiscountTerms>;

    /// A coupon by its id.
    fn coupon(&self, id: &str) -> Option<&CouponTerms>;

    /// The last invoice line of a subscription item, else of its price in the same subscription, that is no
    /// proration; rather an earlier one that was for as many units. Lines of several tiers are added up.
    ///
    /// It stands in for a price that cannot be computed: its amount is before
    /// discounts, in the subscription's currency, and for its whole quantity.
    fn invoice_line(&self, item: &SubscriptionItem) -> Option<&InvoiceLine>;
}

/// The largest MRR of one subscription: those of a hundred, which one customer may have, still fit an `i64`.
const LARGEST: i128 = i64::MAX as i128 / 100;

/// A subscription's MRR in its currency; `list - discount = net`, and each fits an `i64` of micros a hundred
/// times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mrr {
    /// Before discounts.
    pub list: Micros,
    /// What discounts take off.
    pub discount: Micros,
    /// After discounts.
    pub net: Micros,
}

/// Why a subscription has no MRR: what is missing, or what makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// The payload shows some of the items only.
    #[error("only {shown} of the subscription's {}items are known", .total.map_or(String::new(), |n| format!("{n} ")))]
    ItemsMissing {
        /// How many items are known.
        shown: usize,
        /// How many there are, where that is known.
        total: Option<u64>,
    },
    /// A price that is only known by its id.
    #[error("price {price} is not known")]
    Price {
        /// The price's id.
        price: String,
    },
    /// A tiered price without its tiers.
    #[error("the tiers of price {price} are not known")]
    Tiers {
        /// The price's id.
        price: String,
    },
    /// A tiered price that is neither graduated nor volume.
    #[error("the tiers of price {price} have the unknown mode {mode:?}")]
    TiersMode {
        /// The price's id.
        price: String,
        /// `tiers_mode`, empty where it is absent.
        mode: String,
    },
    /// More units than the tiers provide for.
    #[error("quantity {quantity} is beyond the last tier of price {price}")]
    BeyondTiers {
        /// The price's id.
        price: String,
        /// The item's quantity.
        quantity: i64,
    },
    /// A price per unit without its amount.
    #[error("the unit amount of price {price} is not known")]
    UnitAmount {
        /// The price's id.
        price: String,
    },
    /// A discount that is only known by its id.
    #[error("discount {discount} is not known")]
    Discount {
        /// The discount's id.
        discount: String,
    },
    /// A discount that does not say which coupon it is of.
    #[error("the coupon of discount {discount} is not known")]
    DiscountCoupon {
        /// The discount's id.
        discount: String,
    },
    /// A coupon that is only known by its id.
    #[error("coupon {coupon} is not known")]
    Coupon {
        /// The coupon's id.
        coupon: String,
    },
    /// A coupon that does not say what it takes off.
    #[error("coupon {coupon} has neither a percentage nor an amount")]
    CouponValue {
        /// The coupon's id.
        coupon: String,
    },
    /// A coupon is limited to products, and the price's product is not known.
    #[error("the product of price {price} is not known, and coupon {coupon} is limited to products")]
    Product {
        /// The price's id.
        price: String,
        /// The coupon's id.
        coupon: String,
    },
    /// A price in another currency than the subscription.
    #[error("price {price} is in {currency:?}, its subscription in {expected:?}")]
    Currency {
        /// The price's id.
        price: String,
        /// The price's currency.
        currency: String,
        /// The subscription's currency.
        expected: String,
    },
    /// A price that is due at an interval nobody knows.
    #[error("price {price} has the unknown interval {interval:?}")]
    Interval {
        /// The price's id.
        price: String,
        /// `recurring.interval`
        interval: String,
    },
    /// A price that is due every zero intervals, or fewer.
    #[error("price {price} is due every {count} intervals")]
    IntervalCount {
        /// The price's id.
        price: String,
        /// `recurring.interval_count`
        count: i64,
    },
    /// Packages of zero units, or fewer.
    #[error("price {price} is sold in packages of {divide_by}")]
    DivideBy {
        /// The price's id.
        price: String,
        /// `transform_quantity.divide_by`
        divide_by: i64,
    },
    /// Packages that are rounded neither up nor down.
    #[error("packages of price {price} are rounded {round:?}, neither up nor down")]
    Rounding {
        /// The price's id.
        price: String,
        /// `transform_quantity.round`
        round: String,
    },
    /// A text that should be a decimal number.
    #[error("the {what} is no usable decimal number: {text:?}")]
    Number {
        /// What it says, for instance `unit amount of price price_1`.
        what: String,
        /// The text itself.
        text: String,
    },
    /// More than 92 thousand million minor units a month.
    #[error("the amount is too large")]
    TooLarge,
}

/// Computes a subscription's MRR at an instant from its state, as if the state held at that instant.
///
/// `customer_discounts` may be all discounts of the customer; the narrower ones
/// are passed over. The caller has merged items of cut payloads beforehand.
pub fn price(
    state: &SubscriptionState,
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
    at: DateTime<Utc>,
) -> Result<Mrr, Unpriced> {
    let mut lines = lines::of(state, catalog)?;
    discounts::subtract(&mut lines, state, customer_discounts, catalog, policy, at)?;
    let mut total = Mrr::default();
    for line in &lines {
        let list = exact::to_micros(&(&line.list * &line.monthly))?;
        let net = exact::to_micros(&(&line.net * &line.monthly))?;
        total.list += list;
        total.net += net;
        total.discount += list - net;
    }
    if total.list.0 > LARGEST {
        return Err(Unpriced::TooLarge);
    }
    Ok(total)
}

/// Finds the instants at which the price of an unchanged state changes by itself, in order.
///
/// Discounts begin, end or have had their one invoice, and a customer's
/// discount comes into force where the subscription's own has run out.
pub fn breakpoints(
    state: &SubscriptionState,
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
) -> Vec<DateTime<Utc>> {
    let mut instants = discounts::turning_points(state, customer_discounts, catalog);
    instants.sort_unstable();
    instants.dedup();
    if instants.is_empty() {
        return instants;
    }
    let price_at = |at| price(state, customer_discounts, catalog, policy, at);
    let mut before = price_at(DateTime::<Utc>::MIN_UTC);
    instants.retain(|at| {
        let after = price_at(*at);
        let changes = after != before;
        before = after;
        changes
    });
    instants
}
