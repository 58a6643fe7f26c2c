//! Bodies that are too large, too slow, cut off, or too many at a time.

use std::time::Duration;

use growth_testkit::signed::signature;
use growth_testkit::{on_each_engine, until};
use tokio::time::Instant;

use crate::raw::{head, post};
use crate::running::{NOW, Running, SECRET, event, event_of, ids, settings};

const LIMIT: usize = 4096;

fn limited() -> growth_webhook::Settings {
    let mut settings = settings();
    settings.body_limit = LIMIT;
    settings
}

/// The header of a signed request whose body comes in chunks.
fn chunked(body: &str) -> String {
    let signed = format!("Stripe-Signature: {}", signature(SECRET, NOW, body.as_bytes()));
    head("POST /webhooks/stripe HTTP/1.1", &[&signed, "Transfer-Encoding: chunked"]) + "\r\n"
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

on_each_engine! {
    async fn a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(db: TestDb) {
        let server = Running::start_with(&db, limited()).await;
        assert_eq!(server.post(event_of("evt_limit", LIMIT)).await.status, 200);
        let chunks = event_of("evt_chunks", LIMIT);
        let (first, rest) = chunks.split_at(1000);
        let request = chunked(&chunks) + &chunk(first) + &chunk(rest) + "0\r\n\r\n";
        assert_eq!(server.ask(request).await.unwrap().status, 200);
        for id in ["evt_a", "evt_b"] {
            let body = event_of(id, LIMIT + 1);
            let request = if id == "evt_a" {
                post(SECRET, NOW, &body)
            } else {
                (chunked(&body) + &chunk(&body) + "0\r\n\r\n").into_bytes()
            };
            let answer = server.ask(request).await.unwrap();
            assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{id}");
        }
        assert_eq!(ids(&db).await, ["evt_chunks", "evt_limit"]);
        server.assert_well(&db).await;
        server.end().await;
    }
}

#[test]
fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start_with(&db, limited()).await;
        for length in [LIMIT as u64 + 1, 1 << 40, u64::MAX >> 1] {
            let mut raw = server.connect().await;
            let length = format!("Content-Length: {length}");
            raw.send(
                head("POST /webhooks/stripe HTTP/1.1", &["Stripe-Signature: t=1,v1=00", &length]) + "\r\n",
            )
            .await;
            assert_eq!(raw.answer().await.unwrap().status, 413, "{length}");
            assert_eq!(raw.answer().await, None, "closed");
        }
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn an_endless_body_is_cut_at_the_limit() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start_with(&db, limited()).await;
        let mut raw = server.connect().await;
        raw.send(chunked("")).await;
        let piece = chunk(&"x".repeat(1000));
        let mut sent = 0;
        while sent < 100 << 20 && raw.offer(piece.as_bytes(), Duration::from_secs(5)).await {
            sent += piece.len();
        }
        assert!(sent < 50 << 20, "the server took {sent} bytes");
        let mut raw = server.connect().await;
        raw.send(chunked("") + &piece.repeat(5)).await;
        assert_eq!(raw.answer().await.unwrap().status, 413);
        assert_eq!(raw.answer().await, None);
        assert!(ids(&db).await.is_empty());
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn a_slow_body_is_given_up_in_time_even_where_it_trickles_in() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = limited();
        settings.body_timeout = Duration::from_millis(400);
        let server = Running::start_with(&db, settings).await;
        let body = event("evt_slow").to_string();
        let whole = String::from_utf8(post(SECRET, NOW, &body)).unwrap();
        let (start, end) = whole.split_at(whole.len() - 100);
        let mut stuck = server.connect().await;
        stuck.send(start).await;
        let began = Instant::now();
        let answer = stuck.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
        assert!(began.elapsed() < Duration::from_secs(3));
        assert_eq!(stuck.answer().await, None);

        let mut trickling = server.connect().await;
        trickling.send(start).await;
        let mut bytes = end.bytes();
        let began = Instant::now();
        until("the server gives up", async || {
            trickling.send([bytes.next().unwrap()]).await;
            (!trickling.stays_silent(Duration::from_millis(20)).await).then_some(())
        })
        .await;
        assert!(began.elapsed() < Duration::from_secs(3));
        assert_eq!(server.refused("too_slow").await, 2);
        assert!(ids(&db).await.is_empty());
        server.assert_well(&db).await;
        server.end().await;
    });
}

