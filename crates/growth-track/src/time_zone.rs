//! The zone whose local days the rollups count.

use chrono_tz::Tz;
use growth_db::rows::{events, settings};
use growth_db::{Db, Tx};

use crate::error::Error;

/// Begins a transaction in which the rollups' time zone is `zone` and stays so.
///
/// A database without events takes any zone; the first batch decides.
pub(crate) async fn begin(db: &Db, zone: Tz) -> Result<Tx, Error> {
    let mut tx = db.begin().await?;
    if settings::hold(&mut tx, settings::TIME_ZONE).await? == zone.name() {
        return Ok(tx);
    }
    // Whoever holds a setting with others must let go of it before waiting to have it alone.
    tx.commit().await?;
    let mut tx = db.begin().await?;
    let stored = settings::lock(&mut tx, settings::TIME_ZONE).await?;
    if stored != zone.name() {
        if events::any(&mut tx).await? {
            return Err(Error::TimeZone { stored, given: zone });
        }
        settings::set(&mut tx, settings::TIME_ZONE, zone.name()).await?;
    }
    Ok(tx)
}
