//! Visitors: who they are, once somebody says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use growth_db::rows::{ActivityRow, MilestoneRow, events, users as directory, visitors as tables};
use growth_db::{Error as DbError, Tx, table};

use crate::accepted::Accepted;
use crate::batch::People;
use crate::counting::Held;
use crate::identities::Named;
use crate::rollups::Rollups;

/// Gives the numbers that the events of visitors have: of the users who they are, or their own.
///
/// The visitors that somebody was who is forgotten have none, and their events are not stored. A visitor whom an identity names becomes that user, with all events so far; who a visitor is does not change after
/// that. Until the transaction ends nobody else writes for these visitors.
pub(crate) async fn hold(
    tx: &mut Tx,
    held: &Held,
    named: &[(usize, Named)],
    accepted: &[(usize, Accepted)],
    people: &People,
    rollups: &mut Rollups,
) -> Result<HashMap<String, i64>, DbError> {
    let mut users: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, identity) in named {
        if let (Some(visitor), Some(user)) = (&identity.visitor, people.number(&identity.user)) {
            users.entry(visitor).or_insert(user);
        }
    }
    let seen = accepted.iter().filter_map(|(_, event)| event.visitor.as_deref());
    let all: BTreeSet<&str> = seen.chain(users.keys().copied()).collect();
    // Whoever was forgotten is not known again by the browser either.
    let tombstones: Vec<String> = all.iter().map(|id| directory::tombstone(&held.erasure_salt, id)).collect();
    let forgotten = tables::known(tx, &tombstones).await?;
    let alive = all.into_iter().zip(&tombstones).filter(|(_, tombstone)| !forgotten.contains(*tombstone));
    let all: Vec<&str> = alive.map(|(id, _)| id).collect();
    let (mut numbers, mut joined) = (HashMap::new(), BTreeMap::new());
    for visitor in tables::hold(tx, &all).await? {
        let number = match (visitor.user_id, users.get(visitor.anonymous_id.as_str())) {
            (Some(user), _) => user,
            (None, Some(user)) => {
                joined.insert(-visitor.id, *user);
                *user
            }
            (None, None) => -visitor.id,
        };
        numbers.insert(visitor.anonymous_id, number);
    }
    if !joined.is_empty() {
        join(tx, &joined, rollups).await?;
    }
    Ok(numbers)
}

/// Makes visitors, by the numbers of their events, users; the rollups of both become one.
async fn join(tx: &mut Tx, joined: &BTreeMap<i64, i64>, rollups: &mut Rollups) -> Result<(), DbError> {
    let named: Vec<(i64, i64)> = joined.iter().map(|(visitor, user)| (-visitor, *user)).collect();
    tables::name(tx, &named).await?;
    for (visitor, user) in joined {
        events::give(tx, *visitor, *user).await?;
    }
    let visitors: Vec<i64> = joined.keys().copied().collect();
    let user = |visitor: i64| joined.get(&visitor).copied().unwrap_or(visitor);
    let mut firsts: BTreeMap<i64, DateTime<Utc>> = BTreeMap::new();
    for row in table::take::<MilestoneRow>(tx, &visitors).await? {
        let user_id = user(row.user_id);
        if let Some(at) = row.first_seen_at {
            firsts.entry(user_id).and_modify(|first| *first = at.min(*first)).or_insert(at);
        }
        rollups.merge_milestones(MilestoneRow { user_id, ..row });
    }
    for row in table::take::<ActivityRow>(tx, &visitors).await? {
        rollups.merge_activity(&ActivityRow { user_id: user(row.user_id), ..row });
    }
    let mut kept = Rollups::new(chrono_tz::UTC, "");
    for row in table::take_kept::<MilestoneRow>(tx, &visitors).await? {
        kept.merge_milestones(MilestoneRow { user_id: user(row.user_id), ..row });
    }
    for row in table::take_kept::<ActivityRow>(tx, &visitors).await? {
        kept.merge_activity(&ActivityRow { user_id: user(row.user_id), ..row });
    }
    kept.keep(tx).await?;
    directory::make_older(tx, &firsts.into_iter().collect::<Vec<_>>()).await
}
