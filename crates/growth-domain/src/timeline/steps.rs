//! From facts to steps: what each of them says, and whether those before it lead there.

use chrono::{DateTime, Utc};

use super::gap::{self, Evidence, Filled};
use super::likeness::differ;
use super::{Bill, Gap};
use crate::facts::{SubscriptionFact, SubscriptionItem, SubscriptionState};
use crate::pricing::Catalog;
use crate::rank::subscription_is_over;

/// A state and the instant from which it held.
pub(super) struct Step {
    pub(super) at: DateTime<Utc>,
    pub(super) state: SubscriptionState,
    /// The state before, where the step's own event tells it.
    pub(super) before: Option<SubscriptionState>,
    pub(super) reconstructed: bool,
}

/// The states of a subscription in order of the instants from which they held.
#[derive(Default)]
pub(super) struct History {
    pub(super) steps: Vec<Step>,
    pub(super) gaps: Vec<Gap>,
    pub(super) latest: Option<SubscriptionState>,
    pub(super) asks_for_bills: bool,
}

/// Builds the history of one subscription from the facts about it, in any order.
pub(super) fn history<C: Catalog>(facts: &[SubscriptionFact], bills: &[Bill], catalog: &C) -> History {
    let evidence = Evidence { facts, bills, catalog };
    let mut history = History::default();
    let mut known: Option<Known> = None;
    for fact in in_order(facts) {
        let state = with_earlier_items(&fact.state, known.as_ref().map(|known| &known.state));
        let at = held_from(fact);
        history.add(fact, &state, at, known.as_ref(), &evidence);
        known = Some(Known { at, state });
    }
    history.latest = known.map(|known| known.state);
    history
}

/// What a subscription was by the last fact, and from when at the latest.
pub(super) struct Known {
    pub(super) at: DateTime<Utc>,
    pub(super) state: SubscriptionState,
}

impl History {
    /// Adds what a fact shows, after what was known until then.
    fn add<C: Catalog>(
        &mut self,
        fact: &SubscriptionFact,
        state: &SubscriptionState,
        at: DateTime<Utc>,
        known: Option<&Known>,
        evidence: &Evidence<'_, C>,
    ) {
        let told = Told::by(fact, state);
        let is_now = matches!(told, Told::Now);
        let (ends, was_over) =
            (subscription_is_over(state), known.is_some_and(|known| subscription_is_over(&known.state)));
        if is_now && was_over {
            return;
        }
        self.asks_for_bills |= ends && known.is_some_and(|known| !has_begun(&known.state));
        let before = told.before(state, at, known, evidence).filter(|_| !was_over);
        let filled = match known {
            None if tells_creation(fact) => None,
            None => gap::beginning(state, before.as_ref(), at, evidence),
            Some(known) => before
                .filter(|before| differ(&known.state, before, at, evidence.catalog))
                .map(|before| gap::between(known, &before, at, evidence)),
        };
        if is_now && !ends && known.is_some() && filled.is_none() {
            return;
        }
        // A fact may be about an earlier instant: it ended before the last thing we were told.
        let mut step = Step { at, state: state.clone(), before: None, reconstructed: self.cut(at) || is_now };
        let is_dated = filled.as_ref().is_none_or(|filled| filled.dated);
        if let Some(filled) = filled {
            let says_all = filled.dated && !filled.steps.is_empty();
            self.fill(filled, at);
            if is_now && !ends && says_all {
                return;
            }
        }
        // An end does not say what it ended: that is as certain as the state before.
        let ends_a_guess = matches!(told, Told::End)
            && !was_over
            && self.steps.last().is_some_and(|last| last.reconstructed);
        step.reconstructed |= !is_dated || ends_a_guess;
        if let Told::Change(before) = told
            && is_dated
        {
            step.before = Some(*before);
        }
        self.steps.push(step);
    }

