//! The routes, and who gets past them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Json, Router};
use growth_db::migrate;
use growth_http::Peer;
use serde_json::json;
use tokio::time::timeout;

use crate::answer::{Refusal, guarded};
use crate::api::Given;
use crate::asked::{Asked, Parameters};
use crate::auth::{Denied, routes as sign_in};
use crate::{Parts, api, pages};

/// The page of figures.
pub(crate) const METRICS: &str = "/admin/metrics";
/// Where one signs in.
pub(crate) const SIGN_IN: &str = "/admin/sign-in";
/// Where one signs out.
pub(crate) const SIGN_OUT: &str = "/admin/sign-out";

/// How long a page waits for figures before it is shown without them.
const SOON: Duration = Duration::from_millis(400);
/// How long the database may take to say that it is there.
const READY: Duration = Duration::from_secs(3);
/// What the script of a page sends: that it shows by itself that it waits.
const WAITS: HeaderName = HeaderName::from_static("growthctl-waits");

/// Who gets past a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Everybody.
    All,
    /// Admins; others are told in JSON.
    Programs,
    /// Admins; others are sent to where one signs in.
    People,
}

/// A path, who gets past it, and what is there.
type Route = (&'static str, For, fn() -> MethodRouter<Arc<Parts>>);

/// All routes: the router is made of these and of nothing else, so none is without somebody to let in.
const ROUTES: [Route; 15] = [
    ("/", For::All, || get(async || Redirect::to(METRICS))),
    ("/admin", For::All, || get(async || Redirect::to(METRICS))),
    ("/admin/", For::All, || get(async || Redirect::to(METRICS))),
    (METRICS, For::People, || get(metrics)),
    (SIGN_IN, For::All, || get(sign_in::page).post(sign_in::sign_in)),
    (SIGN_OUT, For::All, || post(sign_in::sign_out)),
    ("/admin/assets/{name}", For::All, || get(asset)),
    ("/api/admin/metrics", For::Programs, || get(api::metrics)),
    ("/api/admin/metrics/series", For::Programs, || get(api::series)),
    ("/api/admin/payments", For::Programs, || get(api::payments)),
    ("/api/admin/users/top", For::Programs, || get(api::top_users)),
    ("/api/admin/openapi.json", For::All, || get(api::document)),
    ("/api/admin/report.schema.json", For::All, || get(api::schema)),
    ("/healthz", For::All, || get(async || Json(json!({"status": "alive"})))),
    ("/readyz", For::All, || get(ready)),
];

/// The path of every route, and whether only admins get past it; for the tests of sign-in.
#[doc(hidden)]
pub fn paths() -> Vec<(&'static str, bool)> {
    ROUTES.iter().map(|(path, who, _)| (*path, *who != For::All)).collect()
}

pub(crate) fn routes(parts: Arc<Parts>) -> Router {
    let mut router = Router::new();
    for (path, who, what) in ROUTES {
        let what = match who {
            For::All => what(),
            For::Programs => what()
                .fallback(async || Refusal::Method)
                .layer(from_fn_with_state(Arc::clone(&parts), programs_sign_in)),
            For::People => what().layer(from_fn_with_state(Arc::clone(&parts), people_sign_in)),
        };
        router = router.route(path, what);
    }
    router
        .route("/api/{*rest}", any(api::nothing))
        .fallback(async || (StatusCode::NOT_FOUND, Html(pages::not_found())))
        .layer(from_fn(sign_in::same_site_only))
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
        Err(Denied::SignedOut | Denied::Wrong) => Redirect::to(&wanted(&request).at(SIGN_IN)).into_response(),
        Err(denied @ Denied::Unavailable) => {
            let page = pages::failed(&wanted(&request), &denied.to_string());
            (denied.status(), Html(page)).into_response()
        }
        Err(denied) => sign_in::refused(&denied, &wanted(&request)),
    }
}

/// The figures that a request for a page is about, whatever becomes of it.
fn wanted(request: &Request) -> Asked {
    Query::try_from_uri(request.uri()).map(|Query(given)| Asked::or_default(given)).unwrap_or_default()
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
            // It is not kept: going back after signing out would show it.
            Html(pages::metrics(&asked, &counted.snapshot)).into_response()
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
