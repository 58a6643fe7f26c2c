//! What is sold: products, prices, coupons and their use.

use chrono::{DateTime, Utc};
use growth_domain::facts::{CouponTerms, DiscountTerms, PriceTerms, Tier};
use sqlx::types::Json;

table! {
    /// A product.
    pub struct ProductRow: "products" ("account", "livemode", "id") ["id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `prod_…`
        id: String,
        /// Of the fact this state is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this state is from.
        stamp_rank: i64,
        /// Of the fact this state is from.
        stamp_event: String,
        /// Name.
        name: Option<String>,
        /// A tombstone.
        deleted: bool,
    }
}

table! {
    /// A price.
    pub struct PriceRow: "prices" ("account", "livemode", "id") ["id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The price's id.
        id: String,
        /// Of the fact this state is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this state is from.
        stamp_rank: i64,
        /// Of the fact this state is from.
        stamp_event: String,
        /// Everything but the tiers.
        terms: Json<PriceTerms>,
        /// The tiers, once a fact showed them; they never change.
        tiers: Option<Json<Vec<Tier>>>,
        /// A tombstone.
        deleted: bool,
    }
}

table! {
    /// A coupon.
    pub struct CouponRow: "coupons" ("account", "livemode", "id") ["id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The coupon's id.
        id: String,
        /// Of the fact this state is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this state is from.
        stamp_rank: i64,
        /// Of the fact this state is from.
        stamp_event: String,
        /// What it takes off.
        terms: Json<CouponTerms>,
        /// A tombstone; discounts already given stay.
        deleted: bool,
    }
}

table! {
    /// A coupon's use.
    pub struct DiscountRow: "discounts" ("account", "livemode", "id") ["id", "customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `di_…`
        id: String,
        /// Of the fact this state is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this state is from.
        stamp_rank: i64,
        /// Of the fact this state is from.
        stamp_event: String,
        /// `cus_…`
        customer: Option<String>,
        /// Whether the customer as a whole uses it.
        of_customer: bool,
        /// What is taken off, from whom and when.
        terms: Json<DiscountTerms>,
    }
}

table! {
    /// A customer whose MRR depends on a price, discount or coupon.
    pub struct PricingReferenceRow: "pricing_references" ("account", "livemode", "reference", "customer") ["reference", "customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `price:…`, `discount:…`, `coupon:…` or `invoices:…`.
        reference: String,
        /// `cus_…`
        customer: String,
    }
}
