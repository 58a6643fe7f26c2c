//! Whatever is told together, into rows and rollups, in one transaction.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use growth_db::rows::users::IdentifiedUser;
use growth_db::rows::{EventRow, ReceiptRow, events as tables, users as directory};
use growth_db::{Db, Error as DbError, Tx};
use sha2::{Digest, Sha256};

use crate::accepted::{Accepted, Problem};
use crate::counting::{self, Counting, Held};
use crate::error::Error;
use crate::event::{Event, Identity, Usage};
use crate::identities::Named;
use crate::rollups::Rollups;
use crate::usage::Increment;
use crate::{digest, usage as counters, users, visitors};

/// How a message that was seen before is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once {
    /// By a receipt of its id, kept for thirty days: for clients whose retries may carry another time.
    #[default]
    Receipt,
    /// By the stored event itself, forever: for files, where an id always goes with the same user and time. An event
    /// with another user or time is another event. Usage has no row of its own, and leaves a receipt anyway.
    Key,
}

/// How a batch is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By what events are counted.
    pub counting: Counting,
    /// When the batch arrived.
    pub received_at: DateTime<Utc>,
    /// How messages that came before are known.
    pub once: Once,
    /// Whether addresses are stored as they are, instead of a hash whose salt lives for a day.
    pub store_ip: bool,
}

impl Settings {
    /// Settings for a batch that arrived at `received_at`, counted as the database counts.
    pub fn new(received_at: DateTime<Utc>) -> Self {
        Self { counting: Counting::default(), received_at, once: Once::default(), store_ip: false }
    }
}

/// What is told together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Who people are; told before the events.
    pub identities: &'a [Identity],
    /// What happened.
    pub events: &'a [Event],
    /// What was used.
    pub usage: &'a [Usage],
}

/// What became of one kind of thing that a batch told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many are stored and counted now.
    pub stored: usize,
    /// How many were stored before, or came twice in the batch.
    pub duplicates: usize,
    /// How many name a person who was forgotten; nothing is stored of them.
    pub erased: usize,
    /// The position and what is wrong with each that was left out.
    pub rejected: Vec<(usize, String)>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Of who people are.
    pub identities: Recorded,
    /// Of what happened.
    pub events: Recorded,
    /// Of what was used.
    pub usage: Recorded,
}

/// Stores events and counts them in the rollups, in one transaction: [`write()`] for events alone.
///
/// # Errors
///
/// See [`write()`].
pub async fn record(db: &Db, events: &[Event], settings: &Settings) -> Result<Recorded, Error> {
    Ok(write(db, Batch { events, ..Batch::default() }, settings).await?.events)
}

/// Stores events that are needed no more: [`record()`], without copying them.
///
/// # Errors
///
/// See [`write()`].
pub async fn record_all(db: &Db, events: Vec<Event>, settings: &Settings) -> Result<Recorded, Error> {
    Ok(store(db, &[], events, &[], settings).await?.events)
}

/// Stores what is told together, in one transaction.
///
/// A message id that the source sent before is skipped. Users who are not known yet are created, as old as their
/// earliest event; visitors become the users whom an identity names, with all their events. An event is left out, and
/// named in [`Recorded::rejected`], where
/// * its name is neither of the catalogue nor in `snake_case`, or its category or status is unknown;
/// * `properties` are no object, `duration_ms` is negative or longer than a year, or the property
///   `contacts` is a whole number below 0 or above 10⁹;
/// * `at` is before the year 2000, more than a day after `received_at`, or so old that its month was pruned;
/// * `user`, `anonymous_id` or `message_id` is empty, or one of these, `source` or `app` has more than 255 bytes;
/// * its texts and properties have more than [`MAX_EVENT`](crate::MAX_EVENT) bytes.
///
/// An increment of usage is left out where it is negative or above 10¹², or for a day before the year 2000 or more than
/// a day after `received_at`. U+0000 is stripped from text, and times are cut to microseconds. The whole batch is held
/// in memory several times over: give it some thousands of things at a time.
///
/// # Errors
///
/// [`Error::TimeZone`] and [`Error::ActivationEvent`] where the database counts by something else than
/// `settings.counting`; otherwise the database's. Nothing of the batch is stored then.
pub async fn write(db: &Db, batch: Batch<'_>, settings: &Settings) -> Result<Written, Error> {
    let mut tries = 1;
    loop {
        match store(db, batch.identities, batch.events.to_vec(), batch.usage, settings).await {
            Err(Error::Database(error)) if error.is_passing() && tries < TRIES => tries += 1,
            written => return written,
        }
    }
}

