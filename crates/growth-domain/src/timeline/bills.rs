//! What a subscription's invoices say of its items.
//!
//! A line that is no proration says what is billed from the start of its period on; the invoice of a
//! cycle or of the creation shows everything that is billed in advance. A proration that adds says what an item
//! became at the start of its period, one that takes off what it had been until then. Metered prices
//! are billed afterwards, so their lines say nothing of that kind.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::facts::{InvoiceLine, PriceTerms, SubscriptionItem};

/// A nested list shows ten entries at most, so that one of ten may not be whole.
const MOST_LINES: usize = 10;

/// An invoice of a subscription, neither draft nor void.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    /// `billing_reason`
    pub reason: Option<String>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// The lines of the subscription.
    pub lines: Vec<InvoiceLine>,
}

/// What an invoice says of items at an instant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemChange<'a> {
    /// These are billed from now on, and no others where the list is whole.
    Billed { lines: Vec<InvoiceLine>, whole: bool },
    /// An item is this from now on; whether it was there before.
    Became { line: &'a InvoiceLine, existed: bool },
    /// An item was this until now; whether something of it goes on, and whether that is something else.
    Was { line: &'a InvoiceLine, goes_on: bool, as_it_was: bool },
}

type Terms<'t> = &'t dyn Fn(&str) -> PriceTerms;

/// Gives what the invoices say between two instants, or at the first of them, in order.
pub(super) fn changes(
    bills: &[Bill],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    is_metered: impl Fn(&str) -> bool,
) -> Vec<(DateTime<Utc>, ItemChange<'_>)> {
    let mut found = Vec::new();
    let mut prorations = Vec::new();
    for bill in bills {
        let lines = bill.lines.iter().filter(|line| !line.price.as_deref().is_none_or(&is_metered));
        let (prorated, regular): (Vec<_>, Vec<_>) = lines.partition(|line| line.proration);
        prorations.extend(prorated);
        let mut by_start: BTreeMap<DateTime<Utc>, Vec<InvoiceLine>> = BTreeMap::new();
        for line in regular {
            let Some(start) = line.period_start else { continue };
            by_start.entry(start).or_default().push(line.clone());
        }
        let shows_all = matches!(bill.reason.as_deref(), Some("subscription_cycle" | "subscription_create"));
        let whole = shows_all && bill.lines.len() < MOST_LINES && by_start.len() == 1;
        found.extend(
            by_start
                .into_iter()
                .map(|(at, lines)| (at, ItemChange::Billed { lines: InvoiceLine::by_item(&lines), whole })),
        );
    }
    for line in &prorations {
        let Some(at) = line.period_start else { continue };
        let others =
            prorations.iter().filter(|other| other.period_start == Some(at) && same_item(line, other));
        let mut others = others.filter(|other| (other.amount < 0) != (line.amount < 0)).peekable();
        let paired = others.peek().is_some();
        let change = if line.amount < 0 {
            let as_it_was =
                others.any(|other| (&other.price, other.quantity) == (&line.price, line.quantity));
            ItemChange::Was { line, goes_on: paired, as_it_was }
        } else {
            ItemChange::Became { line, existed: paired }
        };
        found.push((at, change));
    }
    found.retain(|(at, _)| from <= *at && *at < until);
    found.sort_by_key(|(at, change)| (*at, change.place()));
    found
}

/// When a period that costs something first began between two instants: a trial was over then.
pub(super) fn first_charged(
    bills: &[Bill],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Option<DateTime<Utc>> {
    let lines = bills.iter().flat_map(|bill| &bill.lines);
    let charged = lines.filter(|line| !line.proration && line.amount > 0);
    charged.filter_map(|line| line.period_start).filter(|at| from < *at && *at < until).min()
}

/// When an invoice was first paid between two instants, or at the first of them.
pub(super) fn first_paid(
    bills: &[Bill],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Option<DateTime<Utc>> {
    bills.iter().filter_map(|bill| bill.paid_at).filter(|at| from <= *at && *at < until).min()
}

/// The items before all changes, from those after them.
pub(super) fn rewound(
    items: &[SubscriptionItem],
    changes: &[(DateTime<Utc>, ItemChange<'_>)],
    terms: impl Fn(&str) -> PriceTerms,
) -> Vec<SubscriptionItem> {
    let mut now = items.to_vec();
    for (_, change) in changes.iter().rev() {
        match change {
            ItemChange::Billed { .. } => change.apply(&mut now, items, &terms),
            ItemChange::Became { existed: true, .. } | ItemChange::Was { as_it_was: true, .. } => {}
            ItemChange::Became { line, .. } => now.retain(|item| !is_of(line, item)),
            ItemChange::Was { line, .. } => set(&mut now, line, items, &terms),
        }
    }
    now
}

impl ItemChange<'_> {
    /// What an item was comes before what it became, and that after what was billed anyway.
    fn place(&self) -> u8 {
        match self {
            Self::Was { .. } => 0,
            Self::Billed { .. } => 1,
            Self::Became { .. } => 2,
        }
    }

    /// Changes items, which are to become those of `target` in the end.
    pub(super) fn apply(
        &self,
        items: &mut Vec<SubscriptionItem>,
        target: &[SubscriptionItem],
        terms: impl Fn(&str) -> PriceTerms,
    ) {
        match self {
            Self::Billed { lines, whole } => {
                for line in lines {
                    set(items, line, target, &terms);
                }
                if *whole {
                    items
                        .retain(|item| item.quantity.is_none() || lines.iter().any(|line| is_of(line, item)));
                }
            }
            Self::Became { line, .. } => set(items, line, target, &terms),
            Self::Was { line, goes_on: false, .. } if !target.iter().any(|item| is_of(line, item)) => {
                items.retain(|item| !is_of(line, item));
            }
            Self::Was { .. } => {}
        }
    }
}

fn same_item(a: &InvoiceLine, b: &InvoiceLine) -> bool {
    match (&a.subscription_item, &b.subscription_item) {
        (Some(a), Some(b)) => a == b,
        _ => a.price == b.price,
    }
}

fn is_of(line: &InvoiceLine, item: &SubscriptionItem) -> bool {
    match &line.subscription_item {
        Some(id) => *id == item.id,
        None => line.price.as_ref() == Some(&item.price.id),
    }
}

/// Gives an item the price and quantity of a line; a new one is as `target` has it otherwise.
fn set(items: &mut Vec<SubscriptionItem>, line: &InvoiceLine, target: &[SubscriptionItem], terms: Terms<'_>) {
    let Some(price) = &line.price else { return };
    let found = match items.iter().position(|item| is_of(line, item)) {
        None if line.subscription_item.is_none() && items.len() == 1 => Some(0),
        found => found,
    };
    let index = found.unwrap_or_else(|| {
        let known = target.iter().find(|item| is_of(line, item)).cloned();
        let id = line.subscription_item.clone().unwrap_or_else(|| price.clone());
        items.push(known.unwrap_or(SubscriptionItem { id, ..SubscriptionItem::default() }));
        items.len() - 1
    });
    let item = &mut items[index];
    if item.price.id != *price {
        item.price = terms(price);
    }
    item.quantity = line.quantity.or(item.quantity);
}
