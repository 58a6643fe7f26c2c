//! Both sides together: what agrees is counted, what does not is looked at again.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::objects::{Kind, Object, Told};
use super::ours::{Ours, Which};
use super::repair::Repair;
use super::report::{Compared, Difference, Problem, Report};
use super::second_look::{SecondLook, list_of};
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
    fn of(ours: Object, theirs: Option<Object>) -> Self {
        Self { kind: ours.kind, id: ours.id.clone(), ours: Some(ours), theirs }
    }

    fn agrees(&self) -> bool {
        match (&self.ours, &self.theirs) {
            (Some(ours), Some(theirs)) => ours.differs_from(theirs).is_empty(),
            (Some(ours), None) => ours.kind == Kind::Invoice && ours.says("status", "draft"),
            (None, Some(theirs)) => theirs.fields.is_empty(),
            (None, None) => true,
        }
    }

    /// Money that only a charge tells of is no object at Stripe.
    fn is_told_by_charge(&self) -> bool {
        self.kind == Kind::Refund && list_of(&self.id) != Some(List::Refunds)
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
        ours.each(kind, window, &mut |object| self.add(pair(object, &mut shown))).await?;
        // By our rows, these were created before or after the window.
        let ids: Vec<String> = shown.keys().cloned().collect();
        for ids in ids.chunks(IDS) {
            ours.each(kind, Which::Ids(ids), &mut |object| self.add(pair(object, &mut shown))).await?;
        }
        for (id, theirs) in shown {
            self.add(Pair { kind, id, ours: None, theirs: Some(theirs) });
        }
        Ok(())
    }

    fn add(&mut self, pair: Pair) {
        if pair.is_told_by_charge() {
            Totals::add(&mut self.totals, pair.ours.as_ref(), None);
        } else if pair.agrees() {
            self.count(&pair);
        } else {
            self.suspects.push(pair);
        }
    }

    fn count(&mut self, pair: &Pair) {
        if pair.ours.is_some() || pair.theirs.is_some() {
            self.compared.entry(pair.kind).or_default().objects += 1;
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
            self.count(&pair);
            self.more += 1;
        }
        Ok(())
    }

    async fn settle(&mut self, mut open: Vec<Pair>, theirs: &Theirs) -> Result<(), Error> {
        for _ in 0..LOOKS {
            let mut moving = Vec::new();
            for (before, now) in open.iter().zip(self.look(&open, theirs).await?) {
                if now.agrees() || now == *before {
                    self.settled(&now).await?;
                } else {
                    moving.push(now);
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
    async fn look(&self, pairs: &[Pair], theirs: &Theirs) -> Result<Vec<Pair>, Error> {
        let look = &SecondLook {
            client: &self.audit.client,
            account: &self.audit.options.account,
            ours: self.ours,
            theirs,
        };
        let mut looked: Vec<Pair> = stream::iter(pairs.iter().cloned().map(|pair| async move {
            let theirs = look.theirs(&pair).await?;
            Ok::<Pair, Error>(Pair { ours: None, theirs, ..pair })
        }))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
        for kind in Kind::ALL {
            let of_kind = looked.iter().filter(|pair| pair.kind == kind);
            let ids: Vec<String> = of_kind.map(|pair| pair.id.clone()).collect();
            let mut ours = HashMap::new();
            let mut tell = |object: Object| drop(ours.insert(object.id.clone(), object));
            self.ours.each(kind, Which::Ids(&ids), &mut tell).await?;
            for pair in looked.iter_mut().filter(|pair| pair.kind == kind) {
                pair.ours = ours.remove(&pair.id);
            }
        }
        looked.iter_mut().for_each(deny_success);
        Ok(looked)
    }

    async fn settled(&mut self, pair: &Pair) -> Result<(), Error> {
        self.count(pair);
        let Some(object) = pair.theirs.as_ref().or(pair.ours.as_ref()).filter(|_| !pair.agrees()) else {
            return Ok(());
        };
        self.compared.entry(pair.kind).or_default().different += 1;
        let failed_to_read = self.ours.failed_to_read(&pair.id).await?;
        for problem in pair.problems() {
            if self.differences.len() == MOST {
                self.more += 1;
                continue;
            }
            let repair = Repair { object, options: &self.audit.options, failed_to_read };
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

    pub(super) fn into_report(self, report: Report) -> Report {
        Report {
            compared: self.compared,
            not_compared: self.not_compared,
            differences: self.differences,
            more_differences: self.more,
            totals: self.totals,
            ..report
        }
        .judged()
    }
}

fn pair(ours: Object, shown: &mut HashMap<String, Object>) -> Pair {
    let theirs = shown.remove(&ours.id);
    Pair::of(ours, theirs)
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
