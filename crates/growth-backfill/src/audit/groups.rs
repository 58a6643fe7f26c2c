//! Facts about payments, put together by the ids that they share.

use std::collections::HashMap;

use growth_domain::facts::{PaymentFact, PaymentObject};
use growth_domain::payments::aliases;

/// Facts and which of them belong together.
#[derive(Debug, Default)]
pub(super) struct Groups {
    facts: Vec<PaymentFact>,
    /// The group of each fact, as the number of another one in it.
    parents: Vec<usize>,
    by_alias: HashMap<String, usize>,
}

impl Groups {
    /// Adds a fact without what is not compared.
    pub(super) fn add(&mut self, mut fact: PaymentFact) {
        let number = self.facts.len();
        self.parents.push(number);
        for alias in aliases(&fact.object) {
            let known = *self.by_alias.entry(alias).or_insert(number);
            let (root, other) = (self.root(number), self.root(known));
            self.parents[root] = other;
        }
        reduce(&mut fact.object);
        self.facts.push(fact);
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// The facts, group by group.
    pub(super) fn into_groups(mut self) -> impl Iterator<Item = Vec<PaymentFact>> {
        let roots: Vec<usize> = (0..self.facts.len()).map(|number| self.root(number)).collect();
        let mut groups: HashMap<usize, Vec<PaymentFact>> = HashMap::new();
        for (fact, root) in self.facts.into_iter().zip(roots) {
            groups.entry(root).or_default().push(fact);
        }
        groups.into_values()
    }
}

/// Takes out the largest of what is not compared.
fn reduce(object: &mut PaymentObject) {
    match object {
        PaymentObject::Invoice(invoice) => {
            invoice.lines = Vec::new();
            (invoice.email, invoice.user_id) = (None, None);
        }
        PaymentObject::Charge(charge) => {
            (charge.email, charge.user_id, charge.failure_message) = (None, None, None);
        }
        PaymentObject::PaymentIntent(intent) => (intent.email, intent.user_id) = (None, None),
        _ => {}
    }
}
