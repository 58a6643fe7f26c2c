//! Slices read side by side.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use growth_stripe_client::{Client, Error as ClientError};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::fetch::{self, Fetched};
use crate::lists::List;
use crate::slices::{Numbers, Slice};

/// How many pages are asked for at once.
pub(crate) const AT_ONCE: usize = 12;

/// Reads slices page by page. What is asked for is given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    client: Client,
    account: String,
    clock: Clock,
    waiting: VecDeque<Slice>,
    tasks: JoinSet<(Slice, DateTime<Utc>, Result<Fetched, ClientError>)>,
    failures: Failures,
}

/// What went wrong so far.
#[derive(Debug, Default)]
struct Failures {
    /// Of single slices, and of lists as a whole.
    parts: Vec<(List, Option<i64>, String)>,
    /// Why it is no use to ask anything more.
    all: Option<String>,
    /// How many questions in a row failed.
    in_a_row: usize,
    /// Whether Stripe ever answered.
    answered: bool,
}

/// A page, with the slice that it brought on.
#[derive(Debug)]
pub(crate) struct Read {
    /// When Stripe was asked for it.
    pub(crate) asked_at: DateTime<Utc>,
    /// Its objects by the list that they belong to.
    pub(crate) entries: Vec<(List, Value)>,
    pub(crate) advance: Advance,
}

impl Read {
    /// How many objects of its own list it has.
    pub(crate) fn own(&self) -> usize {
        self.entries.iter().filter(|(list, _)| *list == self.advance.slice.list).count()
    }
}

/// A slice that moved on, and what it gave away.
#[derive(Debug)]
pub(crate) struct Advance {
    /// Where it was: its last object.
    pub(crate) before: Option<String>,
    pub(crate) slice: Slice,
    pub(crate) given: Vec<Slice>,
}

impl Advance {
    /// Brings on the slice among others, and adds what it gave away.
    pub(crate) fn bring_on(self, slices: &mut Vec<Slice>) {
        let Self { slice, given, .. } = self;
        let same = |known: &&mut Slice| (known.list, known.number) == (slice.list, slice.number);
        if let Some(known) = slices.iter_mut().find(same) {
            *known = slice;
        }
        slices.extend(given);
    }
}

/// What a round of reading brought.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) pages: Vec<Read>,
    /// Lists of which a part is left out, and why.
    pub(crate) left_out: Vec<(List, String)>,
}

impl Reader {
    pub(crate) fn new(client: Client, account: String, clock: Clock) -> Self {
        Self {
            client,
            account,
            clock,
            waiting: VecDeque::new(),
            tasks: JoinSet::new(),
            failures: Failures::default(),
        }
    }

    /// Adds what is to be read.
    pub(crate) fn add(&mut self, slices: impl IntoIterator<Item = Slice>) {
        self.waiting.extend(slices);
    }

    /// Waits for pages, and asks for those that follow; `None` when everything was read or failed.
    ///
    /// An error is one that leaves nothing to be done, since Stripe never answered anything.
    pub(crate) async fn next(&mut self, numbers: &mut Numbers) -> Result<Option<Round>, ClientError> {
        self.ask();
        let Some(first) = self.tasks.join_next().await else { return Ok(None) };
        let mut answers = vec![first];
        answers.extend(std::iter::from_fn(|| self.tasks.try_join_next()).take(AT_ONCE - 1));
        let mut round = Round::default();
        for answer in answers {
            // A task is never cancelled before it is joined, and a panic in it is one of ours.
            let (slice, asked_at, fetched) = answer.expect("a page that is read to its end");
            match fetched {
                Ok(fetched) => round.pages.push(self.advance(slice, asked_at, fetched, numbers)),
                Err(error) => round.left_out.push(self.fail(&slice, error)?),
            }
        }
        self.ask();
        Ok(Some(round))
    }

    fn ask(&mut self) {
        while self.tasks.len() < AT_ONCE {
            let Some(slice) = self.waiting.pop_front() else { return };
            if self.failures.all.is_some() || self.failures.closed(slice.list) {
                continue;
            }
            let (client, account, asked_at) = (self.client.clone(), self.account.clone(), self.clock.now());
            self.tasks.spawn(async move {
                let fetched = fetch::next(&client, &account, &slice).await;
                (slice, asked_at, fetched)
            });
        }
    }

    /// Moves a slice on by a page, and lets what is left of it wait for its turn.
    fn advance(
        &mut self,
        mut slice: Slice,
        asked_at: DateTime<Utc>,
        fetched: Fetched,
        numbers: &mut Numbers,
    ) -> Read {
        self.failures.in_a_row = 0;
        self.failures.answered = true;
        let before = slice.after.as_ref().map(|(id, _)| id.clone());
        let mut given = Vec::new();
        if let Some((id, at)) = fetched.next {
            let page = fetched.newest.map_or(TimeDelta::zero(), |newest| newest - at);
            let hands = AT_ONCE.saturating_sub(self.tasks.len() + self.waiting.len() + 1);
            slice.after = Some((id, at));
            given = slice.share(hands, page, numbers);
            self.waiting.push_back(slice.clone());
            self.waiting.extend(given.iter().cloned());
        } else {
            slice.done = true;
        }
        let asked_at = fetched.asked_at.unwrap_or(asked_at - TimeDelta::seconds(1));
        Read { asked_at, entries: fetched.entries, advance: Advance { before, slice, given } }
    }

    /// Leaves out what Stripe does not tell; an error where it never told anything.
    fn fail(&mut self, slice: &Slice, error: ClientError) -> Result<(List, String), ClientError> {
        let is_general = matches!(
            error,
            ClientError::Unauthorized { .. }
                | ClientError::Unavailable { .. }
                | ClientError::RateLimited { .. }
                | ClientError::Unreadable { .. }
        );
        if is_general && !self.failures.answered {
            return Err(error);
        }
        let reason = error.to_string();
        self.failures.in_a_row += 1;
        let is_hopeless = is_general && self.failures.in_a_row >= AT_ONCE;
        if is_hopeless || matches!(error, ClientError::Unauthorized { .. }) {
            self.failures.all = Some(reason.clone());
        }
        // A permission is one for the whole list.
        let number = (!matches!(error, ClientError::Forbidden { .. })).then_some(slice.number);
        self.failures.parts.push((slice.list, number, reason.clone()));
        Ok((slice.list, reason))
    }

    /// Why a slice was not read to its end.
    pub(crate) fn reason(&self, slice: &Slice) -> String {
        let Failures { parts, all, .. } = &self.failures;
        let mut of_slice = parts.iter().filter(|(list, number, _)| {
            *list == slice.list && number.is_none_or(|number| number == slice.number)
        });
        let told = of_slice.next().map(|(_, _, reason)| reason).or(all.as_ref());
        told.cloned().unwrap_or_else(|| "it was not asked for".to_owned())
    }
}

impl Failures {
    /// Whether no slice of a list may be read.
    fn closed(&self, list: List) -> bool {
        self.parts.iter().any(|(known, number, _)| *known == list && number.is_none())
    }
}
