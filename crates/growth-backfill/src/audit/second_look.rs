//! One object as Stripe shows it now, with everything that belongs to it.

use std::collections::{BTreeSet, VecDeque};

use growth_domain::facts::{Fact, PaymentFact};
use growth_domain::payments::aliases;
use growth_stripe_client::{Client, Error as ClientError};

use super::comparison::Pair;
use super::folded;
use super::objects::{Kind, Object};
use super::ours::Ours;
use super::theirs::{Theirs, facts_of};
use crate::error::Error;
use crate::fetch;
use crate::lists::List;

/// How many objects of one payment are asked for.
const MOST: usize = 50;

/// What is needed to look at an object again.
pub(super) struct SecondLook<'a> {
    pub(super) client: &'a Client,
    pub(super) account: &'a str,
    pub(super) ours: &'a Ours,
    pub(super) theirs: &'a Theirs,
}

/// The list that an id belongs to, by its prefix.
pub(super) fn list_of(id: &str) -> Option<List> {
    Some(match id.split_once('_')?.0 {
        "pi" => List::PaymentIntents,
        "ch" | "py" => List::Charges,
        "in" => List::Invoices,
        "cs" => List::CheckoutSessions,
        "re" | "pyr" => List::Refunds,
        "dp" | "du" => List::Disputes,
        "sub" => List::Subscriptions,
        _ => return None,
    })
}

impl SecondLook<'_> {
    /// Reads Stripe's side of an object; `None` where Stripe does not have it.
    ///
    /// Where Stripe has it and it tells nothing to compare, it has no fields. Where Stripe does not answer, what its
    /// pages showed has to do.
    pub(super) async fn theirs(&self, pair: &Pair) -> Result<Option<Object>, Error> {
        let belonging = match pair.kind {
            Kind::Subscription => Vec::new(),
            _ => self.ours.group_of(&pair.id).await?,
        };
        let Ok(facts) = self.facts(&pair.id, belonging).await else { return Ok(pair.theirs.clone()) };
        let Some(facts) = facts else { return Ok(None) };
        let is_this = |object: &Object| object.kind == pair.kind && object.id == pair.id;
        let shown = match pair.kind {
            Kind::Subscription => self.theirs.subscription(&facts),
            _ => folded::objects(&of_payments(facts)).into_iter().find(is_this),
        };
        let silent = || {
            let known = pair.theirs.as_ref().or(pair.ours.as_ref())?;
            Some(Object { fields: Vec::new(), ..known.clone() })
        };
        Ok(shown.or_else(silent))
    }

    /// The facts of an object, of what is known to belong to it, and of what these name.
    async fn facts(&self, id: &str, belonging: Vec<String>) -> Result<Option<Vec<Fact>>, ClientError> {
        let mut facts = Vec::new();
        let mut seen = BTreeSet::new();
        let mut waiting: VecDeque<String> = std::iter::once(id.to_owned()).chain(belonging).collect();
        while let Some(next) = waiting.pop_front() {
            let Some(list) = list_of(&next) else { continue };
            if seen.len() == MOST || !seen.insert(next.clone()) {
                continue;
            }
            match fetch::one(self.client, self.account, list, &next).await {
                Ok(Some(entries)) => {
                    let at = self.theirs.now();
                    let told = entries.iter().filter_map(|(_, entry)| facts_of(entry, at).ok()).flatten();
                    for fact in told {
                        if let Fact::Payment(fact) = &fact {
                            waiting.extend(aliases(&fact.object));
                        }
                        facts.push(fact);
                    }
                }
                Ok(None) if next == id => return Ok(None),
                Err(error) if next == id => return Err(error),
                // What only belongs to it may be gone, or not be for this key.
                Ok(None) | Err(_) => {}
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