on_each_engine! {
    async fn a_client_that_hangs_up_harms_nobody(db: TestDb) {
        let server = Running::start_with(&db, limited()).await;
        let mut whole = Vec::new();
        for n in 0..60 {
            let id = format!("evt_{n}");
            let request = post(SECRET, NOW, event(&id).to_string());
            let mut raw = server.connect().await;
            match n % 3 {
                // In the middle of the body,
                0 => raw.send(&request[..request.len() - 10]).await,
                // in the middle of the header,
                1 => raw.send(&request[..40]).await,
                // or before the answer.
                _ => {
                    raw.send(&request).await;
                    whole.push(id);
                }
            }
        }
        server.assert_well(&db).await;
        // Stripe sends again what it got no answer for.
        for id in &whole {
            assert_eq!(server.post(event(id).to_string()).await.status, 200);
        }
        let mut stored = ids(&db).await;
        stored.retain(|id| !id.starts_with("evt_well"));
        whole.sort();
        assert_eq!(stored, whole);
        let cut_off = until("the cut-off bodies are counted", async || {
            let count = server.refused("cut_off").await;
            (count == 20).then_some(count)
        });
        cut_off.await;
        server.end().await;
    }
}

#[test]
fn unfinished_bodies_hold_no_more_than_their_budget_and_only_for_a_time() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = limited();
        settings.body_budget = 10_000;
        settings.body_timeout = Duration::from_secs(2);
        let server = Running::start_with(&db, settings).await;
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut raw = server.connect().await;
            raw.send(
                head(
                    "POST /webhooks/stripe HTTP/1.1",
                    &[&format!("Stripe-Signature: t={NOW},v1=00"), "Content-Length: 4000"],
                ) + "\r\n"
                    + &"x".repeat(3000),
            )
            .await;
            held.push(raw);
        }
        let body = event_of("evt_1", 2000);
        let busy = until("the budget is used up", async || {
            Some(server.post(body.as_str()).await).filter(|answer| answer.status == 503)
        });
        let busy = busy.await;
        assert!(busy.body.contains("too much is waiting"), "{busy:?}");
        assert!(busy.header("retry-after").is_some(), "{busy:?}");
        let taken = until("the budget is free again", async || {
            Some(server.post(body.as_str()).await).filter(|answer| answer.status == 200)
        });
        taken.await;
        let mut answers = Vec::new();
        for raw in &mut held {
            answers.push(raw.answer().await.unwrap().status);
        }
        answers.sort_unstable();
        // Three of them fit; the others were turned away at once.
        assert_eq!(answers, [vec![408; 3], vec![503; 17]].concat());
        server.assert_well(&db).await;
        server.end().await;
    });
}

#[test]
fn a_refused_body_gives_its_share_of_the_budget_back() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = limited();
        settings.body_budget = LIMIT;
        settings.body_timeout = Duration::from_millis(200);
        let server = Running::start_with(&db, settings).await;
        for n in 0..200 {
            let body = event_of(&format!("evt_{n}"), LIMIT);
            let request = match n % 4 {
                0 => post("whsec_other", NOW, &body),
                1 => post(SECRET, NOW, "x".repeat(LIMIT)),
                2 => (chunked("") + &chunk(&"x".repeat(LIMIT + 1))).into_bytes(),
                _ => post(SECRET, NOW, [b"\xff".repeat(LIMIT - 1), b"{".to_vec()].concat()),
            };
            let answer = server.ask(request).await.unwrap();
            assert!([400, 413].contains(&answer.status), "{answer:?}");
        }
        // Not a byte of the budget is missing.
        assert_eq!(server.post(event_of("evt_whole", LIMIT)).await.status, 200);
        assert_eq!(ids(&db).await, ["evt_whole"]);
        server.end().await;
    });
}
