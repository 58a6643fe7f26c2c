//! What discounts take off the lines of a subscription.
//!
//! Item discounts come before subscription discounts, each list in its own
//! order, each discount on what the ones before have left. A customer's
//! discount applies only where neither the subscription nor an item of it has
//! one of its own. A coupon limited to products leaves the other items alone.
//!
//! | coupon duration | policy `stripe` | policy `conservative` |
//! |---|---|---|
//! | forever | subtract | subtract |
//! | repeating | do not subtract | subtract while `start <= t < end` |
//! | once | do not subtract | subtract for one period of the item from `start` |
//!
//! A duration that Stripe may add is taken for `repeating`: not known to last,
//! so not recurring to Stripe, and charged less while it runs.
//!
//! An amount off is a sum per invoice. It is split over the eligible lines in
//! proportion to what is left of them, before they are turned into months, and
//! never takes more than there is.

use chrono::{DateTime, Utc};
use num_traits::{One, Zero};

use super::exact::{self, Exact, fraction, whole};
use super::lines::{self, Line};
use super::{Catalog, Policy, Unpriced};
use crate::facts::{CouponTerms, DiscountTerms, SubscriptionState};

/// Subtracts what the policy subtracts at an instant from the lines.
pub(super) fn subtract(
    lines: &mut [Line<'_>],
    state: &SubscriptionState,
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
    policy: Policy,
    at: DateTime<Utc>,
) -> Result<(), Unpriced> {
    if lines.iter().all(|line| line.list.is_zero()) {
        return Ok(());
    }
    let currency = lines::currency(state);
    let take_off = |lines: &mut [Line<'_>], discount: &DiscountTerms| {
        let coupon = subtracted_coupon(discount, lines, catalog, policy, at)?;
        coupon.map_or(Ok(()), |coupon| apply(lines, discount, coupon, currency, at))
    };
    for line in lines.iter_mut() {
        for id in &line.item.discounts {
            take_off(std::slice::from_mut(line), known(id, catalog)?)?;
        }
    }
    for id in &state.discounts {
        take_off(lines, known(id, catalog)?)?;
    }
    if !has_its_own(state, lines, catalog, at)
        && let Some(discount) = of_customer(customer_discounts, lines, catalog, at)
    {
        take_off(lines, discount)?;
    }
    Ok(())
}

/// Gives every instant at which a discount might begin or cease to count, in no order.
pub(super) fn turning_points(
    state: &SubscriptionState,
    customer_discounts: &[&DiscountTerms],
    catalog: &impl Catalog,
) -> Vec<DateTime<Utc>> {
    let listed = listed(state).filter_map(|id| catalog.discount(id));
    let of_customer = customer_discounts.iter().copied().filter(|discount| is_of_customer(discount));
    let mut instants = Vec::new();
    for discount in listed.chain(of_customer) {
        instants.extend(discount.start.into_iter().chain(discount.end));
        if is_once(discount, catalog)
            && let Some(start) = discount.start
        {
            let periods = state.items.iter().filter_map(|item| lines::period(item, catalog));
            instants.extend(periods.filter_map(|period| period.after(start)));
        }
    }
    instants
}

fn known<'a>(id: &str, catalog: &'a impl Catalog) -> Result<&'a DiscountTerms, Unpriced> {
    catalog.discount(id).ok_or_else(|| Unpriced::Discount { discount: id.to_owned() })
}

fn listed(state: &SubscriptionState) -> impl Iterator<Item = &String> {
    state.items.iter().flat_map(|item| &item.discounts).chain(&state.discounts)
}

