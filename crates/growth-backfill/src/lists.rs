//! Stripe's lists: what a backfill reads, and how it asks for it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A kind of objects, which Stripe lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// `/v1/events`, which reaches back 30 days.
    Events,
    /// Customers; those of subscriptions and payments of the window too, whenever they were created.
    Customers,
    /// Products, all of them.
    Products,
    /// Prices with their tiers, all of them.
    Prices,
    /// Coupons with the products they are limited to, all of them.
    Coupons,
    /// Subscriptions in any status with their discounts, all of them.
    Subscriptions,
    /// Invoices with all their lines.
    Invoices,
    /// Payments of those invoices.
    InvoicePayments,
    /// Payment intents.
    PaymentIntents,
    /// Charges with their fees.
    Charges,
    /// Refunds.
    Refunds,
    /// Disputes.
    Disputes,
    /// Checkout sessions.
    CheckoutSessions,
}

/// How far back a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// As far as the window.
    Window,
    /// To its beginning, since what was created before the window matters for today.
    All,
    /// As far as the window, but no further than Stripe keeps them.
    Kept,
}

/// How long Stripe keeps events.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Stripe opened in September 2011: nothing is older than this, 1 January 2010.
const OPENED: i64 = 1_262_304_000;

impl List {
    /// Every list, in the order in which people look at them.
    pub const ALL: [Self; 13] = [
        Self::Events,
        Self::Customers,
        Self::Products,
        Self::Prices,
        Self::Coupons,
        Self::Subscriptions,
        Self::Invoices,
        Self::InvoicePayments,
        Self::PaymentIntents,
        Self::Charges,
        Self::Refunds,
        Self::Disputes,
        Self::CheckoutSessions,
    ];

    /// What others are priced by.
    pub(crate) const CATALOGUE: [Self; 3] = [Self::Products, Self::Prices, Self::Coupons];

    /// The other lists that are asked for by themselves.
    pub(crate) const REST: [Self; 7] = [
        Self::Customers,
        Self::Subscriptions,
        Self::Invoices,
        Self::PaymentIntents,
        Self::Charges,
        Self::Refunds,
        Self::Disputes,
    ];

    /// Sessions name the invoice alone that was paid: before that is known, each would be a payment of its own.
    pub(crate) const LAST: [Self; 1] = [Self::CheckoutSessions];

    /// Its name in the database, in JSON and, with blanks, on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Prices => "prices",
            Self::Coupons => "coupons",
            Self::Subscriptions => "subscriptions",
            Self::Invoices => "invoices",
            Self::InvoicePayments => "invoice_payments",
            Self::PaymentIntents => "payment_intents",
            Self::Charges => "charges",
            Self::Refunds => "refunds",
            Self::Disputes => "disputes",
            Self::CheckoutSessions => "checkout_sessions",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.as_str() == name)
    }

    pub(crate) fn path(self) -> &'static [&'static str] {
        match self {
            Self::Events => &["events"],
            Self::Customers => &["customers"],
            Self::Products => &["products"],
            Self::Prices => &["prices"],
            Self::Coupons => &["coupons"],
            Self::Subscriptions => &["subscriptions"],
            Self::Invoices => &["invoices"],
            Self::InvoicePayments => &["invoice_payments"],
            Self::PaymentIntents => &["payment_intents"],
            Self::Charges => &["charges"],
            Self::Refunds => &["refunds"],
            Self::Disputes => &["disputes"],
            Self::CheckoutSessions => &["checkout", "sessions"],
        }
    }

    /// What is asked for besides the window.
    pub(crate) fn query(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Prices => &[("expand[]", "data.tiers")],
            Self::Coupons => &[("expand[]", "data.applies_to")],
            Self::Subscriptions => &[
                ("status", "all"),
                ("expand[]", "data.customer"),
                ("expand[]", "data.discounts.source.coupon"),
                ("expand[]", "data.items.data.discounts"),
            ],
            Self::Invoices => &[("expand[]", "data.payments")],
            Self::PaymentIntents => &[("expand[]", "data.customer")],
            Self::Charges => &[("expand[]", "data.balance_transaction")],
            _ => &[],
        }
    }

    fn reach(self) -> Reach {
        match self {
            Self::Events => Reach::Kept,
            Self::Products | Self::Prices | Self::Coupons | Self::Subscriptions => Reach::All,
            _ => Reach::Window,
        }
    }

    /// The first second of the list that a backfill from `from` on reads.
    pub(crate) fn from(self, from: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.reach() {
            Reach::Window => from,
            Reach::All => DateTime::from_timestamp(OPENED, 0).unwrap_or_default(),
            Reach::Kept => from.max(now - KEPT),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}
