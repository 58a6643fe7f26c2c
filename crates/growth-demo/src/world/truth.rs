//! What really happened in a world, apart from any event that told of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Interval, World};
use crate::world::catalogue::{CouponTerms, Off};

/// The final state of everything that a database should agree with, each list in order of its ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Every payment that was tried; invoices over nothing have none.
    pub payments: Vec<TruthPayment>,
    /// Every refund.
    pub refunds: Vec<TruthRefund>,
    /// Every dispute.
    pub disputes: Vec<TruthDispute>,
    /// Every invoice.
    pub invoices: Vec<TruthInvoice>,
    /// Every subscription.
    pub subscriptions: Vec<TruthSubscription>,
}

/// A payment, whatever number of events told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthPayment {
    /// `pi_…`
    pub payment_intent: String,
    /// `ch_…` of the last attempt.
    pub charge: String,
    /// `in_…`, absent for one-off payments.
    pub invoice: Option<String>,
    /// `sub_…`, absent for one-off payments.
    pub subscription: Option<String>,
    /// `cus_…`, absent for payments of nobody known.
    pub customer: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Whether the money came in the end.
    pub succeeded: bool,
    /// When it came.
    pub paid_at: Option<DateTime<Utc>>,
    /// Stripe's fee in minor units, where the events show it.
    pub fee: Option<i64>,
    /// The application's user, where the events and [`World::know_user`] let one find it.
    pub user: Option<String>,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthRefund {
    /// `re_…`
    pub id: String,
    /// `pi_…`
    pub payment_intent: String,
    /// `ch_…`
    pub charge: String,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `succeeded`, or `failed`, which gives the amount back.
    pub status: String,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthDispute {
    /// `dp_…`
    pub id: String,
    /// `pi_…`
    pub payment_intent: String,
    /// `ch_…`
    pub charge: String,
    /// Minor units in dispute, all of which were withdrawn.
    pub amount: i64,
    /// Minor units given back.
    pub reinstated: i64,
    /// Minor units that Stripe keeps for the dispute.
    pub fee: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// `needs_response`, `won` or `lost`.
    pub status: String,
    /// When the money was withdrawn.
    pub created: DateTime<Utc>,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthInvoice {
    /// `in_…`
    pub id: String,
    /// `sub_…`
    pub subscription: String,
    /// Minor units after discounts.
    pub total: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// When its first attempt failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthSubscription {
    /// `sub_…`
    pub id: String,
    /// `cus_…`
    pub customer: String,
    /// Lower-case currency code.
    pub currency: String,
    /// `trialing`, `active`, `past_due` or `canceled`.
    pub status: String,
    /// What is subscribed to.
    pub items: Vec<TruthItem>,
    /// The coupon it still has.
    pub coupon: Option<CouponTerms>,
    /// Whether collection is paused.
    pub paused: bool,
    /// Whether it will end with its period.
    pub cancel_at_period_end: bool,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// An item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthItem {
    /// `price_…`
    pub price: String,
    /// Minor units for one unit and period.
    pub unit_amount: i64,
    /// How long a period is.
    pub interval: Interval,
    /// How many intervals a period has.
    pub interval_count: u32,
    /// Units.
    pub quantity: i64,
}

impl Truth {
    /// Prices the final states of all subscriptions: MRR in millionths of a minor unit, by currency.
    ///
    /// Follows the default policy: active and past due subscriptions count, trials and paused ones do not, and
    /// only coupons that last forever subtract. Currencies whose subscriptions come to 0 are present with 0.
    pub fn mrr_micros(&self) -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for subscription in &self.subscriptions {
            *sums.entry(subscription.currency.clone()).or_insert(0) += subscription.mrr_micros();
        }
        sums
    }
}

impl TruthSubscription {
    /// Prices the final state, see [`Truth::mrr_micros`].
    pub fn mrr_micros(&self) -> i128 {
        let counts = matches!(self.status.as_str(), "active" | "past_due") && !self.paused;
        if counts { self.items.iter().map(|item| item.mrr_micros(self.coupon.as_ref())).sum() } else { 0 }
    }
}

impl TruthItem {
    fn mrr_micros(&self, coupon: Option<&CouponTerms>) -> i128 {
        let line = i128::from(self.unit_amount) * i128::from(self.quantity);
        // Hundredths of a minor unit, so that a percentage leaves no fraction.
        let net = match coupon.filter(|coupon| coupon.is_forever()).map(|coupon| &coupon.off) {
            None => line * 100,
            Some(Off::Percent(percent)) => line * i128::from(100_u8.saturating_sub(*percent)),
            Some(Off::Amount { minor, .. }) => (line - i128::from(*minor)).max(0) * 100,
        };
        let months = i128::from(self.interval_count)
            * match self.interval {
                Interval::Month => 1,
                Interval::Year => 12,
            };
        half_even(net * 10_000, months)
    }
}

/// Divides a number that is not negative and rounds to the nearest whole, ties to the even one.
fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Equal => whole + whole % 2,
        std::cmp::Ordering::Greater => whole + 1,
    }
}

