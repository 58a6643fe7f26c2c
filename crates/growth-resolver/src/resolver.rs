//! Looking, asking and taking in, round after round.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures_util::future::join_all;
use growth_db::Db;
use growth_ingest::{Error, Intake, Source, ingest};
use growth_stripe_client::{Client, Error as ClientError};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::answers::Ask;
use crate::attempts::{Attempts, Key};
use crate::missing::{self, Kind, Missing, PAGE, Place};
use crate::stats::{Outcome, Stats};

/// Finds what is missing in a database and asks Stripe for it.
pub struct Resolver {
    db: Db,
    client: Client,
    clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    wake: Arc<Notify>,
    pace: Pace,
    stats: Arc<Stats>,
    attempts: Attempts,
    /// How far each kind was looked through, where there is more than one look shows.
    places: BTreeMap<Kind, Place>,
    counted: BTreeMap<Kind, DateTime<Utc>>,
    /// Until when each kind is not looked for, so that the database has time for others.
    rests: BTreeMap<Kind, Instant>,
}

/// How often the resolver looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The pause after each round, however much it is woken.
    pub least: Duration,
    /// The pause after which it looks without being woken.
    pub most: Duration,
}

/// What one round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many questions were put.
    pub asked: u64,
    /// How many of them were answered and taken in.
    pub answered: u64,
    /// Why it ended early: asking on would have been of no use.
    pub trouble: Option<ClientError>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { least: Duration::from_secs(3), most: Duration::from_mins(1) }
    }
}

/// Something to ask, and what is missing for want of its answer.
struct Wanted {
    account: String,
    ask: Ask,
    keys: Vec<Key>,
}

/// How long before the question an answer is stamped.
const NO_NEWS: TimeDelta = TimeDelta::minutes(5);
/// How many questions of one kind are put in a round.
const MOST: usize = 100;
/// How many questions are put at once, whose answers are taken in together.
const AT_ONCE: usize = 8;
/// After looking for a kind, it is left alone so many times as long as that took.
const REST: u32 = 50;
/// The longest pause after rounds that failed.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// How long a count of very many things is good enough.
const COUNT_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);

