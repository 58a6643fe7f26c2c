//! What an invoice would say for each item of a subscription, before discounts.

use num_bigint::BigInt;
use num_traits::Zero;

use super::exact::{self, Exact, fraction, whole};
use super::periods::{self, Period};
use super::{Catalog, Unpriced};
use crate::facts::{InvoiceLine, PriceTerms, SubscriptionItem, SubscriptionState, Tier, TransformQuantity};

/// One item's line on the subscription's invoice, in minor units for one period.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The item.
    pub(super) item: &'a SubscriptionItem,
    /// Before discounts, never below 0.
    pub(super) list: Exact,
    /// After the discounts subtracted so far, never below 0.
    pub(super) net: Exact,
    /// How often it is due.
    pub(super) period: Period,
    /// What turns the line into MRR: the share of a month, and tax taken out.
    pub(super) monthly: Exact,
}

/// Gives the lines of the items that recur by themselves; metered and one-time prices have none.
pub(super) fn of<'a>(
    state: &'a SubscriptionState,
    catalog: &impl Catalog,
) -> Result<Vec<Line<'a>>, Unpriced> {
    if let Some(total) = state.items_cut_from {
        let total = Some(total).filter(|total| *total > 0);
        return Err(Unpriced::ItemsMissing { shown: state.items.len(), total });
    }
    if let Some(item) = state.items.iter().find(|item| item.price.is_named_only()) {
        return Err(Unpriced::Price { price: item.price.id.clone() });
    }
    let currency = currency(state);
    state
        .items
        .iter()
        .filter(|item| is_fixed(&item.price))
        .map(|item| line(item, currency, catalog))
        .collect()
}

/// Gives the subscription's currency: its own, else that of its first price that says one.
pub(super) fn currency(state: &SubscriptionState) -> &str {
    let prices = state.items.iter().map(|item| item.price.currency.as_str());
    std::iter::once(state.currency.as_str()).chain(prices).find(|currency| !currency.is_empty()).unwrap_or("")
}

/// Gives the period of an item that recurs by itself.
pub(super) fn period(item: &SubscriptionItem, catalog: &impl Catalog) -> Option<Period> {
    if !is_fixed(&item.price) {
        return None;
    }
    periods::of(&item.price, || invoice_line(item, catalog)).ok()
}

fn is_fixed(price: &PriceTerms) -> bool {
    price.recurring.as_ref().is_some_and(|recurring| recurring.usage_type != "metered")
}

fn line<'a>(
    item: &'a SubscriptionItem,
    currency: &str,
    catalog: &impl Catalog,
) -> Result<Line<'a>, Unpriced> {
    let list = amount(item, currency, catalog)?.max(Exact::zero());
    let period = periods::of(&item.price, || invoice_line(item, catalog))?;
    let monthly = period.per_month() * share_without_tax(item)?;
    Ok(Line { item, net: list.clone(), list, period, monthly })
}

fn invoice_line<'c>(item: &SubscriptionItem, catalog: &'c impl Catalog) -> Option<&'c InvoiceLine> {
    catalog.invoice_line(item).filter(|line| !line.proration)
}

/// Computes the line from the price, else takes the last invoice's word for it.
fn amount(item: &SubscriptionItem, currency: &str, catalog: &impl Catalog) -> Result<Exact, Unpriced> {
    let computed = match mismatch(&item.price, currency) {
        Some(mismatch) => Err(mismatch),
        None if is_tiered(&item.price) => tiered(item, catalog),
        None => per_unit(item),
    };
    match computed {
        Err(missing) if is_answered_by_an_invoice(&missing) => {
            invoice_line(item, catalog).map(|line| whole(line.amount)).ok_or(missing)
        }
        computed => computed,
    }
}

fn is_answered_by_an_invoice(missing: &Unpriced) -> bool {
    matches!(
        missing,
        Unpriced::Tiers { .. }
            | Unpriced::TiersMode { .. }
            | Unpriced::BeyondTiers { .. }
            | Unpriced::UnitAmount { .. }
            | Unpriced::Currency { .. }
    )
}

/// Tells of a price that is not in the subscription's currency: one of several currencies shows its default one.
fn mismatch(price: &PriceTerms, expected: &str) -> Option<Unpriced> {
    let differs = !price.currency.is_empty() && !price.currency.eq_ignore_ascii_case(expected);
    differs.then(|| Unpriced::Currency {
        price: price.id.clone(),
        currency: price.currency.clone(),
        expected: expected.to_owned(),
    })
}

