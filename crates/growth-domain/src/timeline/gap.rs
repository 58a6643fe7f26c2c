//! What happened where events are missing, by the best evidence there is.
//!
//! | what | evidence of its time |
//! |---|---|
//! | the beginning | `start_date`, else `created` |
//! | that what was incomplete became active | the first payment of an invoice |
//! | the end of a trial | `trial_end`, else the first period that is charged for |
//! | an item, its price or quantity | the invoices, see [`super::bills`] |
//! | a discount | its `start` |
//! | that an end was set | `canceled_at` |
//! | the end | `ended_at` |
//!
//! What has no evidence is dated by the fact that shows it.

use chrono::{DateTime, Utc};

use super::Bill;
use super::bills::{ItemChange, changes, first_charged, first_paid, rewound};
use super::likeness::{all_discounts, differ, items_differ};
use super::steps::{Known, Step};
use crate::facts::{PlannedEnd, PriceTerms, SubscriptionFact, SubscriptionItem, SubscriptionState};
use crate::pricing::Catalog;

/// What is known besides the states on both sides of a gap.
pub(super) struct Evidence<'a, C> {
    pub(super) facts: &'a [SubscriptionFact],
    pub(super) bills: &'a [Bill],
    pub(super) catalog: &'a C,
}

/// What a gap is filled with.
pub(super) struct Filled {
    pub(super) from: DateTime<Utc>,
    pub(super) steps: Vec<Step>,
    /// Whether the steps lead to the state at the gap's end.
    pub(super) dated: bool,
}