impl World {
    /// Returns what happened so far.
    pub fn truth(&self) -> Truth {
        let payments = self.payments.values().map(|payment| TruthPayment {
            payment_intent: payment.intent.clone(),
            charge: payment.charge.clone(),
            invoice: payment.invoice.clone(),
            subscription: payment.subscription.clone(),
            customer: payment.customer.clone(),
            amount: payment.amount,
            currency: payment.currency.clone(),
            succeeded: payment.paid_at.is_some(),
            paid_at: payment.paid_at,
            fee: (payment.paid_at.is_some() && payment.fee_shown).then_some(payment.fee),
            user: payment.customer.as_deref().and_then(|customer| self.user_of(customer)),
        });
        let refunds = self.refunds.values().map(|refund| TruthRefund {
            id: refund.id.clone(),
            payment_intent: refund.payment_intent.clone(),
            charge: refund.charge.clone(),
            amount: refund.amount,
            currency: refund.currency.clone(),
            status: refund.status.to_owned(),
            created: refund.created,
        });
        let disputes = self.disputes.values().map(|dispute| TruthDispute {
            id: dispute.id.clone(),
            payment_intent: dispute.payment_intent.clone(),
            charge: dispute.charge.clone(),
            amount: dispute.amount,
            reinstated: if dispute.reinstated_at.is_some() { dispute.amount } else { 0 },
            fee: dispute.fee,
            currency: dispute.currency.clone(),
            status: dispute.status.to_owned(),
            created: dispute.created,
        });
        let invoices = self.invoices.values().map(|invoice| TruthInvoice {
            id: invoice.id.clone(),
            subscription: invoice.subscription.clone(),
            total: invoice.total(),
            currency: invoice.currency.clone(),
            failed_at: invoice.failed_at,
            paid_at: invoice.paid_at,
        });
        let subscriptions = self.subscriptions.values().filter_map(|subscription| {
            let terms = &self.prices.get(&subscription.price)?.terms;
            let coupon =
                subscription.discount.as_ref().and_then(|discount| self.coupons.get(&discount.coupon));
            Some(TruthSubscription {
                id: subscription.id.clone(),
                customer: subscription.customer.clone(),
                currency: terms.currency.clone(),
                status: subscription.status.to_owned(),
                items: vec![TruthItem {
                    price: subscription.price.clone(),
                    unit_amount: terms.unit_amount,
                    interval: terms.interval,
                    interval_count: terms.interval_count,
                    quantity: subscription.quantity,
                }],
                coupon: coupon.map(|coupon| coupon.terms.clone()),
                paused: subscription.paused,
                cancel_at_period_end: subscription.cancel_at_period_end,
                ended_at: subscription.ended_at,
            })
        });
        Truth {
            payments: payments.collect(),
            refunds: refunds.collect(),
            disputes: disputes.collect(),
            invoices: invoices.collect(),
            subscriptions: subscriptions.collect(),
        }
    }

    /// Finds a customer's user along the chain of attribution: checkout, metadata, e-mail.
    fn user_of(&self, customer: &str) -> Option<String> {
        let customer = self.customers.get(customer)?;
        let named = customer.reference.as_ref().or(customer.subscription_user.as_ref());
        let named = named.or(customer.user_id.as_ref()).cloned();
        named.or_else(|| self.users_by_email.get(&customer.email.to_lowercase()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(unit_amount: i64, interval: Interval, quantity: i64) -> TruthItem {
        TruthItem { price: "price_1".into(), unit_amount, interval, interval_count: 1, quantity }
    }

    fn coupon(off: Off, duration: super::super::Duration) -> CouponTerms {
        CouponTerms { name: "Welcome".into(), off, duration }
    }

    #[test]
    fn two_seats_a_year_with_a_quarter_off_forever_come_to_150_a_month() {
        let off = coupon(Off::Percent(25), super::super::Duration::Forever);
        assert_eq!(item(120_000, Interval::Year, 2).mrr_micros(Some(&off)), 15_000_000_000);
    }

    #[test]
    fn an_amount_is_off_each_invoice_and_never_makes_a_price_negative() {
        let off = |minor| Off::Amount { minor, currency: "gbp".into() };
        let yearly = coupon(off(2_400), super::super::Duration::Forever);
        assert_eq!(item(24_000, Interval::Year, 1).mrr_micros(Some(&yearly)), 1_800_000_000);
        let large = coupon(off(5_000), super::super::Duration::Forever);
        assert_eq!(item(4_900, Interval::Month, 1).mrr_micros(Some(&large)), 0);
    }

    #[test]
    fn coupons_that_end_do_not_subtract() {
        let once = coupon(Off::Percent(50), super::super::Duration::Once);
        assert_eq!(item(1_900, Interval::Month, 1).mrr_micros(Some(&once)), 1_900_000_000);
    }

    #[test]
    fn a_year_is_rounded_to_a_millionth() {
        assert_eq!(item(1_000, Interval::Year, 1).mrr_micros(None), 83_333_333);
        assert_eq!(half_even(5, 2), 2);
        assert_eq!(half_even(7, 2), 4);
    }
}
