//! Whether the process lives, and whether it can do its work.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use growth_db::rows::inbox;
use growth_db::{Db, Error, migrate};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::server::{Clock, Shared};

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Answers as long as the process lives.
pub(crate) async fn alive() -> Response {
    answer(StatusCode::OK, &json!({"status": "alive"}))
}

/// Answers 200 while events can be stored: the database is there, its schema is ours, and we are not about to end.
///
/// Events that wait to be applied are told and stop nobody: turning Stripe away would make them later still.
pub(crate) async fn ready(State(shared): State<Shared>) -> Response {
    if shared.stop.is_cancelled() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "stopping"}));
    }
    // One at a time, so that asking how the server is never takes what it works with.
    let _alone = shared.asked.lock().await;
    match state(&shared.db, &shared.clock).await {
        Ok(waiting) => answer(
            StatusCode::OK,
            &json!({"status": "ready", "database": "up", "migrations": "applied", "pending": waiting.pending,
                "projector_lag_seconds": waiting.lag_seconds}),
        ),
        Err(Error::Pending { pending }) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"status": "not ready", "database": "up", "migrations": format!("{pending} pending")}),
        ),
        Err(Error::History { .. }) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"status": "not ready", "database": "up", "migrations": "of another version"}),
        ),
        Err(_) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "not ready", "database": "down"}))
        }
    }
}

/// What waits to be applied.
pub(crate) struct Waiting {
    pub(crate) pending: u64,
    /// How long the oldest of them has waited.
    pub(crate) lag_seconds: f64,
}

/// Asks the database for what waits; an error where it is not there or not ours.
async fn state(db: &Db, clock: &Clock) -> Result<Waiting, Error> {
    let asked = async {
        migrate::check(db).await?;
        waiting(db, clock).await
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(too_slow()))
}

pub(crate) async fn waiting(db: &Db, clock: &Clock) -> Result<Waiting, Error> {
    let (pending, oldest) =
        timeout(PATIENCE, inbox::waiting(db)).await.unwrap_or_else(|_| Err(too_slow()))?;
    let waited = oldest.and_then(|oldest| (clock() - oldest).to_std().ok()).unwrap_or_default();
    Ok(Waiting { pending, lag_seconds: waited.as_secs_f64() })
}

fn too_slow() -> Error {
    Error::Database(growth_db::SqlError::PoolTimedOut)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