/// How often a batch is tried that others were in the way of, such as in a deadlock that the database resolved.
const TRIES: u32 = 5;

async fn store(
    db: &Db,
    identities: &[Identity],
    events: Vec<Event>,
    usage: &[Usage],
    settings: &Settings,
) -> Result<Written, Error> {
    let mut written = Written::default();
    let received_at = settings.received_at.trunc_subsecs(6);
    let mut named =
        sorted(identities, &mut written.identities, |identity| Named::check(identity, received_at));
    let mut accepted =
        sorted(events, &mut written.events, |event| Accepted::check(event, settings.received_at));
    let mut increments = sorted(usage, &mut written.usage, |usage| Increment::check(usage, received_at));
    if named.is_empty() && accepted.is_empty() && increments.is_empty() {
        return Ok(written);
    }
    tables::make_partitions(db, &months(&accepted)).await?;
    let (mut tx, held) = counting::begin(db, &settings.counting).await?;
    if let Some(horizon) = held.pruned_before {
        let rejected = &mut written.events.rejected;
        accepted.retain(|(index, event)| {
            let kept = event.row.created_at >= horizon;
            if !kept {
                rejected.push((*index, Problem::Pruned(event.row.created_at, horizon).to_string()));
            }
            kept
        });
        rejected.sort_by_key(|(index, _)| *index);
    }
    only_new(&mut named, &mut written.identities, |identity| identity.message.clone());
    match settings.once {
        Once::Receipt => only_new(&mut accepted, &mut written.events, |event| event.message.clone()),
        // The id alone does not make two events one.
        Once::Key => only_new(&mut accepted, &mut written.events, |event| {
            let who = (event.user.clone(), event.visitor.clone());
            event.message.as_ref().map(|message| (message.clone(), who, event.row.created_at))
        }),
    }
    only_new(&mut increments, &mut written.usage, |usage| usage.message.clone());
    let new = receive(&mut tx, &named, &accepted, &increments, settings, &held, received_at).await?;
    new.keep(&mut named, &mut written.identities, |identity| identity.message.as_ref());
    if settings.once == Once::Receipt {
        new.keep(&mut accepted, &mut written.events, |event| event.message.as_ref());
    }
    new.keep(&mut increments, &mut written.usage, |usage| usage.message.as_ref());

    let people = people(&mut tx, &held, &named, &accepted, &increments).await?;
    let mut rollups = Rollups::new(held.time_zone, &held.activation_event);
    let visitors = visitors::hold(&mut tx, &held, &named, &accepted, &people, &mut rollups).await?;
    written.identities.take(&named, |identity| people.is_erased(&identity.user));

    written.events.take(&accepted, |event| match (&event.user, &event.visitor) {
        (Some(user), _) => people.is_erased(user),
        (None, Some(visitor)) => !visitors.contains_key(visitor),
        (None, None) => false,
    });
    written.events.stored = 0;
    let salt = if settings.store_ip || accepted.iter().all(|(_, event)| event.ip.is_none()) {
        None
    } else {
        Some(tables::daily_salt(&mut tx, received_at.date_naive(), &digest::random()).await?)
    };
    let rows = rows(accepted, &people, &visitors, salt.as_deref());
    let good = rows.len();
    let known = tables::store(&mut tx, &rows).await?;
    let is_new = |row: &&EventRow| !known.contains(&(row.user_id, row.created_at, row.id));
    for row in rows.iter().filter(is_new) {
        rollups.add(row);
        written.events.stored += 1;
    }
    written.events.duplicates += good - written.events.stored;
    written.usage.take(&increments, |usage| people.is_erased(&usage.user));
    counters::store(&mut tx, increments, &people, received_at).await?;
    rollups.store(&mut tx).await?;
    tx.commit().await?;
    Ok(written)
}

