//! How a backfill runs: side by side, in rough weather, against time, and again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use growth_backfill::{Backfill, Error, List, Options, Step, Summary};
use growth_db::rows::{CustomerRow, InvoiceRow, SubscriptionChangeRow, SubscriptionRow};
use growth_db::{Db, query};
use growth_ingest::{Intake, Pace, Source, apply_pending, ingest, keep, receive};
use growth_testkit::stripe::{Fault, Request, Stripe};
use growth_testkit::{on_each_engine, tables, until};
use serde_json::{Value, json};

use crate::{SECRET, backfill, client, options};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

fn ago(seconds: i64) -> i64 {
    now().timestamp() - seconds
}

fn customer(id: &str, seconds_ago: i64) -> Value {
    json!({"id": id, "object": "customer", "created": ago(seconds_ago), "livemode": true,
        "email": format!("{id}@example.com"), "name": null, "metadata": {}})
}

fn subscription(id: &str, quantity: i64) -> Value {
    let price = json!({"id": "price_1", "object": "price", "currency": "gbp", "unit_amount": 1900,
        "unit_amount_decimal": "1900", "billing_scheme": "per_unit", "type": "recurring", "livemode": true,
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    json!({"id": id, "object": "subscription", "created": ago(4_000_000), "start_date": ago(4_000_000),
        "customer": "cus_1", "currency": "gbp", "status": "active", "livemode": true, "discounts": [],
        "cancel_at_period_end": false, "metadata": {},
        "items": {"object": "list", "has_more": false, "data": [
            {"id": format!("si_{id}"), "object": "subscription_item", "quantity": quantity, "discounts": [],
                "price": price}]}})
}

fn event(id: &str, kind: &str, seconds_ago: i64, object: &Value) -> Value {
    json!({"id": id, "object": "event", "type": kind, "created": ago(seconds_ago), "livemode": true,
        "api_version": "2025-10-29.clover", "data": {"object": object}})
}

async fn stripe_with_customers(n: usize) -> Stripe {
    let stripe = Stripe::start_at(SECRET, now()).await;
    for i in 0..n {
        // Many share a second, and they come in bursts.
        let burst = i64::try_from(i / 130).unwrap();
        stripe.put(customer(
            &format!("cus_{i:05}"),
            1_000 + burst * 500_000 + i64::try_from(i % 130 / 40).unwrap(),
        ));
    }
    stripe
}

async fn customers(db: &Db) -> BTreeSet<String> {
    tables::all::<CustomerRow>(db, "").await.into_iter().map(|row| row.id).collect()
}

fn pages_of<'r>(requests: &'r [Request], path: &str) -> Vec<&'r Request> {
    requests.iter().filter(|request| request.path == path).collect()
}

/// Every row of every table, but for those that say how far a backfill has come.
async fn everything(db: &Db) -> Vec<String> {
    let mut rows: Vec<String> = tables::revenue(db, "").await;
    let events = "SELECT id, state, payload, source FROM stripe_events ORDER BY id";
    let events: Vec<(String, String, String, String)> = query(db, events).fetch_all().await.unwrap();
    rows.extend(events.into_iter().map(|row| format!("{row:?}")));
    rows
}

async fn progress_rows(db: &Db) -> (i64, i64) {
    let sql = "SELECT (SELECT COUNT(*) FROM backfill_runs) AS runs, (SELECT COUNT(*) FROM backfill_slices) AS slices";
    query(db, sql).fetch_one().await.unwrap()
}

