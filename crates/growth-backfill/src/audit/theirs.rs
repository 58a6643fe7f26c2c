//! Stripe's side: what its pages show, reduced to what is compared.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use growth_domain::facts::{Fact, SubscriptionState};
use growth_domain::pricing::Policy;
use growth_stripe::extract::facts_of_object;
use serde_json::Value;

use super::catalog::Catalog;
use super::folded;
use super::groups::Groups;
use super::objects::{Kind, Object, Told};
use crate::clock::Clock;
use crate::lists::List;
use crate::summary::Missing;

/// Stripe's clock may be so much ahead of ours.
pub(super) const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// What Stripe's pages showed.
#[derive(Debug)]
pub(super) struct Theirs {
    policy: Policy,
    clock: Clock,
    /// When everything is taken to have been read: at one instant, after all that it tells.
    read_at: DateTime<Utc>,
    catalog: Catalog,
    groups: Groups,
    subscriptions: Vec<Object>,
    /// Objects that cannot be understood.
    pub(super) unreadable: Vec<Missing>,
}

impl Theirs {
    pub(super) fn new(policy: Policy, clock: Clock) -> Self {
        Self {
            policy,
            clock,
            read_at: clock.now() + TimeDelta::days(1),
            catalog: Catalog::default(),
            groups: Groups::default(),
            subscriptions: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// Takes in a page. A subscription's customer stands before it.
    pub(super) fn add(&mut self, entries: Vec<(List, Value)>) {
        let mut customer = Vec::new();
        for (list, entry) in entries {
            let facts = match self.facts_of(&entry) {
                Ok(facts) => facts,
                Err(reason) => {
                    let at = DateTime::from_timestamp(entry["created"].as_i64().unwrap_or_default(), 0);
                    let at = at.unwrap_or_else(|| self.clock.now());
                    self.unreadable.push(Missing { list, from: at, until: at, reason });
                    continue;
                }
            };
            match list {
                List::Prices | List::Coupons => facts.into_iter().for_each(|fact| self.catalog.add(fact)),
                List::Customers => customer = facts,
                List::Subscriptions => {
                    customer.extend(facts);
                    self.subscriptions.extend(self.subscription(&std::mem::take(&mut customer)));
                }
                _ => payments(facts, &mut self.groups),
            }
        }
    }

    /// The objects of all pages, by kind and id.
    pub(super) fn take_objects(&mut self) -> HashMap<Kind, HashMap<String, Object>> {
        let mut objects: HashMap<Kind, HashMap<String, Object>> = HashMap::new();
        let mut add = |object: Object| {
            objects.entry(object.kind).or_default().insert(object.id.clone(), object);
        };
        std::mem::take(&mut self.subscriptions).into_iter().for_each(&mut add);
        for facts in std::mem::take(&mut self.groups).into_groups() {
            folded::objects(&facts).into_iter().for_each(&mut add);
        }
        objects
    }

    /// What an object says, or why it cannot be understood.
    pub(super) fn facts_of(&self, object: &Value) -> Result<Vec<Fact>, String> {
        facts_of_object(object, self.read_at, "audit")
            .map(|extraction| extraction.facts)
            .map_err(|error| error.to_string())
    }

    /// A subscription by the facts of it and its customer.
    pub(super) fn subscription(&self, facts: &[Fact]) -> Option<Object> {
        let state = facts.iter().find_map(|fact| match fact {
            Fact::Subscription(fact) => Some(&fact.state),
            _ => None,
        })?;
        let with = self.catalog.with(facts);
        let (counted, mrr) = with.worth(state, self.policy, self.clock.now() + AHEAD);
        Some(Object {
            kind: Kind::Subscription,
            id: state.id.clone(),
            created: state.created.unwrap_or_default(),
            currency: state.currency.clone(),
            fields: vec![
                ("status", state.status.as_str().into()),
                ("items", items(state)),
                ("currency", state.currency.as_str().into()),
                ("paused", Told::Flag(state.paused)),
                ("cancel_at_period_end", Told::Flag(state.cancel_at_period_end)),
                ("period_end", state.period_end.into()),
                ("counted", counted),
                ("mrr", mrr),
            ],
            by_charge: false,
        })
    }
}

fn payments(facts: Vec<Fact>, groups: &mut Groups) {
    for fact in facts {
        if let Fact::Payment(fact) = fact {
            groups.add(fact);
        }
    }
}

/// What is subscribed to: `price_1 x 2, price_2`.
pub(super) fn items(state: &SubscriptionState) -> Told {
    if state.items_cut_from.is_some() {
        return Told::NotKnown;
    }
    let item = |id: &str, quantity: Option<i64>| match quantity {
        Some(quantity) => format!("{id} x {quantity}"),
        None => id.to_owned(),
    };
    let mut items: Vec<String> =
        state.items.iter().map(|shown| item(&shown.price.id, shown.quantity)).collect();
    items.sort();
    Told::Text(items.join(", "))
}