    /// Forgets the steps from an instant on, and tells whether one of them was reconstructed.
    fn cut(&mut self, at: DateTime<Utc>) -> bool {
        let rest = self.steps.partition_point(|step| step.at < at);
        self.steps.drain(rest..).any(|step| step.reconstructed)
    }

    fn fill(&mut self, filled: Filled, until: DateTime<Utc>) {
        let Filled { from, steps, dated } = filled;
        if from < until {
            self.asks_for_bills = true;
            self.gaps.push(Gap { from, until, dated });
        }
        // What became of a state within its own second takes its place.
        if let Some(first) = steps.first() {
            self.cut(first.at);
        }
        self.steps.extend(steps);
    }
}

/// Whether a subscription pays, or once paid.
fn has_begun(state: &SubscriptionState) -> bool {
    !matches!(state.status.as_str(), "trialing" | "incomplete")
}

/// What a fact tells besides a state.
enum Told {
    /// Which state the change was from.
    Change(Box<SubscriptionState>),
    /// That it is the subscription's end.
    End,
    /// That it is so now, but not since when.
    Now,
    /// That it is a change, but not from what.
    Nothing,
}

impl Told {
    fn by(fact: &SubscriptionFact, state: &SubscriptionState) -> Self {
        if !fact.from_event {
            return Self::Now;
        }
        if fact.event_type == "customer.subscription.deleted" {
            return Self::End;
        }
        let Some(replaced) = &fact.replaced else { return Self::Nothing };
        let before = replaced.before(state);
        // What changes after the end does not tell of the end.
        if subscription_is_over(&before) { Self::Now } else { Self::Change(Box::new(before)) }
    }

    /// What had been just before the fact that shows `state`, as far as it says so.
    fn before<C: Catalog>(
        &self,
        state: &SubscriptionState,
        at: DateTime<Utc>,
        known: Option<&Known>,
        evidence: &Evidence<'_, C>,
    ) -> Option<SubscriptionState> {
        match self {
            Self::Change(before) => Some((**before).clone()),
            Self::End | Self::Now if subscription_is_over(state) => {
                Some(evidence.before_end(state, known, at))
            }
            Self::Now => Some(state.clone()),
            Self::End | Self::Nothing => None,
        }
    }
}

/// The facts from the creation to the end, in the order of their stamps between.
fn in_order(facts: &[SubscriptionFact]) -> Vec<&SubscriptionFact> {
    let mut ordered: Vec<&SubscriptionFact> = facts.iter().collect();
    ordered.sort_by_key(|fact| (!tells_creation(fact), &fact.stamp));
    ordered.dedup_by(|a, b| a.stamp == b.stamp);
    let mut over = false;
    ordered.retain(|fact| {
        let tells_end = subscription_is_over(&fact.state);
        over |= tells_end;
        tells_end || !over
    });
    ordered
}

fn tells_creation(fact: &SubscriptionFact) -> bool {
    fact.event_type == "customer.subscription.created"
}

/// When the state of a fact began: an end at `ended_at`, all else when it was told.
fn held_from(fact: &SubscriptionFact) -> DateTime<Utc> {
    let told = fact.stamp.at;
    fact.state.ended_at.filter(|at| subscription_is_over(&fact.state) && *at <= told).unwrap_or(told)
}

/// A nested list shows ten items at most: the others are those known from before, where the count fits.
fn with_earlier_items(state: &SubscriptionState, before: Option<&SubscriptionState>) -> SubscriptionState {
    let mut state = state.clone();
    let (Some(total), Some(before)) = (state.items_cut_from, before) else { return state };
    let shown = |item: &&SubscriptionItem| state.items.iter().any(|known| known.id == item.id);
    let earlier: Vec<SubscriptionItem> = before.items.iter().filter(|item| !shown(item)).cloned().collect();
    if u64::try_from(state.items.len() + earlier.len()) == Ok(total) {
        state.items.extend(earlier);
        state.items_cut_from = None;
    }
    state
}
