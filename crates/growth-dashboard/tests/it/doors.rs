//! Every route, and who gets past it.

use axum::body::Body;
use axum::http::Method;
use growth_dashboard::auth::{self, JwtSettings};
use growth_testkit::on_each_engine;

use crate::place::{ADMINS_ONLY, FORM, PAGE, Place};
use crate::signed::{ISSUER, SECRET, Signer, claims};

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];

/// What anybody may see, which shows nothing.
const OPEN: [&str; 10] = [
    "/",
    "/admin",
    "/admin/",
    "/admin/sign-in",
    "/admin/sign-out",
    "/admin/assets/{name}",
    "/api/admin/openapi.json",
    "/api/admin/report.schema.json",
    "/healthz",
    "/readyz",
];

fn with_jwts() -> auth::Settings {
    let jwt = JwtSettings::with_secret(SECRET, ISSUER, None).unwrap();
    auth::Settings { jwt: Some(jwt), ..auth::Settings::default() }
}

on_each_engine! {
    async fn no_route_shows_anything_to_anybody_but_admins(db: TestDb) {
        let place = Place::with(&db, with_jwts());
        place.user("somebody", false).await;
        place.token("ops").await;
        let somebody = format!("Bearer {}", Signer::secret().sign(&claims("somebody")));
        let wrong = format!("Bearer gat_{}_{}", "0".repeat(16), "0".repeat(32));
        let cookie = format!("growthctl-4243={}", "0".repeat(64));
        for (path, admins_only) in growth_dashboard::paths() {
            assert!(admins_only || OPEN.contains(&path), "{path} is open, and this test does not know why");
            let url = path.replace("{name}", "app.js");
            for method in METHODS {
                for (given, expected) in [
                    (None, 401),
                    (Some(("authorization", wrong.as_str())), 401),
                    (Some(("authorization", somebody.as_str())), 403),
                    (Some(("cookie", cookie.as_str())), 401),
                ] {
                    // Each attempt comes from somewhere else, so that none is refused for those before.
                    let place = place.restarted();
                    let headers: Vec<_> = given.into_iter().collect();
                    let answer = place.ask(method.clone(), &url, &headers, Body::empty()).await;
                    let told = format!("{method} {url} {given:?}: {answer:?}");
                    assert!(!answer.headers.contains_key("set-cookie") || path == "/admin/sign-out", "{told}");
                    if !admins_only {
                        continue;
                    }
                    if url.starts_with("/api/") || expected == 403 {
                        assert_eq!(answer.status, expected, "{told}");
                    } else {
                        assert_eq!(answer.status, 303, "{told}");
                        assert_eq!(answer.header("location"), Some("/admin/sign-in"), "{told}");
                    }
                }
            }
        }
    }

    async fn every_answer_says_what_a_browser_may_do_with_it(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let cookie = place.session(&token).await;
        let mut answers = Vec::new();
        let mut urls: Vec<String> =
            growth_dashboard::paths().iter().map(|(path, _)| path.replace("{name}", "none.js")).collect();
        urls.extend([ADMINS_ONLY, PAGE, "/nothing", "/api/nothing", "/admin/sign-in?code=1"].map(str::to_owned));
        for url in &urls {
            if url.starts_with("/admin/metrics") || url == "/api/admin/metrics" {
                answers.push(place.get(url, &[]).await);
                continue;
            }
            for method in METHODS {
                answers.push(place.ask(method.clone(), url, &[], Body::empty()).await);
                answers.push(place.ask(method, url, &[("cookie", &cookie)], Body::empty()).await);
            }
        }
        let huge = "token=".to_owned() + &"x".repeat(100_000);
        answers.push(place.ask(Method::POST, "/admin/sign-in", &[FORM], huge).await);
        answers.push(place.sign_in("wrong", &[]).await);
        answers.push(place.sign_in(&token, &[]).await);
        answers.push(place.sign_in(&token, &[("sec-fetch-site", "cross-site")]).await);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        for expected in [200, 303, 400, 401, 403, 404, 405, 413] {
            assert!(statuses.contains(&expected), "{expected} is not among {statuses:?}");
        }
        for answer in answers {
            for (name, part) in [
                ("content-security-policy", "default-src 'none'"),
                ("content-security-policy", "frame-ancestors 'none'"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("permissions-policy", "camera=()"),
                ("cache-control", "no-store"),
            ] {
                let value = answer.header(name).unwrap_or_default();
                assert!(value.contains(part), "{name} is {value:?}: {answer:?}");
            }
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{answer:?}");
        }
    }

    async fn other_sites_change_nothing(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let cookie = place.session(&token).await;
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:4244")],
            &[("origin", "http://127.0.0.1:4243"), ("sec-fetch-site", "cross-site")],
        ] {
            let headers = [headers, &[("cookie", &cookie)]].concat();
            let answer = place.sign_in(&token, &headers).await;
            assert_eq!((answer.status.as_u16(), answer.cookie()), (403, None), "{headers:?}");
            let answer = place.ask(Method::POST, "/admin/sign-out", &headers, Body::empty()).await;
            assert_eq!((answer.status.as_u16(), answer.cookie()), (403, None), "{headers:?}");
        }
        assert!(place.with_cookie(&cookie).await.is_let_in());
        let own = [("origin", "http://127.0.0.1:4243"), ("sec-fetch-site", "same-origin")];
        assert_eq!(place.sign_in(&token, &own).await.status, 303);
    }
}