/// One thing that happened in a gap.
enum Change<'a> {
    /// What had not begun to pay did, or not.
    Began(&'static str),
    /// The end was set.
    EndSet,
    /// A discount began.
    Discount,
    /// An invoice tells of items.
    Items(ItemChange<'a>),
}

/// Fills the time between what was known and a fact, until which the subscription was `target`.
pub(super) fn between<C: Catalog>(
    known: &Known,
    target: &SubscriptionState,
    until: DateTime<Utc>,
    evidence: &Evidence<'_, C>,
) -> Filled {
    let steps = evidence.walk(&known.state, target, (known.at, until));
    finished(steps, &known.state, target, (known.at, until), evidence)
}

/// Fills the time from a subscription's beginning to its first fact, where that is not its creation.
///
/// The fact shows `state`, and that it was `before` until then, where it says so.
pub(super) fn beginning<C: Catalog>(
    state: &SubscriptionState,
    before: Option<&SubscriptionState>,
    until: DateTime<Utc>,
    evidence: &Evidence<'_, C>,
) -> Option<Filled> {
    let from = state.start_date.or(state.created).filter(|from| *from < until)?;
    let target = before.cloned().unwrap_or_else(|| guessed(state));
    let first = evidence.first_state(&target, (from, until));
    let mut steps = vec![reconstructed(from, first.clone())];
    steps.extend(evidence.walk(&first, &target, (from, until)));
    let filled = finished(steps, &first, &target, (from, until), evidence);
    Some(Filled { dated: before.is_none() || filled.dated, ..filled })
}

/// The last of the steps is the state at the gap's end, where they lead there.
fn finished<C: Catalog>(
    mut steps: Vec<Step>,
    first: &SubscriptionState,
    target: &SubscriptionState,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    evidence: &Evidence<'_, C>,
) -> Filled {
    let reached = steps.last().map_or(first, |step| &step.state);
    let dated = !differ(reached, target, until, evidence.catalog);
    if let Some(last) = steps.last_mut()
        && dated
    {
        last.state.clone_from(target);
    }
    Filled { from, steps, dated }
}

fn reconstructed(at: DateTime<Utc>, state: SubscriptionState) -> Step {
    Step { at, state, before: None, reconstructed: true }
}

/// What is taken to have been before a change that does not say so.
fn guessed(state: &SubscriptionState) -> SubscriptionState {
    let mut before = state.clone();
    first_status(&state.status).clone_into(&mut before.status);
    before.plan_end(&PlannedEnd::default());
    before
}

/// The status, after a trial, of what has this one in the end.
fn first_status(status: &str) -> &str {
    match status {
        "past_due" | "unpaid" | "canceled" | "paused" => "active",
        "incomplete_expired" => "incomplete",
        other => other,
    }
}

impl<C: Catalog> Evidence<'_, C> {
    /// What had been before an end, which tells all but the status and whether the end was set before.
    pub(super) fn before_end(
        &self,
        state: &SubscriptionState,
        known: Option<&Known>,
        ended_at: DateTime<Utc>,
    ) -> SubscriptionState {
        let mut before = SubscriptionState { deleted: false, ended_at: None, ..state.clone() };
        let in_trial = state.trial_end.is_some_and(|end| end >= ended_at);
        let status = match known {
            Some(Known { at, state }) => match state.status.as_str() {
                "trialing" if first_charged(self.bills, (*at, ended_at)).is_some() => "active",
                "incomplete" if first_paid(self.bills, (*at, ended_at)).is_some() => "active",
                status => status,
            },
            None if in_trial => "trialing",
            None if state.status == "incomplete_expired" => "incomplete",
            None => "active",
        };
        status.clone_into(&mut before.status);
        let was_set = state.is_ending() && state.canceled_at.is_some_and(|at| at < ended_at);
        if !was_set {
            before.plan_end(&known.map(|known| known.state.planned_end()).unwrap_or_default());
        }
        before
    }

    /// The state with which a subscription began.
    fn first_state(
        &self,
        target: &SubscriptionState,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> SubscriptionState {
        let mut first = target.clone();
        let has_trial = target.trial_end.is_some_and(|end| end > from) && target.status != "incomplete";
        let status = if has_trial { "trialing" } else { first_status(&target.status) };
        status.clone_into(&mut first.status);
        first.paused = false;
        first.plan_end(&PlannedEnd::default());
        let later = |id: &String| self.start_of(id).is_some_and(|start| from < start && start < until);
        first.discounts.retain(|id| !later(id));
        let changes = changes(self.bills, (from, until), |price| self.is_metered(price));
        let items = rewound(&target.items, &changes, |price| self.terms(price));
        if !items.is_empty() {
            first.items = items;
        }
        for item in &mut first.items {
            item.discounts.retain(|id| !later(id));
        }
        first
    }

    /// Goes from one state towards another by everything that has a time.
    fn walk(
        &self,
        first: &SubscriptionState,
        target: &SubscriptionState,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut state = first.clone();
        let changes = self.between(first, target, (from, until));
        for together in changes.chunk_by(|(a, _), (b, _)| a == b) {
            let at = together[0].0;
            let mut next = state.clone();
            for (_, change) in together {
                self.apply(change, &mut next, target, at);
            }
            if differ(&state, &next, at, self.catalog) {
                steps.push(reconstructed(at, next.clone()));
            }
            state = next;
        }
        steps
    }

    /// Everything between two states that has a time inside the gap, in order.
    fn between(
        &self,
        first: &SubscriptionState,
        target: &SubscriptionState,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Vec<(DateTime<Utc>, Change<'_>)> {
        let inside = |at: &DateTime<Utc>| from < *at && *at < until;
        let mut found = Vec::new();
        if items_differ(first, target) {
            let told = changes(self.bills, (from, until), |price| self.is_metered(price));
            let told = told.into_iter().filter(|(at, _)| inside(at));
            found.extend(told.map(|(at, change)| (at, Change::Items(change))));
        }
        found.extend(self.began(first, target, (from, until)));
        if target.is_ending() && !first.is_ending() {
            found.extend(target.canceled_at.filter(inside).map(|at| (at, Change::EndSet)));
        }
        let known = all_discounts(first);
        let begun = all_discounts(target).into_iter().filter(|id| !known.contains(*id));
        let begun = begun.filter_map(|id| self.start_of(id)).filter(inside);
        found.extend(begun.map(|at| (at, Change::Discount)));
        found.sort_by_key(|(at, _)| *at);
        found
    }

    /// When, and as what, a subscription went on that was in trial or not paid for at first.
    fn began(
        &self,
        first: &SubscriptionState,
        target: &SubscriptionState,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Option<(DateTime<Utc>, Change<'_>)> {
        let begins =
            matches!(target.status.as_str(), "active" | "past_due" | "unpaid" | "paused" | "canceled");
        match first.status.as_str() {
            "trialing" if begins => {
                let over = target.trial_end.or(first.trial_end).filter(|at| from < *at && *at < until);
                let over = over.or_else(|| first_charged(self.bills, (from, until)))?;
                Some((over, Change::Began(if target.status == "paused" { "paused" } else { "active" })))
            }
            "incomplete" if begins => Some((first_paid(self.bills, (from, until))?, Change::Began("active"))),
            _ => None,
        }
    }

    fn apply(
        &self,
        change: &Change<'_>,
        state: &mut SubscriptionState,
        target: &SubscriptionState,
        at: DateTime<Utc>,
    ) {
        match change {
            Change::Began(status) => (*status).clone_into(&mut state.status),
            Change::EndSet => state.plan_end(&target.planned_end()),
            Change::Discount => {}
            Change::Items(change) => {
                change.apply(&mut state.items, &target.items, |price| self.terms(price));
                state.items_cut_from = None;
            }
        }
        self.begin_discounts(&mut state.discounts, &target.discounts, at);
        for item in &mut state.items {
            if let Some(own) = target.items.iter().find(|own| own.id == item.id) {
                self.begin_discounts(&mut item.discounts, &own.discounts, at);
            }
        }
    }

    /// Adds the discounts of `target` that began by an instant, in the order they have there.
    fn begin_discounts(&self, discounts: &mut Vec<String>, target: &[String], at: DateTime<Utc>) {
        let begun =
            |id: &&String| discounts.contains(id) || self.start_of(id).is_some_and(|start| start <= at);
        let mut now: Vec<String> = target.iter().filter(begun).cloned().collect();
        now.extend(discounts.iter().filter(|id| !target.contains(id)).cloned());
        *discounts = now;
    }

    fn start_of(&self, discount: &str) -> Option<DateTime<Utc>> {
        self.catalog.discount(discount)?.start
    }

    fn is_metered(&self, price: &str) -> bool {
        self.terms(price).recurring.is_some_and(|recurring| recurring.usage_type == "metered")
    }

    /// What a price is, by the latest fact that shows it, else by the catalog.
    fn terms(&self, id: &str) -> PriceTerms {
        let shown = |item: &&SubscriptionItem| item.price.id == id && !item.price.is_named_only();
        let items = |fact: &'_ SubscriptionFact| {
            let replaced = fact.replaced.iter().filter_map(|replaced| replaced.items.as_ref()).flatten();
            fact.state.items.iter().chain(replaced).find(shown).map(|item| &item.price).cloned()
        };
        let by_facts = self.facts.iter().filter_map(|fact| Some((&fact.stamp, items(fact)?)));
        let latest = by_facts.max_by_key(|(stamp, _)| *stamp).map(|(_, terms)| terms);
        latest
            .or_else(|| self.catalog.price(id).cloned())
            .unwrap_or_else(|| PriceTerms { id: id.to_owned(), ..PriceTerms::default() })
    }
}
