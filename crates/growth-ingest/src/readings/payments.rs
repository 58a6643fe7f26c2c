//! Groups of facts about payments, and whether another fact would change what they amount to.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;
use growth_db::rows::{
    DisputeRow, InvoiceRow, PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, RefundRow,
};
use growth_db::{Error, Tx, table};
use growth_domain::attribution::Link;
use growth_domain::facts::{PaymentFact, PaymentObject};
use growth_domain::payments::{aliases, fold};
use growth_domain::stamp::{Scope, Stamp};

use crate::payments::{dispute_row, invoice_row, payment_row, references, refund_row};
use crate::users::Users;

/// The groups that the facts of a page meet.
pub(super) struct Groups {
    scope: Scope,
    by_alias: HashMap<String, usize>,
    facts: Vec<Vec<PaymentFact>>,
}

impl Groups {
    pub(super) async fn load<'a>(
        tx: &mut Tx,
        scope: &Scope,
        facts: impl Iterator<Item = &'a PaymentFact>,
    ) -> Result<Self, Error> {
        let mentioned: BTreeSet<String> = facts.flat_map(|fact| aliases(&fact.object)).collect();
        let mentioned: Vec<String> = mentioned.into_iter().collect();
        let met = table::find::<PaymentAliasRow>(&mut *tx, scope, "alias", &mentioned).await?;
        let names: BTreeSet<String> = met.into_iter().map(|row| row.group_id).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut known = Self { scope: scope.clone(), by_alias: HashMap::new(), facts: Vec::new() };
        let number = |name: &String| names.binary_search(name).unwrap_or_default();
        for row in table::find::<PaymentAliasRow>(&mut *tx, scope, "group_id", &names).await? {
            known.by_alias.insert(row.alias, number(&row.group_id));
        }
        known.facts.resize(names.len(), Vec::new());
        for row in table::find::<PaymentFactRow>(tx, scope, "group_id", &names).await? {
            known.facts[number(&row.group_id)].push(row.fact.0);
        }
        Ok(known)
    }

    /// Whether an object has told of itself; that another one names it is not enough.
    pub(super) fn knows(&self, object: &PaymentObject) -> bool {
        let is_it = |fact: &PaymentFact| fact.object.id() == object.id();
        self.by_alias.get(object.id()).is_some_and(|number| self.facts[*number].iter().any(is_it))
    }

    /// Takes in the facts of one object, and tells whether they change what any group amounts to.
    pub(super) fn take(&mut self, facts: &[&PaymentFact]) -> bool {
        if facts.is_empty() {
            return false;
        }
        let names: BTreeSet<String> = facts.iter().flat_map(|fact| aliases(&fact.object)).collect();
        let met: BTreeSet<usize> = names.iter().filter_map(|name| self.by_alias.get(name)).copied().collect();
        let before: Vec<PaymentFact> = met.iter().flat_map(|number| &self.facts[*number]).cloned().collect();
        let mut after = before.clone();
        after.extend(facts.iter().map(|fact| (*fact).clone()));
        // What joins objects may tell more together with what comes later, and so may an object that has not told of
        // itself. An invoice payment is a link and nothing more.
        let joins = if met.is_empty() { names.len() > 1 } else { met.len() > 1 };
        let is_link = |object: &PaymentObject| matches!(object, PaymentObject::InvoicePayment(_));
        let is_unknown = facts.iter().any(|fact| !is_link(&fact.object) && !self.knows(&fact.object));
        let is_news = joins || is_unknown || self.amounts_to(&before) != self.amounts_to(&after);
        if is_news {
            let number = self.facts.len();
            self.facts.push(after);
            self.by_alias.values_mut().filter(|known| met.contains(known)).for_each(|known| *known = number);
            self.by_alias.extend(names.into_iter().map(|name| (name, number)));
        }
        is_news
    }

    fn amounts_to(&self, facts: &[PaymentFact]) -> Rows {
        let (group, users, scope) = (fold(facts), Users::default(), &self.scope);
        let payment = |payment| {
            let row = payment_row(scope, "", payment, None, &users);
            let links = payment.links.iter().map(unstamped).collect();
            // Which of its facts names it is no news.
            (PaymentRow { event_id: String::new(), ..row }, links)
        };
        Rows {
            payments: group.payments.iter().map(payment).collect(),
            references: references(scope, "", &group),
            refunds: group.refunds.iter().map(|refund| refund_row(scope, "", refund)).collect(),
            disputes: group.disputes.iter().map(|dispute| dispute_row(scope, "", dispute)).collect(),
            invoices: group.invoices.iter().map(|invoice| invoice_row(scope, "", invoice)).collect(),
        }
    }
}

/// What a group is in the tables, whoever tells it.
#[derive(PartialEq)]
struct Rows {
    payments: Vec<(PaymentRow, Vec<Link>)>,
    references: Vec<PaymentReferenceRow>,
    refunds: Vec<RefundRow>,
    disputes: Vec<DisputeRow>,
    invoices: Vec<InvoiceRow>,
}

fn unstamped(link: &Link) -> Link {
    Link { stamp: Stamp { at: DateTime::UNIX_EPOCH, rank: 0, event_id: String::new() }, ..link.clone() }
}
