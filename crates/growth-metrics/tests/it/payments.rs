//! Payments in pages: together they are the list, whatever the size of a page.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::UTC;
use growth_db::Db;
use growth_metrics::{Error, PaymentLine, Payments, PaymentsPage, Request, payments, snapshot};
use growth_testkit::on_each_engine;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::place::{charge, event, january, request, take_in};

/// When a payment was made, as an hour of which several may be of the same, and whether it succeeded.
type Made = (i64, bool);

/// The end of the window; hours go on after it.
fn end() -> DateTime<Utc> {
    january(3)
}

fn until_the_end(account: &str) -> Request {
    Request { account: account.into(), livemode: Some(true), ..request(end(), 1, UTC) }
}

fn at((hour, _): Made) -> DateTime<Utc> {
    january(1) + TimeDelta::hours(hour * 12)
}

fn paid(account: &str, id: &str, made: Made) -> Value {
    let (kind, changes) = if made.1 {
        ("charge.succeeded", json!({}))
    } else {
        ("charge.failed", json!({"status": "failed", "captured": false, "failure_code": "card_declined"}))
    };
    let mut event = event(&format!("evt_{account}_{id}"), kind, at(made), &charge(id, at(made), &changes));
    event["account"] = account.into();
    event
}

/// Follows the pages until there is none; `arriving` come in after the first one.
async fn walk(db: &Db, request: &Request, limit: u32, arriving: &[Value]) -> Vec<PaymentLine> {
    let (mut walked, mut page) = (Vec::new(), PaymentsPage { limit, after: None });
    loop {
        let Payments { payments, has_more } = payments(db, request, &page).await.unwrap();
        assert!(!has_more || payments.len() == limit as usize, "a page before the last one is full");
        if walked.is_empty() && !arriving.is_empty() {
            take_in(db, arriving).await;
        }
        page.after = payments.last().map(|last| last.id.clone());
        walked.extend(payments);
        if !has_more {
            return walked;
        }
    }
}

fn ids(lines: &[PaymentLine]) -> Vec<&str> {
    lines.iter().map(|line| line.id.as_str()).collect()
}

async fn first(db: &Db, request: &Request) -> Payments {
    payments(db, request, &PaymentsPage { limit: 1, after: None }).await.unwrap()
}

async fn after(db: &Db, request: &Request, id: &str) -> Result<Payments, Error> {
    payments(db, request, &PaymentsPage { limit: 10, after: Some(id.into()) }).await
}

on_each_engine! {
    async fn pages_of_every_size_are_the_list(db: TestDb) {
        let mut runner = TestRunner::deterministic();
        let strategy = prop::collection::vec((0..6_i64, any::<bool>()), 1..20);
        for case in 0..8 {
            let made: Vec<Made> = strategy.new_tree(&mut runner).unwrap().current();
            let account = format!("acct_{case}");
            let request = until_the_end(&account);
            // Their ids are in another order than that in which they come.
            let named: Vec<(String, Made)> =
                made.into_iter().enumerate().map(|(n, made)| (format!("ch_{:03}", n * 7 % 100), made)).collect();
            let events: Vec<Value> = named.iter().map(|(id, made)| paid(&account, id, *made)).collect();
            take_in(&db, &events).await;
            let mut expected = named.clone();
            expected.retain(|(_, made)| at(*made) < end());
            expected.sort_by_key(|(id, made)| (Reverse(at(*made)), id.clone()));
            let expected: Vec<&str> = expected.iter().map(|(id, _)| id.as_str()).collect();
            let list = snapshot(&db, &request).await.unwrap().payments;
            assert_eq!(ids(&list), expected);
            let n = u32::try_from(named.len()).unwrap();
            for limit in 1..=n {
                assert_eq!(walk(&db, &request, limit, &[]).await, list, "{limit} of {n} in a page");
            }
        }
    }

    async fn payments_that_arrive_meanwhile_do_not_move_the_pages(db: TestDb) {
        let made = [("ch_1", (0, true)), ("ch_2", (0, false)), ("ch_3", (1, true)), ("ch_4", (2, true))];
        let events: Vec<Value> = made.iter().map(|(id, made)| paid("acct_1", id, *made)).collect();
        take_in(&db, &events).await;
        // At the same time as the newest, before it by the id, and newer than all.
        let arriving = [paid("acct_1", "ch_0", (2, true)), paid("acct_1", "ch_5", (3, true))];
        let request = until_the_end("acct_1");
        assert_eq!(ids(&walk(&db, &request, 1, &arriving).await), ["ch_4", "ch_3", "ch_1", "ch_2"]);
        assert_eq!(ids(&walk(&db, &request, 2, &[]).await), ["ch_5", "ch_0", "ch_4", "ch_3", "ch_1", "ch_2"]);
    }

    async fn pages_end_where_the_window_ends(db: TestDb) {
        // The first one is made at the end of the window, which is not in it.
        let made = [("ch_1", (4, true)), ("ch_2", (3, true)), ("ch_3", (5, true))];
        let events: Vec<Value> = made.iter().map(|(id, made)| paid("acct_1", id, *made)).collect();
        take_in(&db, &events).await;
        let request = until_the_end("acct_1");
        assert_eq!(ids(&first(&db, &request).await.payments), ["ch_2"]);
        for later in ["ch_1", "ch_3"] {
            let page = after(&db, &request, later).await.unwrap();
            assert_eq!((ids(&page.payments), page.has_more), (vec!["ch_2"], false), "after {later}");
        }
        assert!(after(&db, &request, "ch_2").await.unwrap().payments.is_empty());
        let nobody = first(&db, &until_the_end("acct_2")).await;
        assert_eq!(nobody, Payments { payments: Vec::new(), has_more: false });
    }

    async fn a_page_has_from_one_to_a_hundred(db: TestDb) {
        let events: Vec<Value> = (0..103).map(|n| paid("acct_1", &format!("ch_{n:03}"), (1, true))).collect();
        take_in(&db, &events).await;
        for (limit, length) in [(0, 1), (1, 1), (100, 100), (101, 100), (u32::MAX, 100)] {
            let page = PaymentsPage { limit, after: None };
            let page = payments(&db, &until_the_end("acct_1"), &page).await.unwrap();
            assert_eq!((page.payments.len(), page.has_more), (length, true), "{limit}");
        }
    }

    async fn a_payment_of_elsewhere_is_unknown(db: TestDb) {
        let mut of_test_mode = paid("acct_1", "ch_2", (1, true));
        of_test_mode["livemode"] = false.into();
        take_in(&db, &[paid("acct_1", "ch_1", (1, true)), paid("acct_2", "ch_3", (1, true)), of_test_mode]).await;
        let request = until_the_end("acct_1");
        for id in ["ch_2", "ch_3", "ch_4", ""] {
            let error = after(&db, &request, id).await.unwrap_err();
            assert!(error.to_string().starts_with(&format!("there is no payment {id:?} in ")), "{error}");
            assert!(matches!(error, Error::UnknownPayment { id: unknown } if unknown == id));
        }
        assert!(after(&db, &request, "ch_1").await.is_ok());
        let in_test_mode = Request { livemode: Some(false), ..request };
        assert!(after(&db, &in_test_mode, "ch_2").await.is_ok());
    }
}
