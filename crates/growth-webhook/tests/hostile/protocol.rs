//! Requests that are no good HTTP, or good HTTP that no client of ours sends.

use std::time::Duration;

use growth_testkit::signed::signature;
use tokio::time::Instant;

use growth_testkit::until;

use crate::raw::{PATIENCE, Raw, head, post};
use crate::running::{NOW, Running, SECRET, event, ids, settings};

fn posted(id: &str) -> Vec<u8> {
    post(SECRET, NOW, event(id).to_string())
}

/// A signed request for this body, with lines of the test's own in the place of `Content-Length`.
fn posted_as(lines: &[&str], body: &str, sent: &str) -> String {
    let signed = format!("Stripe-Signature: {}", signature(SECRET, NOW, body.as_bytes()));
    let lines: Vec<&str> = std::iter::once(signed.as_str()).chain(lines.iter().copied()).collect();
    head("POST /webhooks/stripe HTTP/1.1", &lines) + "\r\n" + sent
}

#[test]
fn a_wrong_method_or_path_is_told_so_and_stores_nothing() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_1").to_string();
        let signed = format!("Stripe-Signature: {}", signature(SECRET, NOW, body.as_bytes()));
        let length = format!("Content-Length: {}", body.len());
        for path in ["/webhooks/stripe", "/api/webhooks/stripe"] {
            for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
                let request =
                    head(&format!("{method} {path} HTTP/1.1"), &[&signed, &length]) + "\r\n" + &body;
                let answer = server.ask(request).await.unwrap();
                assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {path}");
            }
        }
        for path in [
            "/",
            "/metrics",
            "/webhooks",
            "/webhooks/stripe/",
            "/webhooks/stripe/x",
            "//webhooks/stripe",
            "/WEBHOOKS/STRIPE",
            "/webhooks/stripe%2f",
            "/webhooks/../readyz",
            "/admin/metrics",
        ] {
            let request = head(&format!("POST {path} HTTP/1.1"), &[&signed, &length]) + "\r\n" + &body;
            assert_eq!(server.ask(request).await.unwrap().status, 404, "{path}");
        }
        assert_eq!(server.get("/metrics").await.status, 404);
        let head_only = server.ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(head_only.is_none_or(|answer| answer.status == 200));
        assert!(ids(&db).await.is_empty());
        let mut metrics = Raw::connect(server.metrics).await;
        metrics.send(posted("evt_2")).await;
        assert_eq!(metrics.answer().await.unwrap().status, 404);
        assert!(ids(&db).await.is_empty());
        // A query is no other path.
        let request = head("POST /webhooks/stripe?source=x HTTP/1.1", &[&signed, &length]) + "\r\n" + &body;
        assert_eq!(server.ask(request).await.unwrap().status, 200);
        server.end().await;
    });
}

#[test]
fn http_1_0_is_answered_and_closed() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let mut raw = server.connect().await;
        let request = String::from_utf8(posted("evt_1")).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
        raw.send(request).await;
        let answers = raw.answers().await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200]);
        assert_eq!(ids(&db).await, ["evt_1"]);
        server.end().await;
    });
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let mut raw = server.connect().await;
        let wrong = post("whsec_other", NOW, "{}");
        let health = head("GET /healthz HTTP/1.1", &[]) + "\r\n";
        let missing = head("GET /nowhere HTTP/1.1", &["Connection: close"]) + "\r\n";
        raw.send(
            [posted("evt_1"), wrong, health.into_bytes(), posted("evt_2"), missing.into_bytes()].concat(),
        )
        .await;
        let answers = raw.answers().await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 400, 200, 200, 404]);
        assert_eq!(ids(&db).await, ["evt_1", "evt_2"]);
        server.end().await;
    });
}

