//! Servers that stop, die, start again and share their work.

use std::thread;

use growth_db::Db;
use growth_db::rows::{PaymentRow, StripeEventRow};
use growth_testkit::signed::{Client, SIGNATURE, signature};
use growth_testkit::{on_each_engine, until};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::objects::{charge, event, units};
use crate::place::{PATH, Place, SECRET, january, keep_from_applying, let_apply, now, revenue};
use crate::rows::{only, rows, states};

fn paid(n: usize) -> Value {
    event(
        &format!("evt_{n:03}"),
        "charge.succeeded",
        january(3),
        &charge(&format!("ch_{n:03}"), january(3), json!({})),
    )
}

/// A change of one of five subscriptions: neighbours are about the same customer and the same month.
fn changed(n: usize) -> Value {
    let units = units(&format!("sub_{}", n % 5), january(2), i64::try_from(n / 5 + 1).unwrap(), json!({}));
    let day = i64::try_from(n / 5).unwrap() + 2;
    event(&format!("evt_sub_{n:03}"), "customer.subscription.updated", january(day), &units)
}

/// Runs a server in a runtime of its own, posts events to it, and lets it die without a word.
fn live_and_die(url: &str, events: Vec<Value>) {
    let url = url.to_owned();
    let died = thread::spawn(move || {
        let process =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        process.block_on(async {
            let db = Db::connect(&url).await.unwrap();
            let place = Place::open(&db).await;
            place.post_all(events).await;
        });
        process.shutdown_background();
    });
    died.join().unwrap();
}

on_each_engine! {
    async fn a_server_that_stops_with_work_left_goes_on_after_its_start(db: TestDb) {
        keep_from_applying(&db).await;
        let place = Place::open(&db).await;
        place.post_all((0..30).map(paid)).await;
        place.close().await;
        assert_eq!(states(&db).await, [("pending".to_owned(), 30)].into());
        assert!(rows::<PaymentRow>(&db).await.is_empty());

        let_apply(&db).await;
        // Nothing is posted: what is there is enough.
        let place = Place::open(&db).await;
        place.settled().await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 30)].into());
        assert_eq!(revenue(&db, "gbp").await.cash.current.payments.count, 30);
        assert!(rows::<StripeEventRow>(&db).await.iter().all(|row| row.attempts == 1));
    }

    async fn a_stop_waits_until_what_is_stored_is_applied(db: TestDb) {
        let place = Place::open(&db).await;
        place.post_all((0..200).map(paid)).await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 200)].into());
    }

    async fn what_a_dead_process_stored_is_applied_by_the_next_one(db: TestDb) {
        keep_from_applying(&db).await;
        live_and_die(db.url(), (0..30).map(paid).collect());
        let_apply(&db).await;
        assert_eq!(states(&db).await, [("pending".to_owned(), 30)].into());

        let place = Place::open(&db).await;
        place.settled().await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 30)].into());
        assert_eq!(revenue(&db, "gbp").await.cash.current.payments.amount, 30 * 2000);
    }

    async fn what_a_neighbour_stored_before_it_died_is_applied_by_a_server_that_runs(db: TestDb) {
        let place = Place::open(&db).await;
        keep_from_applying(&db).await;
        live_and_die(db.url(), vec![paid(1)]);
        assert_eq!(states(&db).await, [("pending".to_owned(), 1)].into());
        let_apply(&db).await;
        until("the neighbour's event is applied", async || states(&db).await.contains_key("applied").then_some(())).await;
        place.close().await;
        assert_eq!(only::<PaymentRow>(&db).await.amount, 2000);
    }

    async fn two_servers_on_one_database_apply_every_event_once(db: TestDb) {
        let neighbour = Db::connect(db.url()).await.unwrap();
        let places = [Place::open(&db).await, Place::open(&neighbour).await];
        let events: Vec<Value> = (0..100).flat_map(|n| [paid(n), changed(n)]).collect();
        // Each event goes to both of them, to the second one in the opposite order.
        let (one, other) = (events.clone(), events.into_iter().rev());
        tokio::join!(places[0].post_all(one), places[1].post_all(other));
        places[0].settled().await;
        places[1].settled().await;
        let applied = [places[0].applied().await, places[1].applied().await];
        assert_eq!(applied[0] + applied[1], 200, "{applied:?}");
        for place in places {
            place.close().await;
        }
        neighbour.close().await;

        assert_eq!(states(&db).await, [("applied".to_owned(), 200)].into());
        assert!(rows::<StripeEventRow>(&db).await.iter().all(|row| row.attempts == 1));
        let gbp = revenue(&db, "gbp").await;
        assert_eq!((gbp.cash.current.payments.count, gbp.cash.current.payments.amount), (100, 100 * 2000));
        // Five subscriptions, each of 20 units at 20.00 in the end.
        assert_eq!(gbp.mrr.current.net.to_minor_rounded(), 5 * 20 * 2000);
    }

    async fn a_request_under_way_is_answered_before_the_end(db: TestDb) {
        let place = Place::open(&db).await;
        let body = paid(1).to_string();
        let signature = signature(SECRET, now().timestamp(), body.as_bytes());
        let mut stream = BufReader::new(TcpStream::connect(place.address).await.unwrap());
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: {}\r\n{SIGNATURE}: {signature}\r\ncontent-length: {}\r\n\
            expect: 100-continue\r\n\r\n", place.address, body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 100 Continue\r\n", "the server waits for the body");

        let (address, stop) = (place.address, place.stop.clone());
        stop.cancel();
        // Nobody new is let in.
        until("the door is closed", async || Client::connect(address).await.err()).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("HTTP/1.1 200 OK\r\n"), "{answer}");
        place.close().await;
        assert_eq!(only::<StripeEventRow>(&db).await.state, "applied");
        assert_eq!(only::<PaymentRow>(&db).await.id, "ch_001");
    }
}