fn has_its_own(
    state: &SubscriptionState,
    lines: &[Line<'_>],
    catalog: &impl Catalog,
    at: DateTime<Utc>,
) -> bool {
    listed(state).any(|id| catalog.discount(id).is_none_or(|own| stands(own, lines, catalog, at)))
}

/// Picks the customer's discount; a customer has one at a time, so the last one given it is.
fn of_customer<'a>(
    discounts: &[&'a DiscountTerms],
    lines: &[Line<'_>],
    catalog: &impl Catalog,
    at: DateTime<Utc>,
) -> Option<&'a DiscountTerms> {
    discounts
        .iter()
        .copied()
        .filter(|discount| is_of_customer(discount) && stands(discount, lines, catalog, at))
        .max_by_key(|discount| (discount.start, discount.id.as_str()))
}

fn is_of_customer(discount: &DiscountTerms) -> bool {
    !discount.narrow && discount.subscription.is_none()
}

/// Tells whether a discount bears on the invoices that are current at an instant.
///
/// One that was deleted nobody knows when is over. One for a single invoice
/// ends with that invoice, and bears on it for the rest of its period.
fn stands(discount: &DiscountTerms, lines: &[Line<'_>], catalog: &impl Catalog, at: DateTime<Utc>) -> bool {
    let has_begun = discount.start.is_none_or(|start| start <= at);
    let has_ended = discount.end.map_or(discount.deleted, |end| end <= at);
    let still_bears =
        || is_once(discount, catalog) && lines.iter().any(|line| is_in_first_period(discount, line, at));
    has_begun && (!has_ended || still_bears())
}

fn is_once(discount: &DiscountTerms, catalog: &impl Catalog) -> bool {
    let coupon = discount.coupon.as_ref().and_then(|id| catalog.coupon(id));
    coupon.is_some_and(|coupon| coupon.duration == "once")
}

/// Tells whether the period of a line that a discount began in still runs.
///
/// Without the discount's start that period is not known, and none runs.
fn is_in_first_period(discount: &DiscountTerms, line: &Line<'_>, at: DateTime<Utc>) -> bool {
    discount.start.is_some_and(|start| line.period.after(start).is_none_or(|end| at < end))
}

/// Gives the coupon of a discount that counts at an instant, `None` for one that does not.
///
/// What is over, or has not begun, needs no coupon to be left out.
fn subtracted_coupon<'a>(
    discount: &DiscountTerms,
    lines: &[Line<'_>],
    catalog: &'a impl Catalog,
    policy: Policy,
    at: DateTime<Utc>,
) -> Result<Option<&'a CouponTerms>, Unpriced> {
    if !stands(discount, lines, catalog, at) {
        return Ok(None);
    }
    let id =
        discount.coupon.as_ref().ok_or_else(|| Unpriced::DiscountCoupon { discount: discount.id.clone() })?;
    let coupon = catalog.coupon(id).ok_or_else(|| Unpriced::Coupon { coupon: id.clone() })?;
    let counts = match policy {
        Policy::Stripe => coupon.duration == "forever",
        Policy::Conservative => true,
    };
    Ok(counts.then_some(coupon))
}

/// Takes one discount off the lines it is for.
fn apply(
    lines: &mut [Line<'_>],
    discount: &DiscountTerms,
    coupon: &CouponTerms,
    currency: &str,
    at: DateTime<Utc>,
) -> Result<(), Unpriced> {
    let mut eligible = Vec::with_capacity(lines.len());
    for line in lines {
        if is_eligible(line, coupon)? {
            eligible.push(line);
        }
    }
    let left: Exact = eligible.iter().map(|line| &line.net).sum();
    let kept = Exact::one() - share_off(coupon, &left, currency)?;
    for line in eligible {
        if coupon.duration != "once" || is_in_first_period(discount, line, at) {
            line.net *= &kept;
        }
    }
    Ok(())
}

fn is_eligible(line: &Line<'_>, coupon: &CouponTerms) -> Result<bool, Unpriced> {
    if coupon.products.is_empty() {
        return Ok(true);
    }
    let price = &line.item.price;
    match &price.product {
        Some(product) => Ok(coupon.products.contains(product)),
        None => Err(Unpriced::Product { price: price.id.clone(), coupon: coupon.id.clone() }),
    }
}

/// Gives the share of the lines that a coupon takes off, from 0 to 1.
///
/// An amount in another currency than the subscription's takes nothing off.
fn share_off(coupon: &CouponTerms, left: &Exact, currency: &str) -> Result<Exact, Unpriced> {
    let share = if let Some(text) = &coupon.percent_off {
        exact::number(text, || format!("percentage of coupon {}", coupon.id))? / whole(100)
    } else if let Some(amount) = coupon.amount_off {
        let applies = coupon.currency.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(currency));
        if applies && !left.is_zero() { fraction(amount, 1) / left } else { Exact::zero() }
    } else {
        return Err(Unpriced::CouponValue { coupon: coupon.id.clone() });
    };
    Ok(share.clamp(Exact::zero(), Exact::one()))
}