fn is_tiered(price: &PriceTerms) -> bool {
    price.billing_scheme == "tiered" || (price.unit_amount.is_none() && price.tiers_mode.is_some())
}

fn per_unit(item: &SubscriptionItem) -> Result<Exact, Unpriced> {
    let price = &item.price;
    let text = price.unit_amount.as_ref().ok_or_else(|| Unpriced::UnitAmount { price: price.id.clone() })?;
    let unit_amount = exact::number(text, || format!("unit amount of price {}", price.id))?;
    let quantity = item.quantity.unwrap_or(1);
    let units = match &price.transform_quantity {
        Some(packages) => packed(quantity, packages, &price.id)?,
        None => whole(quantity),
    };
    Ok(unit_amount * units)
}

fn packed(quantity: i64, packages: &TransformQuantity, price: &str) -> Result<Exact, Unpriced> {
    if packages.divide_by <= 0 {
        return Err(Unpriced::DivideBy { price: price.to_owned(), divide_by: packages.divide_by });
    }
    let exactly = fraction(quantity, packages.divide_by);
    match packages.round.as_str() {
        "up" => Ok(exactly.ceil()),
        "down" => Ok(exactly.floor()),
        round => Err(Unpriced::Rounding { price: price.to_owned(), round: round.to_owned() }),
    }
}

/// Looks the quantity up in the price's tiers.
///
/// Graduated prices charge each unit by the tier it falls into, volume prices
/// charge all units by the tier of the last. A tier's flat amount is due once
/// when it is reached; the first tier is reached by a quantity of 0 as well,
/// which is how flat fees with overage are made. A tier charges only what it
/// names. Source: <https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing>.
fn tiered(item: &SubscriptionItem, catalog: &impl Catalog) -> Result<Exact, Unpriced> {
    let price = &item.price;
    let shown = price.tiers.as_deref().filter(|tiers| !tiers.is_empty());
    let mut tiers: Vec<&Tier> = shown
        .or_else(|| catalog.tiers(&price.id).filter(|tiers| !tiers.is_empty()))
        .ok_or_else(|| Unpriced::Tiers { price: price.id.clone() })?
        .iter()
        .collect();
    tiers.sort_by_key(|tier| tier.up_to.unwrap_or(i64::MAX));
    let quantity = item.quantity.unwrap_or(1).max(0);
    let last = tiers
        .iter()
        .position(|tier| tier.up_to.is_none_or(|up_to| quantity <= up_to))
        .ok_or_else(|| Unpriced::BeyondTiers { price: price.id.clone(), quantity })?;
    match price.tiers_mode.as_deref() {
        Some("volume") => charge(tiers[last], quantity, &price.id),
        Some("graduated") => {
            let mut sum = Exact::zero();
            let mut below = 0;
            for tier in &tiers[..=last] {
                let top = tier.up_to.map_or(quantity, |up_to| up_to.min(quantity));
                sum += charge(tier, top.saturating_sub(below), &price.id)?;
                below = top;
            }
            Ok(sum)
        }
        mode => Err(Unpriced::TiersMode { price: price.id.clone(), mode: mode.unwrap_or("").to_owned() }),
    }
}

fn charge(tier: &Tier, units: i64, price: &str) -> Result<Exact, Unpriced> {
    let read = |text: &Option<String>, what: &str| match text {
        Some(text) => exact::number(text, || format!("tier's {what} of price {price}")),
        None => Ok(Exact::zero()),
    };
    let each = read(&tier.unit_amount, "unit amount")?;
    let flat = read(&tier.flat_amount, "flat amount")?;
    Ok(each * whole(BigInt::from(units)) + flat)
}

/// Gives the part of a tax-inclusive price that is not tax; all of it where the rate is not known.
fn share_without_tax(item: &SubscriptionItem) -> Result<Exact, Unpriced> {
    let inclusive = item.price.tax_behavior.as_deref() == Some("inclusive");
    match &item.inclusive_tax_percent {
        Some(text) if inclusive => {
            let what = || format!("tax rate of subscription item {}", item.id);
            let rate = exact::number(text, what)?;
            if rate < Exact::zero() {
                return Err(Unpriced::Number { what: what(), text: text.clone() });
            }
            Ok(whole(100) / (whole(100) + rate))
        }
        _ => Ok(whole(1)),
    }
}
