//! A dashboard, its clock, and what a test asks it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_dashboard::auth::{self, create_token};
use growth_dashboard::{Dashboard, Settings};
use growth_db::Db;
use growth_db::rows::users::{self, ToldUser};
use growth_http::Peer;
use http_body_util::BodyExt;
use tower::ServiceExt;

/// What the clock shows at first.
pub(crate) const NOW: &str = "2026-07-01T12:00:00Z";
/// Where only admins get an answer, which is then that there is no such number: nothing has to be counted for it.
pub(crate) const ADMINS_ONLY: &str = "/api/admin/users/top?limit=0";
/// A page that only admins see, which says as fast that a parameter is wrong.
pub(crate) const PAGE: &str = "/admin/metrics?days=1";
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) struct Place {
    pub(crate) db: Db,
    pub(crate) dashboard: Dashboard,
    pub(crate) from: SocketAddr,
    settings: auth::Settings,
    clock: Arc<Mutex<DateTime<Utc>>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether somebody was taken for an admin at [`ADMINS_ONLY`].
    pub(crate) fn is_let_in(&self) -> bool {
        self.status == 400 && self.body.contains("limit")
    }

    /// The session that was given, as a browser sends it again.
    pub(crate) fn cookie(&self) -> Option<String> {
        let (cookie, _) = self.header("set-cookie")?.split_once(';')?;
        Some(cookie.to_owned())
    }

    /// The reason in an answer of the API.
    pub(crate) fn code(&self) -> String {
        let answer: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        answer["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Place {
    pub(crate) fn new(db: &Db) -> Self {
        Self::with(db, auth::Settings::default())
    }

    pub(crate) fn with(db: &Db, settings: auth::Settings) -> Self {
        Self::at(db, settings, Arc::new(Mutex::new(at(NOW))))
    }

    fn at(db: &Db, settings: auth::Settings, clock: Arc<Mutex<DateTime<Utc>>>) -> Self {
        let template = growth_metrics::Request::of(at(NOW), 30, Tz::UTC).unwrap();
        let whole = Settings { sign_in: settings.clone(), ..Settings::new(template) };
        let shown = Arc::clone(&clock);
        let dashboard = Dashboard::new(db, whole, Arc::new(move || *shown.lock().unwrap()));
        Self { db: db.clone(), dashboard, from: "192.0.2.1:5000".parse().unwrap(), settings, clock }
    }

    /// The same after its server was started again.
    pub(crate) fn restarted(&self) -> Self {
        Self::at(&self.db, self.settings.clone(), Arc::clone(&self.clock))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    pub(crate) fn wait(&self, time: TimeDelta) {
        *self.clock.lock().unwrap() += time;
    }

    pub(crate) async fn token(&self, name: &str) -> String {
        create_token(&self.db, name, self.now()).await.unwrap()
    }

    pub(crate) async fn user(&self, external_id: &str, is_admin: bool) {
        let mut tx = self.db.begin().await.unwrap();
        let user = ToldUser { external_id, email: None, created_at: at(NOW), is_admin };
        users::tell(&mut tx, &[user]).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).extension(Peer(self.from));
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "127.0.0.1:4243");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let answer = self.dashboard.routes().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, Body::empty()).await
    }

    pub(crate) async fn with_bearer(&self, token: &str) -> Answer {
        self.get(ADMINS_ONLY, &[("authorization", &format!("Bearer {token}"))]).await
    }

    pub(crate) async fn with_cookie(&self, cookie: &str) -> Answer {
        self.get(ADMINS_ONLY, &[("cookie", cookie)]).await
    }

    pub(crate) async fn sign_in(&self, token: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[FORM], headers].concat();
        self.ask(Method::POST, "/admin/sign-in", &headers, format!("token={token}")).await
    }

    /// A session of whoever has a token.
    pub(crate) async fn session(&self, token: &str) -> String {
        let answer = self.sign_in(token, &[]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.cookie().unwrap()
    }

    pub(crate) async fn sign_out(&self, cookie: &str) -> Answer {
        self.ask(Method::POST, "/admin/sign-out", &[("cookie", cookie)], Body::empty()).await
    }
}
