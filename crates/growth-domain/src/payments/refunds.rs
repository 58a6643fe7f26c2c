//! Refunds: those that told of themselves, and those that only their charge tells of.
//!
//! `amount_refunded` of a charge is a sum. What Stripe releases of an authorisation is in it too, and there are
//! refund objects for that, but no money ever moved: the release is taken out of both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::links::Links;
use super::told::{Facts, Told, earliest, latest};
use crate::facts::{Charge, Refund};

/// A refund that is dated so much after a fact of its charge can still be in that fact's sum.
const SKEW: TimeDelta = TimeDelta::seconds(5);

/// The reason of a refund that is the end of an authorisation.
const EXPIRED: &str = "expired_uncaptured_charge";

/// A refund's latest state. The amount is in the currency's minor unit.
#[derive(Clone, Debug, PartialEq)]
pub struct RefundState {
    /// `re_…`. What a charge's `amount_refunded` grew by and no refund told of has the charge's id, and from
    /// the second time on that id with `#2`, `#3`, ….
    pub id: String,
    /// The payment it gives back, where it is known.
    pub payment: Option<String>,
    /// `ch_…`
    pub charge: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Stripe's status.
    pub status: String,
    /// Whether money went back: not where the refund failed or was canceled, or released an authorisation.
    pub counted: bool,
    /// True where only the charge tells of it.
    pub by_charge: bool,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl RefundState {
    pub(super) fn with_payment_in(mut self, payments: &BTreeSet<String>) -> Self {
        self.payment = self.payment.filter(|payment| payments.contains(payment));
        self
    }
}

/// The refunds, each by its id, and for each charge the parts that no refund told of.
pub(super) fn refunds<'a>(facts: &Facts<'a>, links: &Links<'a>) -> Vec<RefundState> {
    let by_charge = known_by_charge(facts, links);
    let mut releases = BTreeSet::new();
    let mut all = Vec::new();
    for (id, told) in &facts.charges {
        let known = by_charge.get(id).map_or(&[][..], Vec::as_slice);
        let released = releases_of(told, known, facts);
        let real: Vec<&Known<'_>> = known.iter().filter(|known| !released.contains(known.id())).collect();
        let payment = latest(told)
            .and_then(|charge| links.payment_of(Some(&charge.id), charge.payment_intent.as_deref()));
        all.extend(untold(told, &real, payment));
        releases.extend(released);
    }
    all.extend(facts.refunds.values().filter_map(|told| {
        let refund = latest(told)?;
        Some(RefundState {
            id: refund.id.clone(),
            payment: links
                .payment_of(refund.charge.as_deref(), refund.payment_intent.as_deref())
                .map(str::to_owned),
            charge: refund.charge.clone(),
            amount: refund.amount,
            currency: refund.currency.clone(),
            status: refund.status.clone(),
            counted: went_back(refund) && !expired(refund) && !releases.contains(refund.id.as_str()),
            by_charge: false,
            reason: refund.reason.clone(),
            created_at: made(told)?,
        })
    }));
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn went_back(refund: &Refund) -> bool {
    !matches!(refund.status.as_str(), "failed" | "canceled")
}

fn expired(refund: &Refund) -> bool {
    refund.reason.as_deref() == Some(EXPIRED)
}

fn made(told: &[Told<'_, Refund>]) -> Option<DateTime<Utc>> {
    told.iter().find_map(|told| told.object.created).or_else(|| earliest(told))
}

/// A refund that told of itself.
struct Known<'a> {
    refund: &'a Refund,
    made: DateTime<Utc>,
    /// When its failure was first told.
    failed: Option<DateTime<Utc>>,
    /// Whether it was told by an event, so that it is when it failed; a reading only says that it has failed.
    failed_then: bool,
}

impl<'a> Known<'a> {
    fn of(told: &[Told<'a, Refund>]) -> Option<Self> {
        let failed = || told.iter().filter(|told| !went_back(told.object));
        let by_event = earliest(failed().filter(|told| told.from_event));
        Some(Self {
            refund: latest(told)?,
            made: made(told)?,
            failed: by_event.or_else(|| earliest(failed())),
            failed_then: by_event.is_some(),
        })
    }

    fn id(&self) -> &'a str {
        &self.refund.id
    }

    /// Whether the sum that a charge shows at this time can hold it. One that failed is in the sums until then.
    fn can_be_in(&self, at: DateTime<Utc>) -> bool {
        self.made - at <= SKEW && self.failed.is_none_or(|failed| failed > at)
    }

    /// Whether the sum that a charge shows at this time must hold it, if it can.
    fn must_be_in(&self, at: DateTime<Utc>) -> bool {
        self.made < at && (self.failed.is_none() || self.failed_then)
    }
}

/// The refunds of each charge, oldest first.
fn known_by_charge<'a>(facts: &Facts<'a>, links: &Links<'a>) -> BTreeMap<&'a str, Vec<Known<'a>>> {
    let mut by_charge: BTreeMap<&str, Vec<Known<'_>>> = BTreeMap::new();
    for known in facts.refunds.values().filter_map(|told| Known::of(told)) {
        let charge = match (&known.refund.charge, &known.refund.payment_intent) {
            (Some(charge), _) => Some(charge.as_str()),
            (None, Some(intent)) => links.succeeded_charge_of(intent, facts),
            (None, None) => None,
        };
        if let Some(charge) = charge {
            by_charge.entry(charge).or_default().push(known);
        }
    }
    for known in by_charge.values_mut() {
        known.sort_by_key(|known| (known.made, known.id()));
    }
    by_charge
}

