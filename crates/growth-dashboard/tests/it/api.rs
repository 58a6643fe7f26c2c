//! What programs are answered.

use std::collections::BTreeSet;

use axum::http::Method;
use chrono::TimeDelta;
use chrono_tz::Tz;
use growth_dashboard::{OPENAPI, paths};
use growth_db::Db;
use growth_ingest::{Intake, Source, ingest};
use growth_metrics::{PaymentLine, Request};
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::place::{Answer, NOW, Place, at};

/// Stores payments that succeeded one a day until now, the latest first.
async fn paid(db: &Db, amounts: &[i64], livemode: bool) {
    let events = amounts.iter().zip(1..).map(|(amount, days)| {
        let created = (at(NOW) - TimeDelta::days(days)).timestamp();
        let mode = if livemode { "live" } else { "test" };
        let event = json!({
            "id": format!("evt_{mode}_{amount}"), "object": "event", "api_version": "2025-03-31.basil",
            "created": created, "livemode": livemode, "type": "payment_intent.succeeded",
            "data": {"object": {
                "id": format!("pi_{mode}_{amount}"), "object": "payment_intent", "status": "succeeded",
                "currency": "gbp", "amount": amount, "amount_received": amount, "created": created,
                "livemode": livemode, "metadata": {},
            }},
        });
        (event.to_string(), event)
    });
    let intake = Intake { source: Source::Webhook, received_at: at(NOW), livemode, account: String::new() };
    ingest(db, intake, events.collect()).await.unwrap();
}

async fn asked(place: &Place, token: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let authorization = format!("Bearer {token}");
    place.get(path, &[&[("authorization", authorization.as_str())], headers].concat()).await
}

