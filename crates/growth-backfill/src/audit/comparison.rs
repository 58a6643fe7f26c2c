//! Both sides together: what agrees is counted, what does not is looked at again.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::objects::{Kind, Object, Told};
use super::ours::{Ours, Which};
use super::repair::{self, Repair};
use super::report::{Compared, Difference, Problem, Report};
use super::second_look::{Looked, SecondLook};
use super::theirs::Theirs;
use super::totals::Totals;
use super::{Audit, AuditOptions};
use crate::error::Error;
use crate::lists::List;
use crate::reader::AT_ONCE;
use crate::summary::Missing;

/// How many differences are told.
const MOST: usize = 100;
/// How many objects are looked at again together.
const TOGETHER: usize = 24;
/// How often an object is looked at again while it moves.
const LOOKS: usize = 3;
/// How many objects that differ are kept to be looked at again.
const MOST_SUSPECTS: usize = 5_000;
/// How many of our rows are asked for by their ids at once.
const IDS: usize = 500;

/// An object as both sides have it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) ours: Option<Object>,
    pub(super) theirs: Option<Object>,
}

impl Pair {
    fn agrees(&self) -> bool {
        match (&self.ours, &self.theirs) {
            (Some(ours), Some(theirs)) if ours.by_charge => theirs.by_charge,
            (Some(ours), Some(theirs)) => ours.differs_from(theirs).is_empty(),
            (Some(ours), None) => ours.kind == Kind::Invoice && ours.says("status", "draft"),
            // What only a charge tells of, we may know by the refunds themselves.
            (None, Some(theirs)) => theirs.fields.is_empty() || theirs.by_charge,
            (None, None) => true,
        }
    }

    /// Whether it is a refund that only a charge tells of.
    pub(super) fn is_by_charge(&self) -> bool {
        self.ours.as_ref().or(self.theirs.as_ref()).is_some_and(|object| object.by_charge)
    }

    /// The id by which Stripe knows it.
    pub(super) fn asked_for(&self) -> &str {
        let charge = self.ours.as_ref().filter(|ours| ours.by_charge).map(Object::charge_id);
        charge.unwrap_or(&self.id)
    }

    fn problems(&self) -> Vec<Problem> {
        match (&self.ours, &self.theirs) {
            (None, _) => vec![Problem::MissingHere],
            (_, None) => vec![Problem::UnknownThere],
            (Some(ours), Some(theirs)) => (ours.differs_from(theirs).into_iter())
                .map(|(field, ours, theirs)| Problem::Differs { field, ours, theirs })
                .collect(),
        }
    }
}

/// The list that Stripe does not tell enough of, and why.
type Untold = (List, String);

