//! One object as Stripe shows it now, with everything that belongs to it.

use std::collections::{BTreeSet, VecDeque};

use growth_domain::facts::{Fact, PaymentFact};
use growth_domain::payments::aliases;
use growth_stripe_client::Client;

use super::comparison::Pair;
use super::folded;
use super::objects::{Kind, Object, Told};
use super::ours::Ours;
use super::theirs::Theirs;
use crate::error::Error;
use crate::fetch;
use crate::lists::List;

/// How many objects of one payment are asked for.
const MOST: usize = 200;

/// What is needed to look at an object again.
pub(super) struct SecondLook<'a> {
    pub(super) client: &'a Client,
    pub(super) account: &'a str,
    pub(super) ours: &'a Ours,
    pub(super) theirs: &'a Theirs,
}

/// What a second look at Stripe's side of an object gives.
pub(super) enum Looked {
    /// The object; `None` where Stripe does not have it. Where Stripe has it and it tells nothing to compare, it has no
    /// fields.
    Found(Option<Object>),
    /// Stripe does not tell enough of it, and why.
    Untold(List, String),
}

/// The list that an id of a payment's group belongs to, by its prefix.
fn list_of(id: &str) -> Option<List> {
    Some(match id.split_once('_')?.0 {
        "pi" => List::PaymentIntents,
        "ch" | "py" => List::Charges,
        "in" => List::Invoices,
        "cs" => List::CheckoutSessions,
        "re" | "pyr" => List::Refunds,
        "dp" | "du" => List::Disputes,
        _ => return None,
    })
}

/// The list of an object itself, whatever its id begins with.
fn list_of_pair(pair: &Pair) -> List {
    match pair.kind {
        Kind::Refund if pair.is_by_charge() => List::Charges,
        Kind::Payment => list_of(&pair.id).unwrap_or(List::Charges),
        Kind::Refund => List::Refunds,
        Kind::Dispute => List::Disputes,
        Kind::Invoice => List::Invoices,
        Kind::Subscription => List::Subscriptions,
    }
}

impl SecondLook<'_> {
    /// Reads Stripe's side of an object by its id, with all that is known to belong to it.
    ///
    /// What the pages showed of it and this does not show stays.
    pub(super) async fn theirs(&self, pair: &Pair) -> Result<Looked, Error> {
        let belonging = match pair.kind {
            Kind::Subscription => Vec::new(),
            _ => self.ours.group_of(pair.asked_for()).await?,
        };
        let facts = match self.facts(pair, belonging).await {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(Looked::Found(None)),
            Err((list, reason)) => return Ok(Looked::Untold(list, reason)),
        };
        let is_this = |object: &Object| {
            object.kind == pair.kind && (object.id == pair.id || (object.by_charge && pair.is_by_charge()))
        };
        let shown = match pair.kind {
            Kind::Subscription => self.theirs.subscription(&facts),
            _ => folded::objects(&of_payments(facts)).into_iter().find(is_this),
        };
        let Some(mut shown) = shown else {
            // The charge is there, and tells of no refund but those that tell of themselves.
            if pair.is_by_charge() {
                return Ok(Looked::Found(None));
            }
            let known = pair.theirs.clone().or_else(|| pair.ours.clone());
            return Ok(Looked::Found(known.map(|known| Object { fields: Vec::new(), ..known })));
        };
        for (field, told) in pair.theirs.iter().flat_map(|before| &before.fields) {
            match shown.fields.iter_mut().find(|(name, _)| name == field) {
                Some((_, now)) if *now == Told::NotKnown => now.clone_from(told),
                Some(_) => {}
                None => shown.fields.push((field, told.clone())),
            }
        }
        Ok(Looked::Found(Some(shown)))
    }

    /// The facts of an object, of what is known to belong to it, and of what these name; `None` where Stripe does not
    /// have the object.
    async fn facts(&self, pair: &Pair, belonging: Vec<String>) -> Result<Option<Vec<Fact>>, (List, String)> {
        let mut facts = Vec::new();
        let mut seen = BTreeSet::new();
        let asked_for = pair.asked_for().to_owned();
        let mut waiting: VecDeque<String> = std::iter::once(asked_for.clone()).chain(belonging).collect();
        while let Some(next) = waiting.pop_front() {
            let is_it = next == asked_for;
            let list = if is_it { Some(list_of_pair(pair)) } else { list_of(&next) };
            let Some(list) = list.filter(|_| !seen.contains(&next)) else { continue };
            if seen.len() == MOST {
                return Err((list, format!("{} has more than {MOST} objects that belong to it", pair.id)));
            }
            seen.insert(next.clone());
            let untold = |reason: &dyn std::fmt::Display| (list, format!("{next}: {reason}"));
            match fetch::one(self.client, self.account, list, &next).await {
                Ok(Some(entries)) => {
                    for (_, entry) in &entries {
                        let told = self.theirs.facts_of(entry).map_err(|reason| untold(&reason))?;
                        for fact in told {
                            if let Fact::Payment(fact) = &fact {
                                waiting.extend(aliases(&fact.object));
                            }
                            facts.push(fact);
                        }
                    }
                }
                Ok(None) if is_it => return Ok(None),
                // What only belongs to it may be gone.
                Ok(None) => {}
                Err(error) => return Err(untold(&error)),
            }
        }
        Ok(Some(facts))
    }
}

fn of_payments(facts: Vec<Fact>) -> Vec<PaymentFact> {
    let payment = |fact| match fact {
        Fact::Payment(fact) => Some(fact),
        _ => None,
    };
    facts.into_iter().filter_map(payment).collect()
}