async fn json_of(place: &Place, token: &str, path: &str) -> Value {
    let answer = asked(place, token, path, &[]).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

on_each_engine! {
    async fn it_tells_what_the_report_tells(db: TestDb) {
        paid(&db, &[1_500, 2_000], true).await;
        paid(&db, &[700], false).await;
        let place = Place::new(&db);
        let token = place.token("ann").await;
        for (query, days, livemode) in
            [("", 30, true), ("?days=7", 7, true), ("?days=90&mode=live", 90, true), ("?mode=test&days=30", 30, false)]
        {
            let request = Request { livemode: Some(livemode), ..Request::of(at(NOW), days, Tz::UTC).unwrap() };
            let snapshot = growth_metrics::snapshot(&db, &request).await.unwrap();
            let answer = asked(&place, &token, &format!("/api/admin/metrics{query}"), &[]).await;
            assert_eq!(answer.body, growth_report::json(&snapshot), "{query}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let series = json_of(&place, &token, &format!("/api/admin/metrics/series{query}")).await;
            let whole = serde_json::to_value(&snapshot).unwrap();
            assert_eq!(series["header"], whole["header"]);
            assert_eq!(series["activity"], whole["engagement"]["days"]);
            assert_eq!(series["revenue"][0]["days"], whole["revenue"][0]["days"]);
            assert_eq!(series["revenue"].as_array().unwrap().len(), snapshot.revenue.len());
            let top = json_of(&place, &token, &format!("/api/admin/users/top{query}")).await;
            assert_eq!(top["users"], whole["product"]["top_users"]);
        }
    }

    async fn payments_come_in_pages(db: TestDb) {
        let amounts: Vec<i64> = (1..=7).map(|n| n * 100).collect();
        paid(&db, &amounts, true).await;
        let place = Place::new(&db);
        let token = place.token("ann").await;
        let request = Request::of(at(NOW), 30, Tz::UTC).unwrap();
        let all: Vec<PaymentLine> = growth_metrics::snapshot(&db, &request).await.unwrap().payments;
        for limit in 1..=8 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = json_of(&place, &token, &format!("/api/admin/payments?limit={limit}&after={after}")).await;
                let payments = page["payments"].as_array().unwrap();
                assert!(payments.len() <= limit, "{page}");
                seen.extend(payments.clone());
                let Some(last) = payments.last().filter(|_| page["has_more"] == true) else { break };
                after = last["id"].as_str().unwrap().to_owned();
            }
            assert_eq!(Value::from(seen), serde_json::to_value(&all).unwrap(), "{limit}");
        }
        assert_eq!(json_of(&place, &token, "/api/admin/payments?mode=test").await["payments"], json!([]));
        let unknown = asked(&place, &token, "/api/admin/payments?after=pi_of_nobody", &[]).await;
        assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (400, "bad_parameter"));
        assert!(unknown.body.contains("pi_of_nobody"), "{}", unknown.body);
    }

    async fn a_parameter_that_is_none_is_told(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ann").await;
        for (path, parameter, words) in [
            ("/api/admin/metrics?days=31", "days", "it is 7, 30 or 90 days"),
            ("/api/admin/metrics?days=-7", "days", "it is 7, 30 or 90 days"),
            ("/api/admin/metrics?days=7&days=30", "days", "given twice"),
            ("/api/admin/metrics?dayz=7", "dayz", "there are days, currency, mode, app"),
            ("/api/admin/metrics?currency=pounds", "currency", "no currency"),
            ("/api/admin/metrics?currency=gpb", "currency", "no currency"),
            ("/api/admin/metrics?app=nothing", "app", "nothing was recorded"),
            ("/api/admin/metrics?mode=both", "mode", "it is live or test"),
            ("/api/admin/metrics/series?limit=3", "limit", "no such parameter"),
            ("/api/admin/users/top?limit=11", "limit", "from 1 to 10"),
            ("/api/admin/payments?limit=0", "limit", "from 1 to 100"),
            ("/api/admin/payments?limit=many", "limit", "from 1 to 100"),
            ("/api/admin/payments?days=7", "days", "there are mode, limit, after"),
        ] {
            let answer = asked(&place, &token, path, &[]).await;
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((answer.status.as_u16(), &body["error"]["parameter"]), (400, &json!(parameter)), "{path}: {body}");
            let message = body["error"]["message"].as_str().unwrap();
            assert!(message.contains(words), "{path}: {message}");
        }
        let bearer = format!("Bearer {token}");
        let written = place.ask(Method::POST, "/api/admin/metrics", &[("authorization", &bearer)], "").await;
        assert_eq!((written.status.as_u16(), written.code().as_str()), (405, "method_not_allowed"));
        assert_eq!(written.header("allow"), Some("GET,HEAD"));
        // Whoever may not look is told that, whatever is asked.
        assert_eq!(place.get("/api/admin/metrics?days=31", &[]).await.status, 401);
    }

    async fn what_has_not_changed_is_not_sent_again(db: TestDb) {
        paid(&db, &[1_500], true).await;
        let place = Place::new(&db);
        let token = place.token("ann").await;
        let first = asked(&place, &token, "/api/admin/metrics", &[]).await;
        assert_eq!(first.header("cache-control"), Some("private, max-age=5"));
        assert_eq!(first.header("vary"), Some("authorization, cookie"));
        let tag = first.header("etag").unwrap();
        for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let again = asked(&place, &token, "/api/admin/metrics", &[("if-none-match", &known)]).await;
            assert_eq!((again.status.as_u16(), again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
        }
        // What was counted before is shown again, unless new figures are asked for.
        paid(&db, &[2_000, 3_000], true).await;
        let known = [("if-none-match", tag)];
        assert_eq!(asked(&place, &token, "/api/admin/metrics", &known).await.status, 304);
        let anew = asked(&place, &token, "/api/admin/metrics", &[known[0], ("cache-control", "no-cache")]).await;
        assert_eq!(anew.status, 200);
        let payments = |answer: &Answer| {
            serde_json::from_str::<Value>(&answer.body).unwrap()["payments"].as_array().unwrap().len()
        };
        assert_eq!((payments(&first), payments(&anew)), (1, 3));
        assert_ne!(anew.header("etag"), Some(tag));
        // It does not tell whoever may not look that it knows the tag.
        assert_eq!(place.get("/api/admin/metrics", &[("if-none-match", "*")]).await.status, 401);
    }

    async fn trouble_is_told_without_what_is_nobodys_business(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ann").await;
        assert_eq!(asked(&place, &token, "/api/admin/payments", &[]).await.status, 200);
        db.close().await;
        for path in ["/api/admin/metrics", "/api/admin/metrics/series", "/api/admin/users/top", "/api/admin/payments"] {
            let answer = asked(&place, &token, path, &[]).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{path}: {answer:?}");
            assert!(!answer.body.contains("pool"), "{}", answer.body);
        }
        assert_eq!(place.get("/readyz", &[]).await.status, 503);
        assert_eq!(place.get("/healthz", &[]).await.status, 200);
        let page = asked(&place, &token, "/admin/metrics", &[]).await;
        assert_eq!(page.status, 503);
        assert!(page.body.contains("cannot be reached"), "{}", page.body);
    }
}

#[test]
fn the_document_tells_of_the_routes_there_are_and_of_no_others() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let told: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let there: BTreeSet<&str> =
        paths().into_iter().map(|(path, _)| path).filter(|path| path.starts_with("/api/")).collect();
    assert_eq!(told, there);
    let page = include_str!("../../../../docs/DASHBOARD.md");
    for (path, for_admins) in paths().into_iter().filter(|(path, _)| path.starts_with("/api/")) {
        let operation = &document["paths"][path]["get"];
        // Where nobody has to sign in, the document says so.
        assert_eq!(operation["security"] == json!([]), !for_admins, "{path}");
        assert!(!for_admins || page.contains(&format!("`GET {path}`")), "{path} is not in docs/DASHBOARD.md");
    }
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/report.schema.json")).unwrap();
    for reference in OPENAPI.split("report.schema.json#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schema["$defs"][name].is_object(), "there is no {name} in docs/report.schema.json");
    }
}