/// What was authorised and not captured.
fn remainder(charge: &Charge) -> i64 {
    charge.amount.saturating_sub(charge.amount_captured).max(0)
}

/// What a charge gave back of what it took.
fn given_back(charge: &Charge) -> i64 {
    if charge.captured { charge.amount_refunded.saturating_sub(remainder(charge)).max(0) } else { 0 }
}

/// Those refunds of a charge that only release an authorisation.
///
/// Of a charge that was never captured they all do. Of one that was captured in part nothing marks the
/// refund that releases the rest, so this is a guess: the oldest one of just that amount, made no later than
/// the capture was told, if the charge's sum holds nothing that the refunds, this one included, do not explain.
fn releases_of<'a>(told: &[Told<'a, Charge>], known: &[Known<'a>], facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let Some(last) = told.last() else { return BTreeSet::new() };
    let charge = last.object;
    if !charge.captured && !captured_by_intent(charge, facts) {
        return known.iter().map(Known::id).collect();
    }
    let mut releases: BTreeSet<&str> =
        known.iter().filter(|known| expired(known.refund)).map(Known::id).collect();
    let held = || known.iter().filter(|known| known.can_be_in(last.stamp.at));
    let explained = held().fold(0_i64, |sum, known| sum.saturating_add(known.refund.amount));
    if let Some(capture_told) = earliest(told.iter().filter(|told| told.object.captured))
        && remainder(charge) > 0
        && explained >= charge.amount_refunded
    {
        let fits = |known: &&Known<'_>| {
            known.refund.amount == remainder(charge) && known.made - capture_told <= SKEW
        };
        releases.extend(held().find(fits).map(Known::id));
    }
    releases
}

/// Whether the intent says what the charge's facts do not say yet.
fn captured_by_intent(charge: &Charge, facts: &Facts<'_>) -> bool {
    let intent = charge.payment_intent.as_deref().and_then(|id| latest(facts.intents.get(id)?));
    intent.is_some_and(|intent| intent.status == "succeeded" && intent.charge.as_ref() == Some(&charge.id))
}

/// What a charge's sums grew by and none of its refunds told of, each growth at the time of its fact.
///
/// Where a sum shrinks later, because a refund failed, the latest growths shrink. So the rows always add up
/// to what the latest sum leaves unexplained, and a fact that only adds to the sum changes no earlier row.
fn untold(told: &[Told<'_, Charge>], known: &[&Known<'_>], payment: Option<&str>) -> Vec<RefundState> {
    let captured = || told.iter().filter(|told| told.object.captured);
    let mut levels: Vec<(DateTime<Utc>, i64)> =
        captured().map(|told| (told.stamp.at, unexplained(told, known))).collect();
    let mut lowest = i64::MAX;
    for (_, level) in levels.iter_mut().rev() {
        lowest = lowest.min(*level);
        *level = lowest;
    }
    let Some(charge) = latest(told) else { return Vec::new() };
    let (mut rows, mut before) = (Vec::new(), 0);
    for (at, level) in levels {
        if level > before {
            let id = match rows.len() {
                0 => charge.id.clone(),
                n => format!("{}#{}", charge.id, n + 1),
            };
            rows.push(RefundState {
                id,
                payment: payment.map(str::to_owned),
                charge: Some(charge.id.clone()),
                amount: level - before,
                currency: charge.currency.clone(),
                status: "succeeded".to_owned(),
                counted: true,
                by_charge: true,
                reason: None,
                created_at: at,
            });
            before = level;
        }
    }
    rows
}

/// What the sum of one fact holds beyond the known refunds.
///
/// Stripe's clocks differ and show whole seconds, and of a refund that was read as failed nobody told when it did.
/// Such refunds are in the sum where they explain it best.
fn unexplained(told: &Told<'_, Charge>, known: &[&Known<'_>]) -> i64 {
    let at = told.stamp.at;
    let (certain, possible): (Vec<&Known<'_>>, Vec<&Known<'_>>) =
        known.iter().copied().filter(|known| known.can_be_in(at)).partition(|known| known.must_be_in(at));
    let certain = certain.iter().fold(0_i64, |sum, known| sum.saturating_add(known.refund.amount));
    let left = given_back(told.object).saturating_sub(certain).max(0);
    left - largest_sum(possible.iter().map(|known| known.refund.amount), left)
}

/// How many sums are tried: those of a dozen amounts.
const MOST_SUMS: usize = 1 << 12;

/// The largest sum of some of the amounts that is no more than `most`.
fn largest_sum(amounts: impl Iterator<Item = i64>, most: i64) -> i64 {
    let mut sums = BTreeSet::from([0]);
    for amount in amounts {
        let with: Vec<i64> = sums.iter().map(|sum: &i64| sum.saturating_add(amount)).collect();
        sums.extend(with.into_iter().filter(|sum| *sum <= most).take(MOST_SUMS.saturating_sub(sums.len())));
    }
    sums.last().copied().unwrap_or_default()
}
