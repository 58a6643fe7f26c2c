//! Subscriptions, with what their items cost.

use chrono::{DateTime, Utc};
use growth_domain::facts::{
    Claim, Fact, PriceTerms, Replaced, SubscriptionFact, SubscriptionItem, SubscriptionState,
};
use growth_domain::rank;
use serde_json::{Map, Value};

use crate::catalog::{self, Use};
use crate::customers::owner;
use crate::decimals;
use crate::extract::{Cut, ExtractError, Extraction, Origin};
use crate::fields::Fields;
use crate::previous;

/// Reads a subscription, its claim, and the prices, discounts and coupons that it shows.
pub(crate) fn subscription(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let mut shown = Extraction::default();
    let state = read_state(fields, origin, &mut shown)?;
    let list = fields.list(["items"])?;
    if list.is_cut() {
        let shown = list.expanded().count();
        out.cut.push(Cut { object: state.id.clone(), list: "items", shown, total: list.total() });
    }
    let stamp = origin.stamp(rank::subscription(&state.status, origin.event_type));
    let claim = Claim {
        stamp: stamp.clone(),
        source: state.id.clone(),
        customer: state.customer.clone(),
        client_reference_id: None,
        user_id: state.user_id.clone(),
        email: None,
    };
    out.push(Fact::Subscription(Box::new(SubscriptionFact {
        stamp,
        from_event: origin.from_event,
        event_type: origin.event_type.to_owned(),
        replaced: origin.previous.and_then(|previous| replaced(fields, previous, origin, &state)),
        state,
    })));
    out.push(Fact::Claim(claim));
    shown.facts.into_iter().for_each(|fact| out.push(fact));
    Ok(())
}

fn read_state(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    shown: &mut Extraction,
) -> Result<SubscriptionState, ExtractError> {
    let id = fields.required_id()?;
    let customer = owner(fields)?.ok_or_else(|| fields.missing(["customer"]))?;
    let told_currency = fields.currency(["currency"])?;
    let holder = Use { customer: Some(&customer), subscription: Some(&id), narrow: false };
    let items = read_items(fields, told_currency.as_deref(), &holder, origin, shown)?;
    let discounts = read_discounts(fields, &holder, origin, shown)?;
    let first_currency =
        || items.iter().map(|item| item.price.currency.clone()).find(|currency| !currency.is_empty());
    let currency = told_currency.or_else(first_currency).ok_or_else(|| fields.missing(["currency"]))?;
    let list = fields.list(["items"])?;
    Ok(SubscriptionState {
        currency,
        created: fields.instant(["created"])?,
        start_date: fields.instant(["start_date"])?,
        status: fields.required_text(["status"])?,
        deleted: origin.deletes(),
        paused: fields.has(["pause_collection"]),
        trial_end: fields.instant(["trial_end"])?,
        period_start: instants(fields, "current_period_start")?.into_iter().min(),
        period_end: instants(fields, "current_period_end")?.into_iter().max(),
        cancel_at_period_end: fields.flag(["cancel_at_period_end"])?,
        cancel_at: fields.instant(["cancel_at"])?,
        canceled_at: fields.instant(["canceled_at"])?,
        ended_at: fields.instant(["ended_at"])?,
        cancellation_reason: fields.text(["cancellation_details.reason"])?,
        items,
        items_cut_from: list.is_cut().then(|| list.total().unwrap_or(0)),
        discounts,
        user_id: fields.label(["metadata.user_id"])?,
        id,
        customer,
    })
}

/// Reads what an update replaced; `None` where the object before it cannot be read.
fn replaced(
    fields: &Fields<'_>,
    previous: &Map<String, Value>,
    origin: &Origin<'_>,
    after: &SubscriptionState,
) -> Option<Replaced> {
    if !previous::matters(previous) {
        return Some(Replaced::default());
    }
    let object = previous::object(fields.map(), previous);
    let before = Fields::open(&object, "subscription");
    let mut before = read_state(&before, &origin.inside(), &mut Extraction::default()).ok()?;
    if after.items_cut_from.is_some() || before.items_cut_from.is_some() {
        before.items.clone_from(&after.items);
    }
    Some(Replaced::between(before, after))
}

/// Reads the items; the oldest subscriptions are their one item themselves.
fn read_items(
    fields: &Fields<'_>,
    currency: Option<&str>,
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Vec<SubscriptionItem>, ExtractError> {
    if !fields.has(["items"]) {
        let Some(price) = catalog::shown_price(fields, currency, origin, out)? else {
            return Err(fields.missing(["items"]));
        };
        let id = format!("{}:{}", fields.required_id()?, price.id);
        let quantity = quantity(fields, &price)?;
        let inclusive_tax_percent = inclusive_tax(fields, fields)?;
        return Ok(vec![SubscriptionItem {
            id,
            price,
            quantity,
            discounts: Vec::new(),
            inclusive_tax_percent,
        }]);
    }
    let list = fields.list(["items"])?;
    list.expanded()
        .map(|item| {
            let price =
                catalog::shown_price(item, currency, origin, out)?.ok_or_else(|| item.missing(["price"]))?;
            let narrow = Use { narrow: true, ..*holder };
            Ok(SubscriptionItem {
                id: item.required_id()?,
                quantity: quantity(item, &price)?,
                price,
                discounts: catalog::shown_discounts(item, ["discounts"], &narrow, origin, out)?,
                inclusive_tax_percent: inclusive_tax(item, fields)?,
            })
        })
        .collect()
}

/// Reads the quantity; a metered price has none, whatever the payload says.
fn quantity(fields: &Fields<'_>, price: &PriceTerms) -> Result<Option<i64>, ExtractError> {
    let quantity = fields.count(["quantity"])?;
    let is_metered = price.recurring.as_ref().is_some_and(|recurring| recurring.usage_type == "metered");
    Ok(quantity.filter(|_| !is_metered))
}

/// Reads the discounts on the whole subscription: the list, else the one that old versions show.
fn read_discounts(
    fields: &Fields<'_>,
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<Vec<String>, ExtractError> {
    // Versions in between show both, with the discount expanded and its id in the list.
    let single = catalog::shown_discount(fields, ["discount"], holder, origin, out)?;
    let listed = catalog::shown_discounts(fields, ["discounts"], holder, origin, out)?;
    Ok(if listed.is_empty() { single.into_iter().collect() } else { listed })
}

/// Reads an instant of every item that says it, else of the subscription.
fn instants(fields: &Fields<'_>, path: &str) -> Result<Vec<DateTime<Utc>>, ExtractError> {
    let list = fields.list(["items"])?;
    let mut instants = Vec::new();
    for item in list.expanded() {
        instants.extend(item.instant([path])?);
    }
    if instants.is_empty() {
        instants.extend(fields.instant([path])?);
    }
    Ok(instants)
}

/// Sums the inclusive tax rates of an item, or of its subscription where the item has none of its own.
fn inclusive_tax(item: &Fields<'_>, subscription: &Fields<'_>) -> Result<Option<String>, ExtractError> {
    let own = item.list(["tax_rates"])?;
    let rates = if own.entries().is_empty() { subscription.list(["default_tax_rates"])? } else { own };
    let mut percents = Vec::new();
    for rate in rates.expanded() {
        if rate.flag(["inclusive"])? {
            let percent = rate.decimal(["percentage"])?.ok_or_else(|| rate.missing(["percentage"]))?;
            percents.push(percent);
        }
    }
    if percents.is_empty() {
        return Ok(None);
    }
    let total = decimals::sum(&percents);
    total.map(Some).ok_or_else(|| item.problem("tax_rates", "add up to more digits than can be counted"))
}
