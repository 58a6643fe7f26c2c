//! The admin dashboard: pages for people and an API for programs, of one [`GrowthSnapshot`].
//!
//! Invariants:
//!
//! * Nothing is shown to anybody who is not signed in as an admin: there is no open default.
//! * Pages and API show the snapshot that the report shows, so they can never disagree with it.
//! * However many look, the database counts once at a time for the same question, and no longer than it may.
//! * Pages ask nobody but this server: no script, style, font or picture of others.
//! * What is not known is told as not known, never as 0.
//!
//! [`GrowthSnapshot`]: growth_metrics::GrowthSnapshot

mod answer;
mod api;
mod asked;
pub mod auth;
mod figures;
mod pages;
mod routes;

#[cfg(test)]
#[path = "../../growth-report/tests/it/activity.rs"]
mod activity;
#[cfg(test)]
#[path = "../../growth-report/tests/it/business.rs"]
#[expect(dead_code, reason = "not every snapshot of the report's tests is shown")]
mod business;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_metrics::Request;

pub use api::OPENAPI;
#[doc(hidden)]
pub use routes::paths;

use crate::auth::Auth;
use crate::figures::Figures;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a dashboard keeps to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is asked of every snapshot; its window, its zone, its mode and its currency are those of each request.
    pub template: Request,
    /// The zone in which days begin and end; that of the database when `None`.
    pub time_zone: Option<Tz>,
    /// When all periods end; now when `None`.
    pub as_of: Option<DateTime<Utc>>,
    /// For how long figures are shown again before they are counted anew. Where counting takes long they are shown for
    /// ten times as long as it took, up to a minute.
    pub fresh_for: Duration,
    /// The longest that figures may take.
    pub patience: Duration,
    /// Who may look, and for how long.
    pub sign_in: auth::Settings,
}

impl Settings {
    /// The defaults, about what this template says.
    pub fn new(template: Request) -> Self {
        Self {
            template,
            time_zone: None,
            as_of: None,
            fresh_for: Duration::from_secs(5),
            patience: Duration::from_mins(1),
            sign_in: auth::Settings::default(),
        }
    }
}

/// The dashboard of a database.
pub struct Dashboard {
    parts: Arc<Parts>,
}

/// What all requests share.
pub(crate) struct Parts {
    pub(crate) auth: Auth,
    pub(crate) db: Db,
    pub(crate) figures: Figures,
}

impl Dashboard {
    /// Makes a dashboard of a database whose migrations are applied. It needs the runtime of tokio.
    pub fn new(db: &Db, settings: Settings, clock: Clock) -> Self {
        let auth = Auth::new(db.clone(), settings.sign_in.clone(), Arc::clone(&clock));
        let figures = Figures::new(db.clone(), settings, clock);
        Self { parts: Arc::new(Parts { auth, db: db.clone(), figures }) }
    }

    /// Its routes, for the server that has them.
    pub fn routes(&self) -> Router {
        routes::routes(Arc::clone(&self.parts))
    }

    /// Who may look.
    pub fn auth(&self) -> &Auth {
        &self.parts.auth
    }
}