/// What was compared so far.
pub(super) struct Comparison<'a> {
    audit: &'a Audit,
    ours: &'a Ours,
    not_compared: Vec<Kind>,
    compared: BTreeMap<Kind, Compared>,
    totals: BTreeMap<String, Totals>,
    suspects: Vec<Pair>,
    differences: Vec<Difference>,
    more: u64,
    untold: BTreeMap<(List, String), Missing>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(audit: &'a Audit, ours: &'a Ours, left_out: &[Missing]) -> Self {
        let is_left_out = |list: &List| left_out.iter().any(|missing| missing.list == *list);
        Self {
            audit,
            ours,
            not_compared: (Kind::ALL.into_iter())
                .filter(|kind| kind.needs().iter().any(is_left_out))
                .collect(),
            compared: BTreeMap::new(),
            totals: BTreeMap::new(),
            suspects: Vec::new(),
            differences: Vec::new(),
            more: 0,
            untold: BTreeMap::new(),
        }
    }

    /// Compares what Stripe's pages showed with our rows.
    pub(super) async fn compare(&mut self, theirs: &mut Theirs) -> Result<(), Error> {
        let mut shown = theirs.take_objects();
        for kind in Kind::ALL {
            let shown = shown.remove(&kind).unwrap_or_default();
            if !self.not_compared.contains(&kind) {
                self.compare_kind(kind, shown).await?;
            }
        }
        Ok(())
    }

    async fn compare_kind(&mut self, kind: Kind, mut shown: HashMap<String, Object>) -> Result<(), Error> {
        let (ours, AuditOptions { from, until, .. }) = (self.ours, &self.audit.options);
        let window = Which::Created(*from, *until);
        ours.each(kind, window, &mut |object| self.meet(object, &mut shown)).await?;
        // By our rows, these were created before or after the window.
        let ids: Vec<String> = shown.keys().cloned().collect();
        for ids in ids.chunks(IDS) {
            ours.each(kind, Which::Ids(ids), &mut |object| self.meet(object, &mut shown)).await?;
        }
        for (id, theirs) in shown {
            self.add(Pair { kind, id, ours: None, theirs: Some(theirs) });
        }
        Ok(())
    }

    fn meet(&mut self, ours: Object, shown: &mut HashMap<String, Object>) {
        // Several growths of a charge's sum may be one at Stripe's side.
        if ours.by_charge && shown.get(ours.charge_id()).is_some_and(|theirs| theirs.by_charge) {
            Totals::add(&mut self.totals, Some(&ours), None);
            return;
        }
        let theirs = shown.remove(&ours.id);
        self.add(Pair { kind: ours.kind, id: ours.id.clone(), ours: Some(ours), theirs });
    }

    fn add(&mut self, pair: Pair) {
        if pair.agrees() {
            self.count(&pair);
        } else if self.suspects.len() < MOST_SUSPECTS {
            self.suspects.push(pair);
        } else {
            self.count_more(&pair);
        }
    }

    /// Counts one that differs and is neither looked at again nor told.
    fn count_more(&mut self, pair: &Pair) {
        self.count(pair);
        self.compared.entry(pair.kind).or_default().different += 1;
        self.more += 1;
    }

    fn count(&mut self, pair: &Pair) {
        if let Some(object) = pair.ours.as_ref().or(pair.theirs.as_ref()) {
            if !object.by_charge {
                self.compared.entry(pair.kind).or_default().objects += 1;
            }
            Totals::add(&mut self.totals, pair.ours.as_ref(), pair.theirs.as_ref());
        }
    }

    /// Looks once more at everything that differs, by its id, so that what changed meanwhile is no difference.
    pub(super) async fn look_again(&mut self, theirs: &Theirs) -> Result<(), Error> {
        let mut suspects = std::mem::take(&mut self.suspects);
        if suspects.is_empty() {
            return Ok(());
        }
        suspects.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        sleep(self.audit.options.patience).await;
        let mut suspects = suspects.into_iter();
        while self.differences.len() < MOST {
            let some: Vec<Pair> = suspects.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                return Ok(());
            }
            self.settle(some, theirs).await?;
        }
        for pair in suspects {
            self.count_more(&pair);
        }
        Ok(())
    }

    async fn settle(&mut self, mut open: Vec<Pair>, theirs: &Theirs) -> Result<(), Error> {
        for look in 0..LOOKS {
            if look > 0 && !open.is_empty() {
                sleep(self.audit.options.patience).await;
            }
            let mut moving = Vec::new();
            for (before, looked) in self.look(&open, theirs).await? {
                match looked {
                    Ok(now) if now.agrees() || now == before => self.settled(&now).await?,
                    Ok(now) => moving.push(now),
                    Err((list, reason)) => self.leave_out(&before, list, reason),
                }
            }
            open = moving;
        }
        for pair in &open {
            self.settled(pair).await?;
        }
        Ok(())
    }

    /// Reads both sides of objects, theirs first: what changes after that reaches us later.
    async fn look(
        &self,
        pairs: &[Pair],
        theirs: &Theirs,
    ) -> Result<Vec<(Pair, Result<Pair, Untold>)>, Error> {
        let look = &SecondLook {
            client: &self.audit.client,
            account: &self.audit.options.account,
            ours: self.ours,
            theirs,
        };
        let mut looked: Vec<(Pair, Result<Pair, Untold>)> =
            stream::iter(pairs.iter().cloned().map(|before| async move {
                let now = match look.theirs(&before).await? {
                    Looked::Found(theirs) => Ok(Pair { ours: None, theirs, ..before.clone() }),
                    Looked::Untold(list, reason) => Err((list, reason)),
                };
                Ok::<_, Error>((before, now))
            }))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for kind in Kind::ALL {
            let of_kind = looked.iter().filter(|(before, _)| before.kind == kind);
            let ids: Vec<String> = of_kind.map(|(before, _)| before.id.clone()).collect();
            let mut ours = HashMap::new();
            let mut tell = |object: Object| drop(ours.insert(object.id.clone(), object));
            self.ours.each(kind, Which::Ids(&ids), &mut tell).await?;
            let now = looked.iter_mut().filter_map(|(before, now)| Some((before, now.as_mut().ok()?)));
            for (before, pair) in now.filter(|(before, _)| before.kind == kind) {
                pair.ours = ours.remove(&pair.id);
                keep_shown(before, pair);
                deny_success(pair);
            }
        }
        Ok(looked)
    }

    /// Stripe does not tell enough to compare an object.
    fn leave_out(&mut self, pair: &Pair, list: List, reason: String) {
        let created = pair.theirs.as_ref().or(pair.ours.as_ref()).map(|object| object.created);
        let at = created.unwrap_or(self.audit.options.now);
        let missing = Missing { list, from: at, until: at, reason: reason.clone() };
        let known = self.untold.entry((list, reason)).or_insert(missing);
        (known.from, known.until) = (known.from.min(at), known.until.max(at));
    }

    async fn settled(&mut self, pair: &Pair) -> Result<(), Error> {
        self.count(pair);
        let Some(object) = pair.theirs.as_ref().or(pair.ours.as_ref()).filter(|_| !pair.agrees()) else {
            return Ok(());
        };
        self.compared.entry(pair.kind).or_default().different += 1;
        let failed_to_read = self.ours.failed_to_read(&pair.id).await?;
        let facts_agree = self.facts_agree(pair).await?;
        for problem in pair.problems() {
            if self.differences.len() == MOST {
                self.more += 1;
                continue;
            }
            let repair = Repair { object, options: &self.audit.options, failed_to_read, facts_agree };
            self.differences.push(Difference {
                kind: pair.kind,
                id: pair.id.clone(),
                created: object.created,
                currency: object.currency.clone(),
                repair: repair.of(&problem),
                problem,
            });
        }
        Ok(())
    }

    /// Whether what is stored of an object says what Stripe says, so that reading it again brings no news.
    async fn facts_agree(&self, pair: &Pair) -> Result<bool, Error> {
        let Some(theirs) = &pair.theirs else { return Ok(false) };
        if pair.kind == Kind::Subscription {
            let stored = self.ours.stored_state(&pair.id).await?;
            return Ok(stored.is_some_and(|state| theirs.says("status", &state.status)));
        }
        let is_it = |object: &Object| object.kind == pair.kind && object.id == pair.id;
        let folded = self.ours.folded(pair.asked_for()).await?.into_iter().find(is_it);
        Ok(folded.is_some_and(|ours| ours.differs_from(theirs).is_empty()))
    }

    pub(super) fn into_report(mut self, report: Report) -> Report {
        self.differences.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        let repairs: Vec<&str> =
            self.differences.iter().map(|difference| difference.repair.as_str()).collect();
        let repairs = repair::together(&repairs, &report.account);
        Report {
            compared: self.compared,
            not_compared: self.not_compared,
            differences: self.differences,
            more_differences: self.more,
            repairs,
            totals: self.totals,
            left_out: report.left_out.iter().cloned().chain(self.untold.into_values()).collect(),
            ..report
        }
        .judged()
    }
}

/// What Stripe's pages showed of an object that we still have stays, where it alone tells nothing.
fn keep_shown(before: &Pair, pair: &mut Pair) {
    let is_silent = pair.theirs.as_ref().is_some_and(|theirs| theirs.fields.is_empty());
    if is_silent && pair.ours.is_some() && before.theirs.is_some() {
        pair.theirs.clone_from(&before.theirs);
    }
}

/// Stripe has the object, but it tells of no payment: one that was only tried is known by events alone, and one
/// that succeeded is not there.
fn deny_success(pair: &mut Pair) {
    if let (Some(ours), Some(theirs)) = (&pair.ours, &mut pair.theirs)
        && theirs.fields.is_empty()
        && pair.kind == Kind::Payment
        && ours.says("status", "succeeded")
    {
        theirs.fields.push(("status", Told::from("no payment")));
    }
}