#[test]
fn a_body_is_asked_for_only_where_it_would_be_read() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_1").to_string();
        let length = format!("Content-Length: {}", body.len());
        let mut raw = server.connect().await;
        raw.send(posted_as(&[&length, "Expect: 100-continue"], &body, "")).await;
        assert_eq!(raw.answer().await.unwrap().status, 100);
        raw.send(&body).await;
        assert_eq!(raw.answer().await.unwrap().status, 200);

        let huge = "Content-Length: 1073741824";
        let unsigned = head("POST /webhooks/stripe HTTP/1.1", &[&length, "Expect: 100-continue"]) + "\r\n";
        let too_large = posted_as(&[huge, "Expect: 100-continue"], &body, "");
        for (request, status) in [(unsigned, 400), (too_large, 413)] {
            let mut raw = server.connect().await;
            raw.send(request).await;
            assert_eq!(raw.answer().await.unwrap().status, status);
            assert_eq!(raw.answer().await, None, "the body is not waited for");
        }
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn no_request_is_smuggled_in_behind_another_ones_length() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_front").to_string();
        let hidden = String::from_utf8(posted("evt_hidden")).unwrap();
        let length = format!("Content-Length: {}", body.len());
        let longer = format!("Content-Length: {}", body.len() + hidden.len());
        let listed = format!("Content-Length: {0}, {0}", body.len());
        let signed = format!("Content-Length: +{}", body.len());
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let both = body.clone() + &hidden;
        for (lines, sent) in [
            (vec![length.as_str(), &longer], &both),
            (vec![&longer, &length], &both),
            (vec!["Content-Length: 0", &length], &both),
            (vec![&signed], &both),
            (vec!["Content-Length: -1"], &both),
            (vec!["Content-Length: 0x10"], &both),
            (vec!["Content-Length: 18446744073709551616"], &both),
            (vec!["Content-Length: "], &both),
            (vec!["Transfer-Encoding: identity", &length], &both),
            (vec!["Transfer-Encoding: chunked, identity"], &(chunks.clone() + &hidden)),
            (vec!["Transfer-Encoding: gzip"], &both),
            (vec!["Transfer-Encoding: xchunked"], &(chunks.clone() + &hidden)),
            (vec!["Transfer-Encoding : chunked", &longer], &(chunks.clone() + &hidden)),
            (vec!["Transfer-Encoding: chunked"], &(chunks.replacen("\r\n", "\n", 1) + &hidden)),
            (vec!["Transfer-Encoding: chunked"], &format!("ffffffffffffffffff\r\n{both}")),
            (vec!["Transfer-Encoding: chunked"], &format!("-1\r\n{both}")),
        ] {
            let mut raw = server.connect().await;
            raw.send(posted_as(&lines, &body, sent)).await;
            raw.finish().await;
            let answers = raw.answers().await;
            assert!(
                answers.iter().all(|answer| (400..=413).contains(&answer.status)),
                "{lines:?}: {answers:?}"
            );
            assert!(ids(&db).await.is_empty(), "{lines:?}");
        }
        // What RFC 9112 lets a server take is read as the chunks say, and nothing behind them is read at all or it is
        // read as what it is.
        for lines in
            [vec![listed.as_str()], vec![&length, &length], vec!["Transfer-Encoding: chunked", &longer]]
        {
            let chunked = lines[0].starts_with("Transfer");
            let mut raw = server.connect().await;
            raw.send(posted_as(&lines, &body, if chunked { &chunks } else { &body })).await;
            raw.finish().await;
            let answers = raw.answers().await;
            assert!(answers.len() <= 1, "{lines:?}: {answers:?}");
            let status = answers.first().map_or(400, |answer| answer.status);
            assert!([200, 400].contains(&status), "{lines:?}: {answers:?}");
        }
        let mut raw = server.connect().await;
        raw.send(posted_as(&["Transfer-Encoding: chunked", &longer], &body, &(chunks + &hidden))).await;
        raw.finish().await;
        let answers = raw.answers().await;
        assert!(
            answers.len() <= 1,
            "a request with two lengths is the last one of its connection: {answers:?}"
        );
        assert!(!ids(&db).await.contains(&"evt_hidden".to_owned()));
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn a_header_that_is_too_large_or_has_too_many_lines_is_told_so() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_1").to_string();
        let length = format!("Content-Length: {}", body.len());
        // Hyper looks at the size of what it has read so far, so that the limit is not an exact one.
        let padding = format!("X-Padding: {}", "x".repeat(200 << 10));
        let many = vec!["X-Line: x"; 101];
        let path = format!("POST /{} HTTP/1.1", "x".repeat(70 << 10));
        let endless = format!("POST /webhooks/stripe HTTP/1.1\r\nX-Endless: {}", "x".repeat(1 << 20));
        for (request, expected) in [
            (posted_as(&[&length, &padding], &body, &body), 431),
            (posted_as(&many, &body, &body), 431),
            (head(&path, &[&length]) + "\r\n" + &body, 431),
            (endless, 431),
        ] {
            let mut raw = server.connect().await;
            raw.offer(request.as_bytes(), PATIENCE).await;
            let status: Vec<u16> = raw.answers().await.iter().map(|answer| answer.status).collect();
            // The answer is lost where the server closes while we still send.
            assert!(status == [expected] || status.is_empty(), "{expected:?}: {status:?}");
        }
        assert!(ids(&db).await.is_empty());
        // Ten kilobytes of signatures are only wrong.
        let long = format!("t={NOW}{}", ",v1=00".repeat(1700));
        let answer = server.ask(crate::raw::post_with(long, body.as_bytes())).await.unwrap();
        assert_eq!((answer.status, answer.body.contains("none of the configured secrets")), (400, true));
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn what_is_no_http_is_closed_and_harms_nobody() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20);
        for bytes in [
            b"".to_vec(),
            b"\r\n\r\n\r\n".to_vec(),
            b"\0\0\0\0".to_vec(),
            b"GET\r\n\r\n".to_vec(),
            b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            b"POST /webhooks/stripe HTTP/1.1\r\n: empty\r\n\r\n".to_vec(),
            b"POST /webhooks/stripe HTTP/1.1\r\nA B: c\r\n\r\n".to_vec(),
            tls,
        ] {
            let mut raw = server.connect().await;
            raw.send(&bytes).await;
            raw.finish().await;
            let answers = raw.answers().await;
            assert!(answers.iter().all(|answer| answer.status >= 400), "{bytes:?}: {answers:?}");
        }
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn a_header_that_does_not_end_is_given_up_in_time() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.header_timeout = Duration::from_millis(300);
        settings.connections.most = 3;
        let server = Running::start_with(&db, settings).await;
        let (mut silent, mut half, mut idle) =
            (server.connect().await, server.connect().await, server.connect().await);
        let start = Instant::now();
        half.send("POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Sig").await;
        idle.send(head("GET /healthz HTTP/1.1", &[]) + "\r\n").await;
        assert_eq!(idle.answer().await.unwrap().status, 200);
        // All places are taken, and yet somebody else is served.
        server.assert_well(&db).await;
        for raw in [&mut silent, &mut half, &mut idle] {
            let answer = raw.answer().await;
            assert!(answer.as_ref().is_none_or(|answer| answer.status == 408), "{answer:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(5));
        server.end().await;
    });
}

