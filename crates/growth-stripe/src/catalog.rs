//! What is sold and what is taken off it: prices, old plans, products, coupons and discounts.

use growth_domain::facts::{
    CouponFact, CouponTerms, DiscountFact, DiscountTerms, Fact, PriceFact, PriceTerms, ProductFact,
    Recurring, Tier, TransformQuantity,
};
use growth_domain::rank;

use crate::customers::owner;
use crate::extract::{ExtractError, Extraction, Origin};
use crate::fields::{Expandable, Fields};

/// Who has a discount, by the object that shows it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use<'a> {
    /// `cus_…`
    pub(crate) customer: Option<&'a str>,
    /// `sub_…`
    pub(crate) subscription: Option<&'a str>,
    /// Whether it is on one item only.
    pub(crate) narrow: bool,
}

/// Reads a price.
pub(crate) fn price(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    if is_stub(fields, "currency")? {
        return Ok(());
    }
    push_price(fields, price_terms(fields)?, origin, out)
}

/// Reads a plan: what a price was called before there were prices.
pub(crate) fn plan(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    if is_stub(fields, "currency")? {
        return Ok(());
    }
    push_price(fields, plan_terms(fields)?, origin, out)
}

/// Reads a product.
pub(crate) fn product(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let deleted = origin.deletes() || fields.flag(["deleted"])?;
    out.push(Fact::Product(ProductFact {
        stamp: origin.stamp(rank::catalog(if deleted { "product.deleted" } else { origin.event_type })),
        id: fields.required_id()?,
        name: fields.text(["name"])?,
        deleted,
    }));
    Ok(())
}

/// Reads a coupon.
pub(crate) fn coupon(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    if is_stub(fields, "duration")? {
        return Ok(());
    }
    let terms = CouponTerms {
        id: fields.required_id()?,
        name: fields.text(["name"])?,
        percent_off: fields.decimal(["percent_off"])?,
        amount_off: fields.amount(["amount_off"])?,
        currency: fields.currency(["currency"])?,
        duration: fields.required_text(["duration"])?,
        products: ids(fields, "applies_to.products")?,
    };
    out.push(Fact::Coupon(CouponFact {
        stamp: origin.stamp(rank::catalog(origin.event_type)),
        terms,
        deleted: origin.deletes(),
    }));
    Ok(())
}

/// Reads a discount by itself, and its coupon where it is expanded.
pub(crate) fn discount(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    push_discount(fields, &Use::default(), origin, out).map(drop)
}

