//! The routes, and who gets past them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use growth_db::migrate;
use growth_http::Peer;
use serde_json::json;
use tokio::time::timeout;

use crate::answer::{Keep, Refusal, guarded, tagged};
use crate::api::Given;
use crate::asked::{Asked, Parameters};
use crate::auth::Denied;
use crate::{Parts, api, pages};

/// The page of figures.
pub(crate) const METRICS: &str = "/admin/metrics";
/// Where one signs in.
pub(crate) const SIGN_IN: &str = "/admin/sign-in";

/// How long a page waits for figures before it is shown without them.
const SOON: Duration = Duration::from_millis(400);
/// How long the database may take to say that it is there.
const READY: Duration = Duration::from_secs(3);
/// What the script of a page sends: that it shows by itself that it waits.
const WAITS: HeaderName = HeaderName::from_static("growthctl-waits");

pub(crate) fn routes(parts: Arc<Parts>) -> Router {
    let api = Router::new()
        .route("/api/admin/metrics", get(api::metrics))
        .route("/api/admin/metrics/series", get(api::series))
        .route("/api/admin/payments", get(api::payments))
        .route("/api/admin/users/top", get(api::top_users))
        .layer(from_fn_with_state(Arc::clone(&parts), programs_sign_in));
    let pages = Router::new()
        .route(METRICS, get(metrics))
        .layer(from_fn_with_state(Arc::clone(&parts), people_sign_in));
    Router::new()
        .merge(api)
        .merge(pages)
        .route("/", get(async || Redirect::to(METRICS)))
        .route("/admin", get(async || Redirect::to(METRICS)))
        .route("/api/admin/openapi.json", get(api::document))
        .route("/api/admin/report.schema.json", get(api::schema))
        .route("/admin/assets/{name}", get(asset))
        .route("/healthz", get(async || Json(json!({"status": "alive"}))))
        .route("/readyz", get(ready))
        .route("/api/{*rest}", get(api::nothing))
        .fallback(async || (StatusCode::NOT_FOUND, Html(pages::not_found())))
        .layer(map_response(guarded))
        .with_state(parts)
}

/// Lets admins pass, and tells others in JSON.
async fn programs_sign_in(
    State(parts): State<Arc<Parts>>,
    peer: Option<Extension<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    match parts.auth.viewer(request.headers(), peer.map(|Extension(peer)| peer)).await {
        Ok(_) => next.run(request).await,
        Err(denied) => Refusal::from(denied).into_response(),
    }
}

/// Lets admins pass, and sends others to where one signs in.
async fn people_sign_in(
    State(parts): State<Arc<Parts>>,
    peer: Option<Extension<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    match parts.auth.viewer(request.headers(), peer.map(|Extension(peer)| peer)).await {
        Ok(_) => next.run(request).await,
        Err(Denied::SignedOut | Denied::Wrong) => Redirect::to(SIGN_IN).into_response(),
        Err(denied @ Denied::Unavailable) => {
            let page = pages::failed(&Asked::default(), &denied.to_string());
            (denied.status(), Html(page)).into_response()
        }
        Err(denied) => (denied.status(), Html(pages::sign_in(Some(&denied.to_string())))).into_response(),
    }
}

async fn metrics(State(parts): State<Arc<Parts>>, headers: HeaderMap, Query(given): Given) -> Response {
    let asked = match Parameters::new(given, &Asked::NAMES).and_then(|given| Asked::of(&given)) {
        Ok(asked) => asked,
        Err(bad) => {
            let page = pages::failed(&Asked::default(), &bad.to_string());
            return (StatusCode::BAD_REQUEST, Html(page)).into_response();
        }
    };
    let counting = api::figures(&parts, &asked, &headers);
    let counted = if headers.contains_key(WAITS) {
        counting.await
    } else {
        match timeout(SOON, counting).await {
            Ok(counted) => counted,
            // It goes on without this request.
            Err(_) => return Html(pages::loading(&asked)).into_response(),
        }
    };
    match counted {
        Ok(counted) => {
            let page = pages::metrics(&asked, &counted.snapshot);
            tagged(&headers, "text/html; charset=utf-8", Bytes::from(page), Keep::Ask)
        }
        Err(trouble) => (trouble.status(), Html(pages::failed(&asked, &trouble.sentence()))).into_response(),
    }
}

/// A file that pages load. Its name changes with what is in it, so it is kept for good.
async fn asset(Path(name): Path<String>) -> Response {
    let Some((kind, bytes)) = pages::asset(&name) else {
        return (StatusCode::NOT_FOUND, Html(pages::not_found())).into_response();
    };
    let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
    ([(CONTENT_TYPE, HeaderValue::from_static(kind)), (CACHE_CONTROL, keep)], bytes).into_response()
}

async fn ready(State(parts): State<Arc<Parts>>) -> Response {
    let (status, word) = match timeout(READY, migrate::check(&parts.db)).await {
        Ok(Ok(())) => (StatusCode::OK, "ready"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (status, Json(json!({"status": word}))).into_response()
}
