//! Snapshots, counted once for all who ask for the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use growth_db::rows::settings as stored;
use growth_db::{Db, SqlError};
use growth_metrics::{GrowthSnapshot, Payments, PaymentsPage, Request};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use crate::answer::Tagged;
use crate::asked::{Asked, BadParameter};
use crate::{Clock, Settings};

/// How many questions are counted at a time; further ones wait.
const AT_A_TIME: usize = 2;
/// How many answers are kept.
const KEPT: usize = 32;
/// The longest that figures are shown again.
const FRESH_FOR: Duration = Duration::from_mins(1);

/// Figures of one question.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) snapshot: GrowthSnapshot,
    began: Instant,
    took: Duration,
    json: OnceCell<Tagged>,
}

impl Counted {
    /// The snapshot as the report's JSON.
    pub(crate) async fn json(&self) -> Tagged {
        self.json.get_or_init(async || Tagged::new(growth_report::json(&self.snapshot))).await.clone()
    }
}

/// Why there are no figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// What is asked for is not there.
    Asked(BadParameter),
    /// The settings and the database do not agree, in a sentence; somebody has to see to it.
    Settings(String),
    /// The database cannot be reached, or is busy.
    Unavailable(String),
    /// It took too long.
    TooSlow,
}

type Counting = Shared<BoxFuture<'static, Result<Arc<Counted>, Trouble>>>;

#[derive(Default)]
struct Place {
    latest: Option<Arc<Counted>>,
    running: Option<Counting>,
}

/// Counts, and keeps what was counted for a while.
pub(crate) struct Figures {
    shared: Arc<Parts>,
    places: Arc<Mutex<HashMap<Asked, Place>>>,
}

struct Parts {
    db: Db,
    settings: Settings,
    clock: Clock,
    turns: Semaphore,
}

impl Figures {
    pub(crate) fn new(db: Db, settings: Settings, clock: Clock) -> Self {
        let shared = Parts { db, settings, clock, turns: Semaphore::new(AT_A_TIME) };
        Self { shared: Arc::new(shared), places: Arc::default() }
    }

    /// Figures that are fresh enough to be shown again, or new ones.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) async fn recent(&self, asked: &Asked) -> Result<Arc<Counted>, Trouble> {
        self.counted(asked, |latest, settings| {
            let fresh_for = settings.fresh_for.max(FRESH_FOR.min(latest.took * 10));
            latest.began.elapsed() < fresh_for
        })
        .await
    }

    /// Figures that hold everything which was stored before this call.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) async fn new_ones(&self, asked: &Asked) -> Result<Arc<Counted>, Trouble> {
        let now = Instant::now();
        self.counted(asked, |latest, _| latest.began >= now).await
    }

    async fn counted(
        &self,
        asked: &Asked,
        is_fresh: impl Fn(&Counted, &Settings) -> bool,
    ) -> Result<Arc<Counted>, Trouble> {
        loop {
            let (counting, is_ours) = {
                let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                make_room(&mut places, asked);
                let place = places.entry(asked.clone()).or_default();
                if let Some(latest) =
                    place.latest.as_ref().filter(|latest| is_fresh(latest, &self.shared.settings))
                {
                    return Ok(Arc::clone(latest));
                }
                match &place.running {
                    Some(running) => (running.clone(), false),
                    None => (self.begin(asked, place), true),
                }
            };
            let counted = counting.await?;
            // What somebody else began earlier may be too old for this one.
            if is_ours || is_fresh(&counted, &self.shared.settings) {
                return Ok(counted);
            }
        }
    }

    /// Begins to count; it goes on when nobody waits for it any more.
    fn begin(&self, asked: &Asked, place: &mut Place) -> Counting {
        let (shared, places, key) = (Arc::clone(&self.shared), Arc::clone(&self.places), asked.clone());
        let began = Instant::now();
        let counting = async move {
            let counted = shared.count(&key, began).await.map(Arc::new);
            let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
            let place = places.entry(key).or_default();
            place.running = None;
            if let Ok(counted) = &counted {
                place.latest = Some(Arc::clone(counted));
            }
            counted
        };
        let counting = counting.boxed().shared();
        place.running = Some(counting.clone());
        tokio::spawn(counting.clone());
        counting
    }

    /// A page of the payments until now.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn payments(&self, asked: &Asked, page: &PaymentsPage) -> Result<Payments, Trouble> {
        let read = async {
            let request = self.shared.request(asked).await?;
            Ok(growth_metrics::payments(&self.shared.db, &request, page).await?)
        };
        timeout(self.shared.settings.patience, read).await.unwrap_or(Err(Trouble::TooSlow)).inspect_err(told)
    }
}