/// A small account with something of everything that is read.
async fn small_account() -> Stripe {
    let stripe = Stripe::start_at(SECRET, now()).await;
    stripe.put(customer("cus_1", 4_000_000));
    stripe.put(subscription("sub_1", 2));
    for n in 0..3 {
        let (intent, charge) = (format!("pi_{n}"), format!("ch_{n}"));
        let at = ago(100_000 * (n + 1));
        stripe.put(json!({"id": intent, "object": "payment_intent", "created": at, "status": "succeeded",
            "amount": 1900, "amount_received": 1900, "currency": "gbp", "customer": "cus_1", "livemode": true,
            "latest_charge": charge, "metadata": {}}));
        stripe.put(json!({"id": charge, "object": "charge", "created": at, "status": "succeeded", "amount": 1900,
            "amount_captured": 1900, "amount_refunded": if n == 0 { 500 } else { 0 }, "captured": true,
            "currency": "gbp", "customer": "cus_1", "payment_intent": intent, "livemode": true, "metadata": {},
            "balance_transaction": {"id": format!("txn_{n}"), "object": "balance_transaction", "fee": 49,
                "currency": "gbp", "created": at}}));
    }
    stripe.put(json!({"id": "re_0", "object": "refund", "created": ago(50_000), "status": "succeeded",
        "amount": 500, "currency": "gbp", "charge": "ch_0", "payment_intent": "pi_0"}));
    stripe
}

async fn run_watched(db: &Db, stripe: &Stripe, options: Options) -> (Summary, Vec<String>) {
    let mut told = Vec::new();
    let mut watch = |step: Step<'_>| {
        if let Step::LeftOut { list, reason } = step {
            told.push(format!("{list}: {reason}"));
        }
    };
    let summary = Backfill::new(db.clone(), client(stripe), options).run(&mut watch).await.unwrap();
    (summary, told)
}

