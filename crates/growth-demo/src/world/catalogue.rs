//! What the account sells: products, prices and coupons.

use chrono::{DateTime, Months, Utc};

use super::records::{Coupon, Price, Product};
use super::{World, objects};

/// How long a period of a price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl Interval {
    /// Returns Stripe's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// What a price is: always per unit and recurring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTerms {
    /// The name that people see.
    pub nickname: String,
    /// Minor units for one unit and period.
    pub unit_amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// How long a period is.
    pub interval: Interval,
    /// How many intervals a period has, at least 1.
    pub interval_count: u32,
}

impl PriceTerms {
    /// Returns the end of a period that starts then.
    pub(super) fn period_end(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        let months = match self.interval {
            Interval::Month => self.interval_count,
            Interval::Year => self.interval_count.saturating_mul(12),
        };
        start.checked_add_months(Months::new(months)).unwrap_or(start)
    }
}

/// How much a coupon takes off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Off {
    /// Whole percent, up to 100.
    Percent(u8),
    /// An amount of each invoice.
    Amount {
        /// Minor units.
        minor: i64,
        /// Lower-case currency code.
        currency: String,
    },
}

/// How long a coupon works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// For every invoice.
    Forever,
    /// For the first invoice.
    Once,
    /// For so many months.
    Months(u32),
}

/// What a coupon takes off and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponTerms {
    /// The name that people see.
    pub name: String,
    /// How much it takes off.
    pub off: Off,
    /// How long it works.
    pub duration: Duration,
}

impl CouponTerms {
    /// Returns how much of an invoice over that amount it takes off, halves away from zero.
    pub(super) fn of(&self, amount: i64) -> i64 {
        match &self.off {
            Off::Percent(percent) => (amount * i64::from(*percent) + 50) / 100,
            Off::Amount { minor, .. } => *minor.min(&amount),
        }
    }

    pub(super) fn is_forever(&self) -> bool {
        self.duration == Duration::Forever
    }

    pub(super) fn fits(&self, currency: &str) -> bool {
        match &self.off {
            Off::Percent(_) => true,
            Off::Amount { currency: own, .. } => own == currency,
        }
    }
}

impl World {
    /// Creates a product and returns its id: `product.created`.
    pub fn create_product(&mut self, name: &str, at: DateTime<Utc>) -> String {
        let at = super::second(at);
        let id = self.ids.short("prod");
        let object = objects::product(&self.look(at), &id, name, at);
        self.products.push(Product { id: id.clone(), name: name.to_owned(), created: at });
        let draft = super::Draft::new(at, "product.created", object);
        self.emit(vec![draft]);
        id
    }

    /// Creates a price of a product and returns its id: `price.created`.
    pub fn create_price(&mut self, product: &str, terms: PriceTerms, at: DateTime<Utc>) -> String {
        let at = super::second(at);
        let id = self.ids.stamped("price", '1', at);
        let price = Price { id: id.clone(), product: product.to_owned(), terms, created: at };
        let object = objects::price(&self.look(at), &price);
        self.prices.insert(id.clone(), price);
        self.emit(vec![super::Draft::new(at, "price.created", object)]);
        id
    }

    /// Creates a coupon with an id of one's own and returns the id: `coupon.created`.
    pub fn create_coupon(&mut self, id: &str, terms: CouponTerms, at: DateTime<Utc>) -> String {
        let at = super::second(at);
        let coupon = Coupon { id: id.to_owned(), terms, created: at };
        let object = objects::coupon(&self.look(at), &coupon);
        self.coupons.insert(coupon.id.clone(), coupon);
        self.emit(vec![super::Draft::new(at, "coupon.created", object)]);
        id.to_owned()
    }
}
