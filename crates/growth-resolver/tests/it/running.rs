//! The resolver at work beside others.

use std::sync::Arc;
use std::time::Duration;

use growth_resolver::{Pace, Resolver};
use growth_testkit::on_each_engine;
use growth_testkit::stripe::{Fault, Stripe};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Clock, SECRET, charge, charge_in_event, client, event};

const SOON: Duration = Duration::from_secs(20);

on_each_engine! {
    async fn it_is_woken_and_ends_when_it_is_told_to(db: TestDb) {
        let (stripe, clock, wake) = (Stripe::start(SECRET).await, Clock::new(), Arc::new(Notify::new()));
        let shutdown = CancellationToken::new();
        let resolver = Resolver::new(db.clone(), client(&stripe, SECRET), move || clock.now(), Arc::clone(&wake))
            .with_pace(Pace { least: Duration::ZERO, most: Duration::from_hours(1) });
        let running = tokio::spawn(resolver.run(shutdown.clone()));
        for n in 1..=3 {
            event(&db, "charge.succeeded", n, charge_in_event(n)).await;
            stripe.put(charge(n, Some(10)));
            wake.notify_one();
            let request = timeout(SOON, stripe.next_request()).await.expect("a request in time");
            assert_eq!(request.path, format!("/v1/charges/ch_{n}"));
        }
        shutdown.cancel();
        timeout(SOON, running).await.expect("an end").unwrap();
    }

    async fn it_ends_while_it_waits_for_an_answer(db: TestDb) {
        event(&db, "charge.succeeded", 1, charge_in_event(1)).await;
        let (stripe, clock) = (Stripe::start(SECRET).await, Clock::new());
        stripe.fail("/", Fault::Silence, usize::MAX);
        let shutdown = CancellationToken::new();
        let client = client(&stripe, SECRET);
        let resolver = Resolver::new(db.clone(), client, move || clock.now(), Arc::new(Notify::new()));
        let running = tokio::spawn(resolver.run(shutdown.clone()));
        timeout(SOON, stripe.next_request()).await.expect("a request in time");
        shutdown.cancel();
        timeout(SOON, running).await.expect("an end").unwrap();
    }
}