impl Recorded {
    /// Counts what is about to be stored, and what is not for the sake of somebody who was forgotten.
    fn take<T>(&mut self, all: &[(usize, T)], is_erased: impl Fn(&T) -> bool) {
        self.erased = all.iter().filter(|(_, one)| is_erased(one)).count();
        self.stored = all.len() - self.erased;
    }
}

/// Checks each, and writes down what is wrong with those that are left out.
fn sorted<T, U, E: ToString>(
    given: impl IntoIterator<Item = T>,
    recorded: &mut Recorded,
    check: impl Fn(T) -> Result<U, E>,
) -> Vec<(usize, U)> {
    let mut good = Vec::new();
    for (index, one) in given.into_iter().enumerate() {
        match check(one) {
            Ok(one) => good.push((index, one)),
            Err(problem) => recorded.rejected.push((index, problem.to_string())),
        }
    }
    good
}

/// Source and id.
pub(crate) type Message = (String, String);

/// Leaves out what comes twice.
fn only_new<T, K: Eq + std::hash::Hash>(
    all: &mut Vec<(usize, T)>,
    recorded: &mut Recorded,
    key: impl Fn(&T) -> Option<K>,
) {
    let before = all.len();
    let mut seen = HashSet::new();
    all.retain(|(_, one)| key(one).is_none_or(|key| seen.insert(key)));
    recorded.duplicates += before - all.len();
}

/// The messages whose receipts are new.
struct New {
    /// `None` for all.
    new: Option<HashSet<Message>>,
    salt: String,
}

impl New {
    /// Leaves out what came before.
    fn keep<T>(
        &self,
        all: &mut Vec<(usize, T)>,
        recorded: &mut Recorded,
        message: impl Fn(&T) -> Option<&Message>,
    ) {
        let Some(new) = &self.new else { return };
        let before = all.len();
        let is_new = |message: &Message| new.contains(&receipt(&self.salt, message));
        all.retain(|(_, one)| message(one).is_none_or(is_new));
        recorded.duplicates += before - all.len();
    }
}

/// Writes receipts of all messages down, and tells which are new.
async fn receive(
    tx: &mut Tx,
    named: &[(usize, Named)],
    accepted: &[(usize, Accepted)],
    increments: &[(usize, Increment)],
    settings: &Settings,
    held: &Held,
    received_at: DateTime<Utc>,
) -> Result<New, DbError> {
    let named = named.iter().filter_map(|(_, identity)| identity.message.as_ref());
    let increments = increments.iter().filter_map(|(_, usage)| usage.message.as_ref());
    let mut messages: Vec<&Message> = named.chain(increments).collect();
    if settings.once == Once::Receipt {
        messages.extend(accepted.iter().filter_map(|(_, event)| event.message.as_ref()));
    }
    let receipts: Vec<ReceiptRow> = messages
        .into_iter()
        .map(|message| {
            let (source, message_id) = receipt(&held.erasure_salt, message);
            ReceiptRow { source, message_id, received_at }
        })
        .collect();
    let new = tables::store_receipts(tx, &receipts).await?;
    let new = (new.len() < receipts.len()).then(|| new.into_iter().collect());
    Ok(New { new, salt: held.erasure_salt.clone() })
}

/// What is written down of a message: not its id, which may say whose it is.
fn receipt(salt: &str, (source, id): &Message) -> Message {
    let mut digest = digest::sha256(&format!("{salt}{id}"));
    digest.truncate(32);
    (source.clone(), digest)
}

/// The first days of the UTC months in which events happened.
fn months(accepted: &[(usize, Accepted)]) -> BTreeSet<NaiveDate> {
    accepted.iter().filter_map(|(_, event)| event.row.created_at.date_naive().with_day(1)).collect()
}