on_each_engine! {
    async fn every_object_is_read_once_however_many_share_a_second(db: TestDb) {
        let stripe = stripe_with_customers(1_000).await;
        stripe.set_latency(std::time::Duration::from_millis(3));
        let summary = backfill(&db, &stripe, options(now())).await.unwrap();
        assert!(summary.is_complete(), "{summary:#?}");
        let tally = summary.of(List::Customers);
        assert_eq!((tally.found, tally.new, tally.unchanged), (1_000, 1_000, 0));
        assert_eq!(customers(&db).await.len(), 1_000);
        assert!(stripe.most_at_once() > 1, "one after the other");
        let requests = stripe.take_requests();
        let places: Vec<_> = pages_of(&requests, "/v1/customers").iter().map(|page| page.query.clone()).collect();
        // How often a list is divided hangs on how soon its pages come.
        assert!(places.len() < 100, "{} pages", places.len());
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len(), "a page twice");

        let again = backfill(&db, &stripe, options(now())).await.unwrap();
        assert_eq!((again.of(List::Customers).found, again.of(List::Customers).unchanged), (1_000, 1_000));
    }

    async fn a_page_never_beats_a_newer_webhook(db: TestDb) {
        let stripe = small_account().await;
        let told = event("evt_1", "customer.subscription.created", 4_000_000, &subscription("sub_1", 1));
        let intake = Intake { source: Source::File, received_at: now(), livemode: true, account: String::new() };
        ingest(&db, intake, vec![(told.to_string(), told)]).await.unwrap();

        let page = stripe.hold("/v1/subscriptions");
        let (pool, client) = (db.clone(), client(&stripe));
        let run = tokio::spawn(async move { Backfill::new(pool, client, options(now())).run(&mut |_: Step<'_>| {}).await });
        until("the page is asked for", async || {
            stripe.take_requests().iter().any(|request| request.path == "/v1/subscriptions").then_some(())
        })
        .await;
        let newer = event("evt_2", "customer.subscription.updated", 0, &subscription("sub_1", 7));
        let mut lane = growth_db::Lane::new(&db);
        lane.open().await.unwrap();
        keep(&mut lane, &[receive(newer.to_string(), now()).unwrap()]).await.unwrap();
        assert_eq!(apply_pending(&db, &mut Pace::default()).await.unwrap().len(), 1);
        page.release();
        let summary = run.await.unwrap().unwrap();
        assert!(summary.is_complete(), "{summary:#?}");
        let row = tables::all::<SubscriptionRow>(&db, "").await.pop().unwrap();
        assert_eq!((row.quantity, row.mrr_micros), (Some(7), 7 * 1900 * 1_000_000));
    }

    async fn rough_weather_only_takes_longer(db: TestDb) {
        let stripe = stripe_with_customers(2_000).await;
        stripe.set_weather(7, &[
            (5, Fault::TooManyRequests { retry_after: None }),
            (2, Fault::OutOfOrder),
            (1, Fault::BadGateway),
            (1, Fault::HungUp),
        ]);
        let summary = backfill(&db, &stripe, options(now())).await.unwrap();
        assert!(summary.is_complete(), "{summary:#?}");
        assert_eq!(customers(&db).await.len(), 2_000);
    }

    async fn a_key_that_dies_leaves_ranges_out_and_the_next_run_completes_them(db: TestDb) {
        let stripe = stripe_with_customers(1_500).await;
        stripe.revoke_key_after(18);
        let (summary, told) = run_watched(&db, &stripe, options(now())).await;
        assert!(!summary.is_complete() && !told.is_empty());
        let missing = summary.missing.iter().find(|missing| missing.list == List::Customers).unwrap();
        assert!(missing.from < missing.until && missing.reason.contains("secret key"), "{missing:#?}");
        let some = customers(&db).await.len();
        assert!(some > 0 && some < 1_500, "{some}");
        let first = stripe.take_requests();

        stripe.recover();
        let (summary, told) = run_watched(&db, &stripe, options(now())).await;
        assert!(summary.is_complete() && summary.resumed && told.is_empty(), "{summary:#?}");
        assert_eq!(customers(&db).await.len(), 1_500);
        assert_eq!(summary.of(List::Customers).found, 1_500 - u64::try_from(some).unwrap(), "what was stored is not read again");
        assert!(pages_of(&first, "/v1/events").len() == 1 && pages_of(&stripe.take_requests(), "/v1/events").is_empty());
        assert_eq!(progress_rows(&db).await, (1, 0));
    }

    async fn a_run_that_was_killed_goes_on_where_it_was(db: TestDb) {
        let stripe = stripe_with_customers(2_000).await;
        let (pool, reader) = (db.clone(), client(&stripe));
        let run = tokio::spawn(async move { Backfill::new(pool, reader, options(now())).run(&mut |_: Step<'_>| {}).await });
        let some = until("something is stored", async || {
            let stored = customers(&db).await.len();
            (stored > 400).then_some(stored)
        })
        .await;
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        assert!(some < 2_000);
        let summary = backfill(&db, &stripe, options(now())).await.unwrap();
        assert!(summary.is_complete() && summary.resumed);
        let tally = summary.of(List::Customers);
        assert_eq!((tally.new, tally.unchanged), (tally.found, 0), "what was stored is not read again");
        assert!(tally.found <= 2_000 - u64::try_from(some).unwrap());
        assert_eq!(customers(&db).await.len(), 2_000);
    }

    async fn a_longer_window_adds_what_the_interrupted_one_had_not(db: TestDb) {
        let stripe = stripe_with_customers(600).await;
        stripe.revoke_key_after(12);
        let options = |days, restart| Options { from: now() - TimeDelta::days(days), restart, ..options(now()) };
        let (first, _) = run_watched(&db, &stripe, options(10, false)).await;
        assert!(!first.is_complete());
        stripe.recover();
        let (longer, _) = run_watched(&db, &stripe, options(40, false)).await;
        assert!(longer.is_complete() && longer.resumed);
        assert_eq!(customers(&db).await.len(), 600);

        stripe.revoke_key_after(12);
        let (cut, _) = run_watched(&db, &stripe, options(40, false)).await;
        assert!(!cut.is_complete());
        stripe.recover();
        let (anew, _) = run_watched(&db, &stripe, options(40, true)).await;
        assert!(anew.is_complete() && !anew.resumed);
        assert_eq!(anew.of(List::Customers).unchanged, 600);
    }

    async fn one_that_was_interrupted_too_long_ago_is_begun_again(db: TestDb) {
        let stripe = small_account().await;
        stripe.fail("/v1/charges", Fault::Forbidden { permission: "rak_charge_read" }, usize::MAX);
        let (cut, _) = run_watched(&db, &stripe, options(now())).await;
        assert!(!cut.is_complete() && cut.of(List::Subscriptions).found == 1);
        stripe.recover();
        // No event tells of it any more.
        stripe.put(subscription("sub_1", 9));
        let later = now() + TimeDelta::days(2);
        stripe.set_now(later);
        let (whole, _) = run_watched(&db, &stripe, options(later)).await;
        assert!(whole.is_complete() && !whole.resumed, "{whole:#?}");
        assert_eq!(tables::all::<SubscriptionRow>(&db, "").await[0].quantity, Some(9));
        assert_eq!(progress_rows(&db).await.1, 0);
    }

    async fn a_dry_run_writes_nothing_and_tells_what_would_be(db: TestDb) {
        let stripe = small_account().await;
        let before = everything(&db).await;
        let dry = Options { dry_run: true, ..options(now()) };
        let told = backfill(&db, &stripe, dry.clone()).await.unwrap();
        assert_eq!(everything(&db).await, before);
        assert_eq!(progress_rows(&db).await, (0, 0));

        let done = backfill(&db, &stripe, options(now())).await.unwrap();
        assert_eq!((&told.lists, &told.unattributed), (&done.lists, &done.unattributed));
        assert_eq!(done.of(List::PaymentIntents).new_amounts, BTreeMap::from([("gbp".to_owned(), 5_700)]));
        assert_eq!(done.of(List::Refunds).new, 1);
        assert_eq!((done.unattributed.payments, done.unattributed.amounts["gbp"]), (3, 5_700));
        let after = everything(&db).await;
        let again = backfill(&db, &stripe, dry).await.unwrap();
        assert!(again.lists.values().all(|tally| tally.unchanged == tally.found), "{:#?}", again.lists);
        assert_eq!(everything(&db).await, after);
    }

    async fn running_it_again_writes_nothing(db: TestDb) {
        let stripe = small_account().await;
        backfill(&db, &stripe, options(now())).await.unwrap();
        let after = everything(&db).await;
        let ids: Vec<(String,)> = query(&*db, "SELECT id FROM stripe_events WHERE source = 'api' ORDER BY id").fetch_all().await.unwrap();
        assert!(ids.len() > 5 && ids.iter().all(|(id,)| id.starts_with("backfill_")), "{ids:?}");
        let again = backfill(&db, &stripe, options(now() + TimeDelta::hours(5))).await.unwrap();
        assert!(again.lists.values().all(|tally| tally.unchanged == tally.found), "{:#?}", again.lists);
        assert_eq!(everything(&db).await, after);
    }

    async fn what_cannot_be_read_is_kept_once(db: TestDb) {
        let stripe = small_account().await;
        let mut broken = json!({"id": "ch_9", "object": "charge", "created": ago(9), "currency": "gbp", "livemode": true,
            "status": "succeeded", "amount": "a lot"});
        stripe.put(broken.clone());
        let failed = async || {
            let sql = "SELECT id FROM stripe_events WHERE state = 'failed' ORDER BY id";
            query(&*db, sql).fetch_all::<(String,)>().await.unwrap().into_iter().map(|(id,)| id).collect::<Vec<_>>()
        };
        for hours in 0..3 {
            let summary = backfill(&db, &stripe, options(now() + TimeDelta::hours(hours))).await.unwrap();
            assert!(!summary.is_complete() && summary.of(List::Charges).unreadable == 1);
            assert_eq!(failed().await, ["backfill_ch_9"]);
        }
        broken["amount"] = "even more".into();
        stripe.put(broken);
        stripe.set_now(now() + TimeDelta::hours(9));
        backfill(&db, &stripe, options(now() + TimeDelta::hours(9))).await.unwrap();
        assert_eq!(failed().await.len(), 2);
    }

    async fn an_invoice_that_is_deleted_while_its_lines_are_read_takes_no_other_with_it(db: TestDb) {
        let stripe = Stripe::start_at(SECRET, now()).await;
        let line = |n: i64| json!({"id": format!("il_{n}"), "object": "line_item", "amount": 100, "currency": "gbp",
            "period": {"start": ago(9), "end": ago(1)}});
        let invoice = |id: &str, lines: i64| json!({"id": id, "object": "invoice", "created": ago(9_000), "livemode": true,
            "status": "draft", "amount_due": 100, "amount_paid": 0, "currency": "gbp", "customer": "cus_1",
            "lines": {"object": "list", "has_more": false, "data": (0..lines).map(line).collect::<Vec<Value>>()}});
        stripe.put(invoice("in_1", 1));
        stripe.put(invoice("in_d", 23));
        stripe.put(invoice("in_2", 1));
        let page = stripe.hold("/v1/invoices");
        let options = options(now());
        let running = backfill(&db, &stripe, options);
        let deleting = async {
            while stripe.next_request().await.path != "/v1/invoices" {}
            stripe.delete("in_d");
            page.release();
        };
        let (summary, ()) = tokio::join!(running, deleting);
        let summary = summary.unwrap();
        assert!(summary.is_complete() && summary.of(List::Invoices).found == 2, "{summary:#?}");
    }

    async fn what_changed_since_is_read_again_and_keeps_its_history(db: TestDb) {
        let stripe = small_account().await;
        backfill(&db, &stripe, options(now())).await.unwrap();
        stripe.put(subscription("sub_1", 5));
        stripe.set_now(now() + TimeDelta::days(1));
        let later = backfill(&db, &stripe, options(now() + TimeDelta::days(1))).await.unwrap();
        let tally = later.of(List::Subscriptions);
        assert_eq!((tally.updated, tally.unchanged), (1, 0));
        let changes = tables::all::<SubscriptionChangeRow>(&db, "").await;
        assert_eq!(changes.len(), 2, "{changes:#?}");
        assert_eq!(tables::all::<SubscriptionRow>(&db, "").await[0].quantity, Some(5));
    }

    async fn lists_inside_objects_are_read_to_their_end(db: TestDb) {
        let stripe = Stripe::start_at(SECRET, now()).await;
        stripe.put(customer("cus_1", 4_000_000));
        let mut wide = subscription("sub_1", 1);
        let item = wide["items"]["data"][0].clone();
        wide["items"]["data"] = (0..23)
            .map(|n| {
                let mut item = item.clone();
                item["id"] = format!("si_{n}").into();
                item["price"]["id"] = format!("price_{n}").into();
                item
            })
            .collect();
        stripe.put(wide);
        let line = |n: i64| json!({"id": format!("il_{n}"), "object": "line_item", "amount": 100, "quantity": 1,
            "currency": "gbp", "period": {"start": ago(9), "end": ago(1)}, "parent": {"type": "subscription_item_details",
            "subscription_item_details": {"subscription": "sub_1", "subscription_item": format!("si_{n}"), "proration": false}}});
        let lines: Vec<Value> = (0..23).map(line).collect();
        stripe.put(json!({"id": "in_1", "object": "invoice", "created": ago(9_000), "livemode": true, "status": "open",
            "amount_due": 2300, "amount_paid": 0, "currency": "gbp", "customer": "cus_1",
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
            "lines": {"object": "list", "has_more": false, "data": lines}}));
        let summary = backfill(&db, &stripe, options(now())).await.unwrap();
        assert!(summary.is_complete() && summary.problem_count == 0, "{summary:#?}");
        let row = tables::all::<SubscriptionRow>(&db, "").await.pop().unwrap();
        assert_eq!(row.mrr_micros, 23 * 1900 * 1_000_000);
        assert_eq!(tables::all::<InvoiceRow>(&db, "").await[0].lines.0.len(), 23);
    }

    async fn an_object_that_vanishes_between_pages_takes_no_other_with_it(db: TestDb) {
        let stripe = stripe_with_customers(350).await;
        stripe.fail("/v1/events", Fault::Forbidden { permission: "rak_event_read" }, usize::MAX);
        let mut deleted = false;
        let mut watch = |step: Step<'_>| {
            if let Step::Read { list: List::Customers, .. } = step
                && !deleted
            {
                deleted = true;
                for n in 200..300 {
                    stripe.delete(&format!("cus_{n:05}"));
                }
            }
        };
        Backfill::new(db.clone(), client(&stripe), options(now())).run(&mut watch).await.unwrap();
        let known = customers(&db).await;
        for n in (0..200).chain(300..350) {
            assert!(known.contains(&format!("cus_{n:05}")), "{n}");
        }
    }

    async fn objects_that_are_created_while_paging_push_no_other_out(db: TestDb) {
        let stripe = stripe_with_customers(600).await;
        let mut made = 0;
        let mut watch = |step: Step<'_>| {
            if let Step::Read { list: List::Customers, .. } = step {
                // In this second and in seconds that were read, as a clock that is behind would date them.
                for seconds_ago in [0, 1_000, 1_002, 500_999] {
                    made += 1;
                    stripe.put(customer(&format!("cus_new_{made}"), seconds_ago));
                }
            }
        };
        let summary = Backfill::new(db.clone(), client(&stripe), options(now())).run(&mut watch).await.unwrap();
        assert!(summary.is_complete(), "{summary:#?}");
        let known = customers(&db).await;
        assert!(made > 8 && (0..600).all(|n| known.contains(&format!("cus_{n:05}"))));
        let tally = summary.of(List::Customers);
        assert_eq!((tally.found, tally.unchanged), (known.len() as u64, 0), "each once");
    }

    async fn a_permission_that_is_missing_closes_one_list_alone(db: TestDb) {
        let stripe = small_account().await;
        stripe.fail("/v1/charges", Fault::Forbidden { permission: "rak_charge_read" }, usize::MAX);
        let (summary, told) = run_watched(&db, &stripe, options(now())).await;
        assert_eq!(told.len(), 1);
        let [missing] = &summary.missing[..] else { panic!("{summary:#?}") };
        assert!(missing.list == List::Charges && missing.reason.contains("rak_charge_read"), "{missing:#?}");
        assert_eq!(missing.until - missing.from, TimeDelta::days(90));
        assert_eq!(summary.of(List::PaymentIntents).new, 3);
        stripe.recover();
        let (summary, _) = run_watched(&db, &stripe, options(now())).await;
        assert!(summary.is_complete() && summary.of(List::PaymentIntents).found == 0);
        assert_eq!(summary.of(List::Charges).new, 3);
    }

    async fn without_an_answer_nothing_is_written(db: TestDb) {
        let stripe = small_account().await;
        for (fault, says) in [
            (Fault::InvalidKey, "does not accept the secret key"),
            (Fault::OutOfOrder, "cannot be reached"),
            (Fault::HungUp, "cannot be reached"),
        ] {
            stripe.fail("/", fault, usize::MAX);
            let error = backfill(&db, &stripe, options(now())).await.unwrap_err();
            assert!(matches!(&error, Error::Stripe(_)) && error.to_string().contains(says), "{error}");
            assert_eq!((everything(&db).await.len(), progress_rows(&db).await), (0, (0, 0)));
            stripe.recover();
        }
    }

    async fn another_account_is_read_by_its_name(db: TestDb) {
        let stripe = Stripe::start_at(SECRET, now()).await;
        stripe.put(customer("cus_own", 500));
        stripe.put_in("acct_1", customer("cus_theirs", 500));
        let options = Options { account: "acct_1".to_owned(), ..options(now()) };
        backfill(&db, &stripe, options).await.unwrap();
        let theirs: Vec<String> = tables::all::<CustomerRow>(&db, "acct_1").await.into_iter().map(|row| row.id).collect();
        assert_eq!(theirs, ["cus_theirs"]);
        assert!(customers(&db).await.is_empty());
    }
}