/// Lets the oldest answers go when there are too many.
fn make_room(places: &mut HashMap<Asked, Place>, asked: &Asked) {
    if places.len() < KEPT || places.contains_key(asked) {
        return;
    }
    let idle = places.iter().filter(|(_, place)| place.running.is_none());
    let oldest = idle.min_by_key(|(_, place)| place.latest.as_ref().map(|latest| latest.began));
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        places.remove(&oldest);
    }
}

impl Parts {
    async fn count(&self, asked: &Asked, began: Instant) -> Result<Counted, Trouble> {
        let counting = async {
            // The semaphore is never closed.
            let _turn = self.turns.acquire().await;
            let request = self.request(asked).await?;
            Box::pin(growth_metrics::snapshot(&self.db, &request)).await.map_err(Trouble::from)
        };
        let snapshot = timeout(self.settings.patience, counting).await.unwrap_or(Err(Trouble::TooSlow));
        let snapshot = snapshot.inspect_err(told)?;
        let took = began.elapsed();
        tracing::debug!(days = asked.days, seconds = took.as_secs_f64(), "counted");
        Ok(Counted { snapshot, began, took, json: OnceCell::new() })
    }

    async fn request(&self, asked: &Asked) -> Result<Request, Trouble> {
        let template = &self.settings.template;
        let zone = if let Some(zone) = self.settings.time_zone {
            zone
        } else {
            let zone = stored::read(&self.db, stored::TIME_ZONE).await.map_err(|error| trouble(&error))?;
            // An empty one, or one that this program does not know, is told by the snapshot.
            zone.parse().unwrap_or(template.time_zone)
        };
        let request = Request::of(self.settings.as_of.unwrap_or_else(|| (self.clock)()), asked.days, zone)
            .map_err(|error| Trouble::Settings(error.to_string()))?;
        Ok(Request {
            window: request.window,
            previous: request.previous,
            days: request.days,
            time_zone: request.time_zone,
            livemode: asked.livemode.or(template.livemode),
            app: asked.app.clone().or_else(|| template.app.clone()),
            currency: asked.currency.clone().or_else(|| template.currency.clone()),
            ..template.clone()
        })
    }
}

impl From<growth_metrics::Error> for Trouble {
    fn from(error: growth_metrics::Error) -> Self {
        match error {
            growth_metrics::Error::Database(error) => trouble(&error),
            growth_metrics::Error::UnknownApp { .. } => {
                Self::Asked(BadParameter::new("app", error.to_string()))
            }
            growth_metrics::Error::UnknownPayment { .. } => {
                Self::Asked(BadParameter::new("after", error.to_string()))
            }
            other => Self::Settings(other.to_string()),
        }
    }
}

/// Tells the log what is wrong, unless it is what was asked for.
fn told(trouble: &Trouble) {
    if !matches!(trouble, Trouble::Asked(_)) {
        tracing::warn!(?trouble, "figures were not counted");
    }
}

/// What a database's error means for who asks. Its own words go to the log: they may name places.
pub(crate) fn trouble(error: &growth_db::Error) -> Trouble {
    match error {
        growth_db::Error::Database(SqlError::Database(told)) if is_timeout(told.as_ref()) => Trouble::TooSlow,
        growth_db::Error::Pending { .. } | growth_db::Error::History { .. } => {
            Trouble::Settings(error.to_string())
        }
        _ => Trouble::Unavailable(error.to_string()),
    }
}

/// PostgreSQL's `query_canceled`, and SQLite's `SQLITE_INTERRUPT`.
fn is_timeout(error: &dyn growth_db::DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("57014" | "9"))
}

#[cfg(test)]
mod tests;