impl Resolver {
    /// Makes a resolver of the data whose mode is the key's; `wake` tells it (by
    /// [`Notify::notify_one`], which is remembered) that there may be something new.
    pub fn new(
        db: Db,
        client: Client,
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            db,
            client,
            clock: Box::new(clock),
            wake,
            pace: Pace::default(),
            stats: Arc::default(),
            attempts: Attempts::default(),
            places: BTreeMap::new(),
            counted: BTreeMap::new(),
            rests: BTreeMap::new(),
        }
    }

    /// Sets another pace.
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Gives the counters, which stay up to date.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Works until it is told to end. Whatever fails is logged, counted and tried again.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let work = async {
            let (mut due, mut failures) = (Kind::ALL.to_vec(), 0);
            loop {
                let (rested, resting): (Vec<_>, Vec<_>) =
                    due.iter().partition(|kind| self.has_rested(**kind));
                match self.round_of(&rested).await {
                    Ok(Round { trouble: None, asked, answered }) => {
                        tracing::debug!(asked, answered, "looked for what events cannot carry");
                        failures = 0;
                        // What was answered may name something else that is missing.
                        due = if answered > 0 { Kind::ALL.to_vec() } else { resting };
                        sleep(self.pace.least).await;
                        self.wait(&mut due).await;
                        continue;
                    }
                    Ok(Round { trouble: Some(error), .. }) => {
                        tracing::warn!(%error, "cannot ask Stripe for what events cannot carry");
                    }
                    Err(error) => {
                        self.stats.set_error(error.to_string());
                        tracing::warn!(%error, "cannot look for what events cannot carry");
                    }
                }
                let pause = self.pace.most.saturating_mul(2_u32.saturating_pow(failures));
                failures += 1;
                sleep(pause.min(LONGEST_PAUSE)).await;
            }
        };
        // What is under way is dropped: a request has no effect, and a transaction is rolled back.
        let _: Option<()> = shutdown.run_until_cancelled(work).await;
    }

    /// Looks for every kind once, and asks for so many of each.
    ///
    /// An error is the database's; what Stripe does not tell is in the round and in the counters.
    pub async fn round(&mut self) -> Result<Round, Error> {
        self.round_of(&Kind::ALL).await
    }

    fn has_rested(&self, kind: Kind) -> bool {
        self.rests.get(&kind).is_none_or(|until| *until <= Instant::now())
    }

    /// Waits until one of the kinds that are due has rested, or until all are due: since it is woken, or
    /// none was for long.
    async fn wait(&self, due: &mut Vec<Kind>) {
        let rested = due.iter().filter_map(|kind| self.rests.get(kind)).min();
        let until = rested.copied().unwrap_or_else(|| Instant::now() + self.pace.most);
        let woken = timeout_at(until, self.wake.notified()).await.is_ok();
        if woken || due.is_empty() {
            *due = Kind::ALL.to_vec();
        }
    }

    async fn round_of(&mut self, kinds: &[Kind]) -> Result<Round, Error> {
        let mut round = Round::default();
        let mut troubles = Vec::new();
        for &kind in kinds {
            let wanted = self.wanted(kind).await?;
            for some in wanted.chunks(AT_ONCE) {
                let Some(trouble) = self.resolve(kind, some, &mut round).await? else { continue };
                if matches!(trouble, ClientError::Unauthorized { .. }) {
                    return Ok(Round { trouble: Some(trouble), ..round });
                }
                troubles.push(trouble);
                break;
            }
        }
        // Where one part of the API is out of order, the others go on at their pace.
        round.trouble = troubles.into_iter().next().filter(|_| round.answered == 0);
        Ok(round)
    }

    /// What of one kind is to be asked for now.
    async fn wanted(&mut self, kind: Kind) -> Result<Vec<Wanted>, Error> {
        let began = Instant::now();
        let now = (self.clock)();
        let livemode = self.client.livemode();
        let newest = missing::look(&self.db, kind, livemode, now, None).await?;
        let mut chosen: Vec<Missing> = Vec::new();
        if newest.len() < PAGE {
            self.places.remove(&kind);
            self.stats.set_backlog(kind, newest.len() as u64);
            self.choose(kind, newest, MOST, now, &mut chosen);
        } else {
            // The newest are never kept waiting, nor do they keep the others waiting for ever.
            let end_of_newest = newest.last().map(|last| last.place.clone());
            self.choose(kind, newest, MOST / 2, now, &mut chosen);
            let from = self.places.remove(&kind).or(end_of_newest);
            let older = missing::look(&self.db, kind, livemode, now, from.as_ref()).await?;
            let is_last = older.len() < PAGE;
            if let Some(reached) = self.choose(kind, older, MOST, now, &mut chosen)
                && !(is_last && chosen.len() < MOST)
            {
                self.places.insert(kind, reached);
            }
            if self.counted.get(&kind).is_none_or(|at| now - *at >= COUNT_AGAIN_AFTER) {
                self.stats.set_backlog(kind, missing::count(&self.db, kind, livemode, now).await?);
                self.counted.insert(kind, now);
            }
        }
        if kind == Kind::Discount {
            missing::find_subscriptions(&self.db, livemode, &mut chosen).await?;
        }
        self.rests.insert(kind, Instant::now() + began.elapsed() * REST);
        Ok(self.together(kind, chosen, now))
    }

    /// Chooses what is worth asking for, until there are so many, and gives the place of the last one it saw.
    fn choose(
        &self,
        kind: Kind,
        missing: Vec<Missing>,
        up_to: usize,
        now: DateTime<Utc>,
        chosen: &mut Vec<Missing>,
    ) -> Option<Place> {
        let mut reached = None;
        for missing in missing {
            if chosen.len() >= up_to {
                break;
            }
            reached = Some(missing.place.clone());
            let endpoint = missing.ask.as_ref().map_or(DISCOUNTS_ENDPOINT, Ask::endpoint);
            if self.attempts.may(&key(kind, &missing), endpoint, now) {
                chosen.push(missing);
            }
        }
        reached
    }

    /// Puts together what one question answers.
    fn together(&mut self, kind: Kind, chosen: Vec<Missing>, now: DateTime<Utc>) -> Vec<Wanted> {
        let mut wanted: BTreeMap<(String, Ask), Vec<Key>> = BTreeMap::new();
        for missing in chosen {
            let key = key(kind, &missing);
            match missing.ask {
                Some(ask) => wanted.entry((missing.account, ask)).or_default().push(key),
                // No subscription that is known names it any more.
                None => self.attempts.made(key, now),
            }
        }
        wanted.into_iter().map(|((account, ask), keys)| Wanted { account, ask, keys }).collect()
    }

    /// Asks all at once, and takes in what is answered. Tells why it is no use to go on with this kind.
    async fn resolve(
        &mut self,
        kind: Kind,
        wanted: &[Wanted],
        round: &mut Round,
    ) -> Result<Option<ClientError>, Error> {
        let now = (self.clock)();
        let is_open = |wanted: &&Wanted| self.attempts.is_open(wanted.ask.endpoint(), &wanted.account, now);
        let wanted: Vec<&Wanted> = wanted.iter().filter(is_open).collect();
        let client = &self.client;
        let answers = join_all(wanted.iter().map(|wanted| wanted.ask.answer(client, &wanted.account))).await;
        let mut objects: BTreeMap<&str, Vec<(String, Value)>> = BTreeMap::new();
        let mut troubles = Vec::new();
        for (Wanted { account, ask, keys }, answer) in wanted.iter().copied().zip(answers) {
            round.asked += 1;
            let outcome = match &answer {
                Ok(_) => Outcome::Answered,
                Err(ClientError::NotFound { .. }) => Outcome::NotFound,
                Err(ClientError::Forbidden { .. }) => Outcome::Forbidden,
                Err(_) => Outcome::Failed,
            };
            self.stats.count(kind, outcome);
            for key in keys.iter().cloned() {
                match outcome {
                    Outcome::NotFound => self.attempts.in_vain(key, now),
                    Outcome::Answered | Outcome::Forbidden | Outcome::Failed => self.attempts.made(key, now),
                }
            }
            match answer {
                Ok(answered) => {
                    round.answered += 1;
                    let texts = answered.into_iter().map(|object| (object.to_string(), object));
                    objects.entry(account).or_default().extend(texts);
                }
                Err(error) => {
                    let told = format!("{} of {}: {error}", kind.as_str(), keys_shown(keys));
                    if outcome == Outcome::Forbidden {
                        tracing::warn!(account, "{told}; not asked again for a day");
                        self.attempts.close(ask.endpoint(), account, now);
                    } else {
                        tracing::debug!(account, "{told}");
                    }
                    self.stats.set_error(told);
                    troubles.push(error);
                }
            }
        }
        for (account, objects) in objects {
            self.take_in(kind, account, now, objects).await?;
        }
        Ok(trouble(troubles, wanted.len()))
    }

    /// Stores objects. One that the database refuses is left out, so that it does not take others with it.
    async fn take_in(
        &self,
        kind: Kind,
        account: &str,
        received_at: DateTime<Utc>,
        objects: Vec<(String, Value)>,
    ) -> Result<(), Error> {
        let livemode = self.client.livemode();
        // An event's time has whole seconds of Stripe's clock, and ours may differ by as much as a signature may be old.
        // What is stamped before all that can be news never hides an event: what is asked for is in no event anyway.
        let received_at = received_at.trunc_subsecs(0) - NO_NEWS;
        let intake = Intake { source: Source::Api, received_at, livemode, account: account.to_owned() };
        let mut sets = vec![objects];
        while let Some(objects) = sets.pop() {
            match ingest(&self.db, intake.clone(), objects.clone()).await {
                Ok(summary) => {
                    for problem in summary.problems {
                        self.stats.set_error(format!("{}: {}", kind.as_str(), problem.message));
                    }
                }
                Err(error) if error.is_about_data() && objects.len() > 1 => {
                    sets.extend(objects.into_iter().map(|object| vec![object]));
                }
                Err(error) if error.is_about_data() => {
                    tracing::warn!(%error, account, "an answer of Stripe's cannot be stored");
                    self.stats.set_error(format!("{}: {error}", kind.as_str()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("client", &self.client)
            .field("pace", &self.pace)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// Where discounts are asked for.
const DISCOUNTS_ENDPOINT: &str = "subscriptions";

fn key(kind: Kind, missing: &Missing) -> Key {
    (kind, missing.account.clone(), missing.id.clone())
}

fn keys_shown(keys: &[Key]) -> String {
    let ids: Vec<&str> = keys.iter().map(|(_, _, id)| id.as_str()).collect();
    ids.join(", ")
}

/// Why it is no use to go on: a key that is not valid, or a Stripe that answers none of several questions. One
/// question that is never answered is no reason.
fn trouble(errors: Vec<ClientError>, asked: usize) -> Option<ClientError> {
    let is_general = |error: &ClientError| {
        matches!(error, ClientError::Unavailable { .. } | ClientError::RateLimited { .. })
    };
    let all_failed = asked > 1 && errors.len() == asked && errors.iter().all(is_general);
    errors.into_iter().find(|error| all_failed || matches!(error, ClientError::Unauthorized { .. }))
}
