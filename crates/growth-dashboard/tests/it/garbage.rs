//! Whatever is sent, nobody is let in by it and nothing breaks.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use growth_dashboard::auth::{self, JwtSettings};
use growth_http::Peer;
use proptest::prelude::*;
use tower::ServiceExt as _;

use crate::place::{ADMINS_ONLY, Place};
use crate::signed::{ISSUER, SECRET};

/// Texts that nearly are what is expected, and bytes that are nothing.
fn credential() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[ -~]{0,100}".prop_map(String::into_bytes),
        "gat_[0-9a-f]{0,17}_[0-9a-f]{0,33}".prop_map(String::into_bytes),
        "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}".prop_map(String::into_bytes),
        "eyJhbGciOiJub25lIn0\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,10}".prop_map(String::into_bytes),
        "[0-9a-f]{60,66}".prop_map(String::into_bytes),
    ]
}

fn value(prefix: &str, bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&[prefix.as_bytes(), bytes].concat()).ok()
}

#[test]
fn garbage_lets_nobody_in() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let jwt = JwtSettings::with_secret(SECRET, ISSUER, None).unwrap();
        let settings = auth::Settings { jwt: Some(jwt), behind_proxy: true, ..auth::Settings::default() };
        let place = Place::with(&db, settings);
        place.token("ops").await;
        let handle = tokio::runtime::Handle::current();
        let strategy =
            (credential(), credential(), proptest::collection::vec(any::<u8>(), 0..64), any::<u32>());
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 300,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        tokio::task::block_in_place(|| {
            let ran = runner.run(&strategy, |(token, cookie, other, number)| {
                // Each comes from somewhere else, so that it is looked at.
                let from = Peer((std::net::Ipv4Addr::from_bits(number), 5000).into());
                handle.block_on(check(&place, from, &token, &cookie, &other));
                Ok(())
            });
            ran.unwrap();
        });
    });
}

async fn check(place: &Place, from: Peer, token: &[u8], cookie: &[u8], other: &[u8]) {
    let headers = [
        ("authorization", value("Bearer ", token)),
        ("authorization", value("", token)),
        ("cookie", value("growthctl-4243=", cookie)),
        ("cookie", value("", cookie)),
        ("x-forwarded-for", value("", other)),
        ("x-forwarded-proto", value("", other)),
        ("host", value("", other)),
        ("origin", value("", other)),
    ];
    for chosen in 0..=headers.len() {
        let mut request = Request::get(ADMINS_ONLY).extension(from);
        let given =
            headers.iter().enumerate().filter(|(index, _)| chosen == headers.len() || *index == chosen);
        for (_, (name, value)) in given {
            if let Some(value) = value {
                request = request.header(*name, value);
            }
        }
        let request = request.body(Body::empty()).unwrap();
        let status = place.dashboard.routes().oneshot(request).await.unwrap().status();
        assert!(status == 401 || status == 429, "{status}");
    }
    let mut form = b"token=".to_vec();
    form.extend(token);
    for body in [token.to_vec(), form] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/admin/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(from)
            .body(Body::from(body))
            .unwrap();
        let answer = place.dashboard.routes().oneshot(request).await.unwrap();
        assert!(!answer.headers().contains_key("set-cookie"));
        assert!(answer.status().is_client_error(), "{}", answer.status());
    }
}
