//! A collector, and what a test asks it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use growth_collector::{Collector, Settings};
use growth_db::{Db, query};
use growth_track::create_key;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// What the collector's clock always shows.
pub(crate) const NOW: &str = "2026-07-01T12:00:00Z";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A collector with one key, named `web`.
pub(crate) struct Place {
    pub(crate) db: Db,
    pub(crate) collector: Collector,
    pub(crate) key: String,
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

    pub(crate) fn is_success(&self) -> bool {
        self.status == 200 && self.body == r#"{"success":true}"#
    }
}

impl Place {
    pub(crate) async fn new(db: &Db) -> Self {
        Self::with(db, Settings::default()).await
    }

    pub(crate) async fn with(db: &Db, settings: Settings) -> Self {
        let key = create_key(db, "web", at(NOW)).await.unwrap();
        let collector = Collector::new(db, settings, Arc::new(|| at(NOW)));
        Self { db: db.clone(), collector, key }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.collector.routes().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Posts with the key as clients do.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: impl Into<Body>) -> Answer {
        let authorization = self.basic();
        self.ask(Method::POST, path, &[("authorization", authorization.as_str())], body).await
    }

    pub(crate) fn basic(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:", self.key)))
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        query(&self.db, sql).fetch_one::<(i64,)>().await.unwrap().0
    }

    pub(crate) async fn events(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM events").await
    }
}
