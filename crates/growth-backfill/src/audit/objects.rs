//! Objects as one side has them: only what is compared.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use growth_domain::money::{Micros, format_micros, format_minor};
use serde::{Serialize, Serializer};

use crate::lists::List;

/// A kind of objects that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A payment intent, a charge without one, or an invoice that was paid in another way.
    Payment,
    /// A refund.
    Refund,
    /// A dispute.
    Dispute,
    /// An invoice that is no draft: nothing counts a draft, and it may still change and go.
    Invoice,
    /// A subscription.
    Subscription,
}

impl Kind {
    /// Every kind, in the order in which people look at them.
    pub const ALL: [Self; 5] =
        [Self::Payment, Self::Refund, Self::Dispute, Self::Invoice, Self::Subscription];

    /// The lists without which it cannot be compared.
    pub(super) fn needs(self) -> &'static [List] {
        match self {
            Self::Payment => &[List::PaymentIntents, List::Charges, List::Invoices],
            Self::Refund => &[List::Refunds, List::Charges],
            Self::Dispute => &[List::Disputes],
            Self::Invoice => &[List::Invoices],
            Self::Subscription => &[List::Subscriptions, List::Prices, List::Coupons],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Invoice => "invoice",
            Self::Subscription => "subscription",
        })
    }
}

/// What one side says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    NotKnown,
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// An instant.
    At(DateTime<Utc>),
    /// Minor units.
    Minor(i64),
    /// Millionths of a minor unit.
    Micros(i64),
}

impl Told {
    /// Writes it for people; amounts are of `currency`.
    pub fn to_text(&self, currency: &str) -> String {
        match self {
            Self::NotKnown => "not known".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Self::At(at) => at.to_rfc3339_opts(SecondsFormat::Secs, true),
            Self::Minor(amount) => format_minor((*amount).into(), currency),
            Self::Micros(amount) => format_micros(Micros((*amount).into()), currency),
        }
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NotKnown => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::At(at) => at.serialize(serializer),
            Self::Minor(amount) | Self::Micros(amount) => serializer.serialize_i64(*amount),
        }
    }
}

impl From<&str> for Told {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T> From<Option<T>> for Told
where
    Self: From<T>,
{
    fn from(told: Option<T>) -> Self {
        told.map_or(Self::NotKnown, Self::from)
    }
}

impl From<DateTime<Utc>> for Told {
    fn from(at: DateTime<Utc>) -> Self {
        Self::At(at)
    }
}

/// An object as one side has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) created: DateTime<Utc>,
    pub(super) currency: String,
    /// What the side says, in the order in which people look at it. What a side does not show is not there.
    pub(super) fields: Vec<(&'static str, Told)>,
    /// A refund that only its charge tells of, which is no object at Stripe.
    pub(super) by_charge: bool,
}

/// Fields that follow from others: where one of those before them differs, they say nothing new.
const CONSEQUENCES: [&str; 6] = ["counted", "refunded", "paid_at", "fee", "fee_currency", "mrr"];

/// Of a payment that was waited for, an event tells when it succeeded, and the API when it was booked.
const SAME_TIME: TimeDelta = TimeDelta::days(1);

impl Object {
    /// What it says of a field; `None` where it does not show it.
    pub(super) fn get(&self, field: &str) -> Option<&Told> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, told)| told)
    }

    /// The charge that alone tells of it.
    pub(super) fn charge_id(&self) -> &str {
        self.id.split('#').next().unwrap_or_default()
    }

    pub(super) fn says(&self, field: &str, text: &str) -> bool {
        matches!(self.get(field), Some(Told::Text(told)) if told == text)
    }

    /// In which fields our object differs from what Stripe shows of it: ours, and theirs.
    pub(super) fn differs_from(&self, theirs: &Self) -> Vec<(&'static str, Told, Told)> {
        let mut differences = Vec::new();
        for (field, told) in theirs.fields.iter().filter(|(_, told)| *told != Told::NotKnown) {
            let ours = self.get(field).cloned().unwrap_or(Told::NotKnown);
            let is_news = differences.is_empty() || !CONSEQUENCES.contains(field);
            if is_news && !agree(field, &ours, told) {
                differences.push((*field, ours, told.clone()));
            }
        }
        differences
    }
}

/// Whether what our side says of a field is no other than what Stripe's says.
fn agree(field: &str, ours: &Told, theirs: &Told) -> bool {
    match (field, ours, theirs) {
        ("paid_at", Told::At(ours), Told::At(theirs)) => (*ours - *theirs).abs() <= SAME_TIME,
        // That an attempt failed is told by an event; an intent that waits for the next one does not say so any more.
        ("status", Told::Text(ours), Told::Text(theirs)) => {
            ours == theirs || (ours == "failed" && theirs == "pending")
        }
        // An event shows ten items at most. What all of them are worth is compared by itself.
        ("items", Told::NotKnown, _) => true,
        _ => ours == theirs,
    }
}