/// Everybody whom a batch names.
pub(crate) struct People {
    numbers: HashMap<String, i64>,
    erased: HashSet<String>,
}

impl People {
    pub(crate) fn is_erased(&self, user: &str) -> bool {
        self.erased.contains(user)
    }

    /// The number of a user who was not forgotten.
    pub(crate) fn number(&self, user: &str) -> Option<i64> {
        self.numbers.get(user).copied()
    }
}

/// Gives the numbers of everybody, and makes those who are new.
async fn people(
    tx: &mut Tx,
    held: &Held,
    named: &[(usize, Named)],
    accepted: &[(usize, Accepted)],
    increments: &[(usize, Increment)],
) -> Result<People, DbError> {
    let mut seen: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    let told = named.iter().map(|(_, identity)| (identity.user.as_str(), identity.at));
    let happened =
        accepted.iter().filter_map(|(_, event)| Some((event.user.as_deref()?, event.row.created_at)));
    let used = increments.iter().map(|(_, usage)| (usage.user.as_str(), usage.seen_at));
    for (user, at) in told.chain(happened).chain(used) {
        seen.entry(user).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
    }
    if seen.is_empty() {
        return Ok(People { numbers: HashMap::new(), erased: HashSet::new() });
    }
    let all: Vec<&str> = seen.keys().copied().collect();
    let mut known = directory::find(&mut *tx, &all).await?;
    let erased = users::erased(tx, &held.erasure_salt, &all, &known).await?;
    let mut identified: BTreeMap<&str, IdentifiedUser<'_>> = BTreeMap::new();
    for (_, identity) in named.iter().filter(|(_, identity)| !erased.contains(&identity.user)) {
        // A batch may tell of somebody more than once; what is told last stands.
        let user = identified.entry(&identity.user).or_insert_with(|| identity.as_user());
        user.email = identity.email.as_deref().or(user.email);
        user.signed_up_at = identity.created_at.or(user.signed_up_at);
        user.told_at = identity.at.min(user.told_at);
    }
    let identified: Vec<_> = identified.into_values().filter(IdentifiedUser::tells_something).collect();
    seen.retain(|user, _| !erased.contains(*user));
    if !identified.is_empty() {
        directory::identify(tx, &identified).await?;
        known = directory::find(&mut *tx, &all).await?;
    }
    Ok(People { numbers: users::numbers(tx, &seen, known).await?, erased })
}

/// Gives every event the number of its user, and an id where its message gave it none. Events of people who were
/// forgotten are left out.
fn rows(
    accepted: Vec<(usize, Accepted)>,
    people: &People,
    visitors: &HashMap<String, i64>,
    salt: Option<&str>,
) -> Vec<EventRow> {
    let first = random();
    let numbered = (first..).zip(accepted).filter_map(|(id, (_, event))| {
        let user_id = match (&event.user, &event.visitor) {
            (Some(user), _) => people.number(user)?,
            (None, Some(visitor)) => *visitors.get(visitor)?,
            (None, None) => 0,
        };
        let id = if event.message.is_some() { event.row.id } else { id };
        let (ip, ip_hash) = match (event.ip, salt) {
            (Some(ip), Some(salt)) => (None, Some(ip_hash(salt, &ip))),
            (ip, _) => (ip, None),
        };
        Some(EventRow { user_id, id, ip, ip_hash, ..event.row })
    });
    numbered.collect()
}

/// 128 bits of a salted digest: enough to tell the addresses of a day apart.
fn ip_hash(salt: &str, ip: &str) -> String {
    let mut hash = digest::hex(&Sha256::digest(format!("{salt}{ip}")));
    hash.truncate(32);
    hash
}

/// A random number of 62 bits. It keeps events of one user and microsecond in different batches
/// apart; those of one batch count up from it, and so keep their order.
fn random() -> i64 {
    // Every state of the standard library's hash maps is seeded by the system's randomness.
    i64::try_from(RandomState::new().hash_one(()) >> 2).unwrap_or_default()
}