/// Reads the discount at the first of the paths and gives its id.
pub(crate) fn shown_discount<const N: usize>(
    fields: &Fields<'_>,
    paths: [&str; N],
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Option<String>, ExtractError> {
    match fields.expandable(paths)? {
        Some(shown) => entry_discount(&shown, holder, origin, out),
        None => Ok(None),
    }
}

/// Reads the discounts in the list at the first of the paths and gives their ids in its order.
pub(crate) fn shown_discounts<const N: usize>(
    fields: &Fields<'_>,
    paths: [&str; N],
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Vec<String>, ExtractError> {
    let list = fields.list(paths)?;
    let mut ids = Vec::new();
    for entry in list.entries() {
        ids.extend(entry_discount(entry, holder, origin, out)?);
    }
    Ok(ids)
}

/// Reads the price of a subscription item or invoice line, as far as it is shown.
///
/// The terms are in the given currency where the price has it among its
/// `currency_options`, else in the price's own.
pub(crate) fn shown_price(
    fields: &Fields<'_>,
    currency: Option<&str>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Option<PriceTerms>, ExtractError> {
    for path in ["price", "pricing.price_details.price"] {
        if let Some(Expandable::Object(shown)) = fields.expandable([path])?
            && !is_stub(&shown, "currency")?
        {
            let terms = price_terms(&shown)?;
            push_price(&shown, terms.clone(), &origin.inside(), out)?;
            return in_currency(&shown, terms, currency).map(Some);
        }
    }
    if let Some(Expandable::Object(shown)) = fields.expandable(["plan"])?
        && !is_stub(&shown, "currency")?
    {
        let terms = plan_terms(&shown)?;
        push_price(&shown, terms.clone(), &origin.inside(), out)?;
        return Ok(Some(terms));
    }
    let id = fields.reference(["pricing.price_details.price", "price", "plan"])?;
    Ok(id.map(|id| PriceTerms { id, ..PriceTerms::default() }))
}

/// Adds a price and, where it is expanded, the product that it is a price of.
fn push_price(
    fields: &Fields<'_>,
    terms: PriceTerms,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let stamp = origin.stamp(rank::catalog(origin.event_type));
    out.push(Fact::Price(PriceFact { stamp, terms, deleted: origin.deletes() }));
    match fields.expandable(["product"])? {
        Some(Expandable::Object(shown)) => product(&shown, &origin.inside(), out),
        _ => Ok(()),
    }
}

fn price_terms(fields: &Fields<'_>) -> Result<PriceTerms, ExtractError> {
    let recurring = match fields.child(["recurring"])? {
        Some(recurring) => Some(read_recurring(&recurring)?),
        None => None,
    };
    Ok(PriceTerms {
        id: fields.required_id()?,
        product: fields.reference(["product"])?,
        nickname: fields.text(["nickname"])?,
        currency: fields.required_currency(["currency"])?,
        unit_amount: fields.decimal(["unit_amount_decimal", "unit_amount"])?,
        recurring,
        billing_scheme: billing_scheme(fields)?,
        tiers_mode: fields.text(["tiers_mode"])?,
        tiers: read_tiers(fields)?,
        transform_quantity: read_transform(fields, "transform_quantity")?,
        tax_behavior: fields.text(["tax_behavior"])?,
    })
}

fn plan_terms(fields: &Fields<'_>) -> Result<PriceTerms, ExtractError> {
    Ok(PriceTerms {
        id: fields.required_id()?,
        product: fields.reference(["product"])?,
        nickname: fields.text(["nickname", "name"])?,
        currency: fields.required_currency(["currency"])?,
        unit_amount: fields.decimal(["amount_decimal", "amount"])?,
        recurring: Some(read_recurring(fields)?),
        billing_scheme: billing_scheme(fields)?,
        tiers_mode: fields.text(["tiers_mode"])?,
        tiers: read_tiers(fields)?,
        transform_quantity: read_transform(fields, "transform_usage")?,
        tax_behavior: None,
    })
}

/// Puts the amounts of one of the price's other currencies in the place of its own.
fn in_currency(
    fields: &Fields<'_>,
    terms: PriceTerms,
    currency: Option<&str>,
) -> Result<PriceTerms, ExtractError> {
    let Some(currency) = currency.filter(|currency| *currency != terms.currency) else { return Ok(terms) };
    let path = format!("currency_options.{currency}");
    let Some(option) = fields.child([path.as_str()])? else { return Ok(terms) };
    Ok(PriceTerms {
        currency: currency.to_owned(),
        unit_amount: option.decimal(["unit_amount_decimal", "unit_amount"])?,
        tiers: read_tiers(&option)?,
        tax_behavior: option.text(["tax_behavior"])?.or(terms.tax_behavior),
        ..terms
    })
}

fn billing_scheme(fields: &Fields<'_>) -> Result<String, ExtractError> {
    Ok(fields.text(["billing_scheme"])?.unwrap_or_else(|| "per_unit".to_owned()))
}

fn read_recurring(fields: &Fields<'_>) -> Result<Recurring, ExtractError> {
    Ok(Recurring {
        interval: fields.required_text(["interval"])?,
        interval_count: fields.divisor(["interval_count"])?.unwrap_or(1),
        usage_type: fields.text(["usage_type"])?.unwrap_or_else(|| "licensed".to_owned()),
    })
}

fn read_tiers(fields: &Fields<'_>) -> Result<Option<Vec<Tier>>, ExtractError> {
    let list = fields.list(["tiers"])?;
    let tiers: Vec<Tier> = list.expanded().map(read_tier).collect::<Result<_, _>>()?;
    Ok((!tiers.is_empty()).then_some(tiers))
}

fn read_tier(fields: &Fields<'_>) -> Result<Tier, ExtractError> {
    // Requests write the open tier as "inf", and so did some early answers.
    let is_open = fields.text(["up_to"]).is_ok_and(|text| text.as_deref() == Some("inf"));
    Ok(Tier {
        up_to: if is_open { None } else { fields.count(["up_to"])? },
        unit_amount: fields.decimal(["unit_amount_decimal", "unit_amount", "amount"])?,
        flat_amount: fields.decimal(["flat_amount_decimal", "flat_amount"])?,
    })
}

fn read_transform(fields: &Fields<'_>, path: &str) -> Result<Option<TransformQuantity>, ExtractError> {
    let Some(transform) = fields.child([path])? else { return Ok(None) };
    let divide_by = transform.divisor(["divide_by"])?.ok_or_else(|| transform.missing(["divide_by"]))?;
    Ok(Some(TransformQuantity { divide_by, round: transform.required_text(["round"])? }))
}

/// Reads a discount inside another object and gives its id.
///
/// One that was deleted holds no more and does not say when it ended; its
/// event does, so only its coupon is read.
fn entry_discount(
    shown: &Expandable<'_>,
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Option<String>, ExtractError> {
    match shown {
        Expandable::Id(id) => Ok(Some(id.clone())),
        Expandable::Object(fields) if fields.flag(["deleted"])? => {
            shown_coupon(fields, origin, out)?;
            Ok(None)
        }
        Expandable::Object(fields) => push_discount(fields, holder, &origin.inside(), out).map(Some),
    }
}

/// Reads a discount and gives its id.
///
/// An invoice shows the discounts of its subscription and customer beside its
/// own, so the discount's own fields say how far it reaches.
fn push_discount(
    fields: &Fields<'_>,
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<String, ExtractError> {
    let coupon = fields.reference(["source.coupon", "coupon"])?;
    let customer = owner(fields)?.or_else(|| holder.customer.map(str::to_owned));
    let subscription = fields.reference(["subscription"])?.or_else(|| holder.subscription.map(str::to_owned));
    let id = match (fields.id()?, subscription.as_ref().or(customer.as_ref()), &coupon) {
        (Some(id), _, _) => id,
        (None, Some(user), Some(coupon)) => format!("{user}:{coupon}"),
        _ => return Err(fields.missing(["id"])),
    };
    // A session in payment mode uses its discount up; one that subscribes gives it to the subscription.
    let of_one_payment = subscription.is_none() && fields.has(["checkout_session"]);
    let narrow =
        holder.narrow || of_one_payment || fields.has(["invoice", "invoice_item", "subscription_item"]);
    let deleted = origin.deletes() || fields.flag(["deleted"])?;
    let end = fields.instant(["end"])?;
    let terms = DiscountTerms {
        id: id.clone(),
        coupon,
        customer,
        subscription,
        narrow,
        start: fields.instant(["start"])?,
        end: if deleted { Some(end.map_or(origin.at, |end| end.min(origin.at))) } else { end },
        deleted,
    };
    let rank = rank::discount(if deleted { "customer.discount.deleted" } else { origin.event_type });
    out.push(Fact::Discount(DiscountFact { stamp: origin.stamp(rank), terms }));
    shown_coupon(fields, origin, out)?;
    Ok(id)
}

/// Reads the coupon of a discount where it is expanded.
fn shown_coupon(fields: &Fields<'_>, origin: &Origin<'_>, out: &mut Extraction) -> Result<(), ExtractError> {
    match fields.expandable(["source.coupon", "coupon"])? {
        Some(Expandable::Object(shown)) => coupon(&shown, &origin.inside(), out),
        _ => Ok(()),
    }
}

/// Whether all that is left of an object is that it was deleted, which its own event tells.
fn is_stub(fields: &Fields<'_>, lost: &str) -> Result<bool, ExtractError> {
    Ok(fields.flag(["deleted"])? && !fields.has([lost]))
}

fn ids(fields: &Fields<'_>, path: &str) -> Result<Vec<String>, ExtractError> {
    let list = fields.list([path])?;
    list.entries()
        .iter()
        .map(|entry| match entry {
            Expandable::Id(id) => Ok(id.clone()),
            Expandable::Object(fields) => fields.required_id(),
        })
        .collect()
}
