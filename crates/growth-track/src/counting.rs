//! By what events are counted: the zone of the days, the event that activates.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use growth_db::rows::events;
use growth_db::rows::settings::{self, Tracking};
use growth_db::{Db, Error as DbError, SqlError, Tx};

use crate::error::Error;

/// The event that activates a user where nobody said which.
pub const DEFAULT_ACTIVATION_EVENT: &str = "enrichment_completed";

/// By what events are counted. The first batch decides; a database with events keeps what it has, and refuses a
/// batch that wants another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The zone whose local days are counted; `None` for the database's own.
    pub time_zone: Option<Tz>,
    /// The event that activates a user when it succeeds; `None` for the database's own.
    pub activation_event: Option<String>,
}

/// By what the events of a database are counted, held until a transaction ends.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) time_zone: Tz,
    pub(crate) activation_event: String,
    pub(crate) erasure_salt: String,
    pub(crate) pruned_before: Option<DateTime<Utc>>,
}

impl Held {
    pub(crate) fn read(tracking: &Tracking) -> Result<Self, DbError> {
        let zone = tracking.time_zone.parse::<Tz>();
        Ok(Self {
            time_zone: zone.map_err(|error| DbError::Database(SqlError::Decode(error.into())))?,
            activation_event: tracking.activation_event.clone(),
            erasure_salt: tracking.erasure_salt.clone(),
            pruned_before: pruned_before(tracking),
        })
    }
}

/// The instant before which raw events are gone.
pub(crate) fn pruned_before(tracking: &Tracking) -> Option<DateTime<Utc>> {
    let month: NaiveDate = tracking.pruned_before.parse().ok()?;
    Some(month.and_time(NaiveTime::MIN).and_utc())
}

/// Begins a transaction in which what events are counted by is as `counting` says, and stays so.
pub(crate) async fn begin(db: &Db, counting: &Counting) -> Result<(Tx, Held), Error> {
    let mut tx = db.begin().await?;
    let tracking = settings::hold_tracking(&mut tx).await?;
    if is_as(&tracking, counting) {
        return Ok((tx, Held::read(&tracking)?));
    }
    // Whoever holds a setting with others must let go of it before waiting to have it alone.
    tx.commit().await?;
    let mut tx = db.begin().await?;
    let mut tracking = settings::lock_tracking(&mut tx).await?;
    if !is_as(&tracking, counting) {
        decide(&mut tx, &mut tracking, counting).await?;
    }
    Ok((tx, Held::read(&tracking)?))
}

fn is_as(tracking: &Tracking, counting: &Counting) -> bool {
    let zone = counting.time_zone.is_none_or(|zone| zone.name() == tracking.time_zone);
    let event = counting.activation_event.as_ref().is_none_or(|event| *event == tracking.activation_event);
    zone && event && !tracking.activation_event.is_empty()
}

/// Sets what is not decided yet, and refuses to change what events were counted by.
async fn decide(tx: &mut Tx, tracking: &mut Tracking, counting: &Counting) -> Result<(), Error> {
    let any = events::any(tx).await?;
    if let Some(zone) = counting.time_zone.filter(|zone| zone.name() != tracking.time_zone) {
        if any {
            return Err(Error::TimeZone { stored: tracking.time_zone.clone(), given: zone });
        }
        set_time_zone(tx, tracking, zone).await?;
    }
    let event = counting.activation_event.as_deref();
    if tracking.activation_event.is_empty() || !any {
        let known = Some(tracking.activation_event.as_str()).filter(|known| !known.is_empty());
        let event = event.or(known).unwrap_or(DEFAULT_ACTIVATION_EVENT).to_owned();
        set_activation_event(tx, tracking, &event).await?;
    } else if let Some(event) = event.filter(|event| *event != tracking.activation_event) {
        let (stored, given) = (tracking.activation_event.clone(), event.to_owned());
        return Err(Error::ActivationEvent { stored, given });
    }
    Ok(())
}

pub(crate) async fn set_time_zone(tx: &mut Tx, tracking: &mut Tracking, zone: Tz) -> Result<(), DbError> {
    settings::set(tx, settings::TIME_ZONE, zone.name()).await?;
    zone.name().clone_into(&mut tracking.time_zone);
    Ok(())
}

pub(crate) async fn set_activation_event(
    tx: &mut Tx,
    tracking: &mut Tracking,
    event: &str,
) -> Result<(), DbError> {
    settings::set(tx, settings::ACTIVATION_EVENT, event).await?;
    event.clone_into(&mut tracking.activation_event);
    Ok(())
}