#[test]
fn whoever_asks_nothing_keeps_nobody_out() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.header_timeout = Duration::from_mins(10);
        settings.connections.most = 4;
        let server = Running::start_with(&db, settings).await;
        let (mut busy, mut half, mut idle) =
            (server.connect().await, server.connect().await, server.connect().await);
        // The server waits for this one's body.
        let body = event("evt_slow").to_string();
        let length = format!("Content-Length: {}", body.len());
        busy.send(posted_as(&[&length, "Expect: 100-continue"], &body, "")).await;
        assert_eq!(busy.answer().await.unwrap().status, 100);
        idle.send(head("GET /healthz HTTP/1.1", &[]) + "\r\n").await;
        assert_eq!(idle.answer().await.unwrap().status, 200);
        half.send("POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Sig").await;
        // More than there are places for, each of which stays open.
        let mut others = Vec::new();
        for _ in 0..4 {
            let mut other = server.connect().await;
            other.send(head("GET /healthz HTTP/1.1", &[]) + "\r\n").await;
            assert_eq!(other.answer().await.unwrap().status, 200);
            others.push(other);
        }
        for gone in [&mut half, &mut idle] {
            assert_eq!(gone.answer().await, None);
        }
        busy.send(&body).await;
        assert_eq!(busy.answer().await.unwrap().status, 200);
        server.end().await;
    });
}

#[test]
fn a_header_that_trickles_in_is_given_up_in_time() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.header_timeout = Duration::from_millis(300);
        settings.connections.most = 1;
        let server = Running::start_with(&db, settings).await;
        let mut raw = server.connect().await;
        raw.send("POST /webhooks/stripe HTTP/1.1\r\n").await;
        until("the server closes the connection", async || {
            raw.send("X-Line: x\r\n").await;
            (!raw.stays_silent(Duration::from_millis(20)).await).then_some(())
        })
        .await;
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn more_connections_than_there_are_places_wait_and_are_served() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.most = 2;
        let server = Running::start_with(&db, settings).await;
        let (mut first, mut second) = (server.connect().await, server.connect().await);
        for raw in [&mut first, &mut second] {
            raw.send(head("GET /healthz HTTP/1.1", &[]) + "\r\n").await;
            assert_eq!(raw.answer().await.unwrap().status, 200);
        }
        let mut waiting = Vec::new();
        for n in 0..20 {
            let mut raw = server.connect().await;
            raw.send(posted(&format!("evt_{n}"))).await;
            waiting.push(raw);
        }
        assert!(waiting[0].stays_silent(Duration::from_millis(100)).await);
        drop((first, second));
        for raw in &mut waiting {
            // Each has to leave before the next one comes in.
            assert_eq!(raw.answer().await.unwrap().status, 200);
            raw.finish().await;
        }
        assert_eq!(ids(&db).await.len(), 20);
        server.end().await;
    });
}

#[test]
fn a_client_that_never_reads_does_not_keep_its_place_for_ever() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.header_timeout = Duration::from_millis(300);
        settings.body_timeout = Duration::from_millis(300);
        settings.connections.write_timeout = Duration::from_millis(300);
        settings.connections.most = 1;
        let server = Running::start_with(&db, settings).await;
        let mut greedy = server.connect().await;
        let requests = (head("GET /healthz HTTP/1.1", &[]) + "\r\n").repeat(1000);
        // The server takes no more once its answers find no place.
        while greedy.offer(requests.as_bytes(), Duration::from_secs(1)).await {}
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn the_end_of_the_server_waits_for_no_idle_or_stuck_client() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.connections.shutdown_timeout = Duration::from_millis(500);
        let server = Running::start_with(&db, settings).await;
        let (mut idle, mut half, mut body) =
            (server.connect().await, server.connect().await, server.connect().await);
        idle.send(head("GET /healthz HTTP/1.1", &[]) + "\r\n").await;
        assert_eq!(idle.answer().await.unwrap().status, 200);
        half.send("POST /webhooks/str").await;
        body.send(posted_as(&["Content-Length: 1000"], "", "{")).await;
        let answer = server.post(event("evt_1").to_string()).await;
        assert_eq!(answer.status, 200);
        let start = Instant::now();
        server.end().await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(ids(&db).await, ["evt_1"]);
    });
}
