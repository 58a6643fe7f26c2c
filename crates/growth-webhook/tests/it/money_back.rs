//! Refunds and disputes: money that goes back, and that comes back again.

use growth_db::Db;
use growth_db::rows::{DisputeRow, PaymentRow, RefundRow};
use growth_metrics::{Cash, Money};
use growth_testkit::on_each_engine;
use growth_testkit::tables::revenue_by_account;
use serde_json::{Value, json};

use crate::objects::{charge, event, of_account, orders, refund, with};
use crate::place::{Place, figures, january, revenue};
use crate::rows::{only, rows, rows_in, states};

const NOTHING: Money = Money { count: 0, amount: 0 };

fn money(count: u64, amount: i64) -> Money {
    Money { count, amount }
}

async fn cash(db: &Db) -> Cash {
    revenue(db, "gbp").await.cash.current
}

fn paid() -> Value {
    event("evt_paid", "charge.succeeded", january(3), &charge("ch_1", january(3), json!({})))
}

/// What the charge says on a day, when so much of it was given back.
fn given_back(id: &str, day: i64, in_all: i64) -> Value {
    let sum = json!({"amount_refunded": in_all, "refunded": in_all == 2000});
    event(id, "charge.refunded", january(day), &charge("ch_1", january(3), sum))
}

fn refunded(id: &str, day: i64, amount: i64) -> Value {
    event(&format!("evt_of_{id}"), "refund.created", january(day), &refund(id, "ch_1", amount, january(day)))
}

/// Each refund: id, amount, whether it counts.
async fn refunds(db: &Db, account: &str) -> Vec<(String, i64, bool)> {
    let rows: Vec<RefundRow> = rows_in(db, account, true).await;
    rows.into_iter().map(|row| (row.id, row.amount, row.counted)).collect()
}

fn known(refunds: &[(&str, i64, bool)]) -> Vec<(String, i64, bool)> {
    refunds.iter().map(|(id, amount, counted)| ((*id).to_owned(), *amount, *counted)).collect()
}

fn dispute(status: &str, moved: &[(i64, i64)]) -> Value {
    let moves: Vec<Value> = moved
        .iter()
        .enumerate()
        .map(|(n, (amount, fee))| {
            json!({"id": format!("txn_{n}"),
        "object": "balance_transaction", "amount": amount, "fee": fee, "currency": "gbp"})
        })
        .collect();
    json!({"id": "dp_1", "object": "dispute", "amount": 2000, "currency": "gbp", "charge": "ch_1",
        "payment_intent": null, "reason": "fraudulent", "status": status, "created": january(5).timestamp(),
        "balance_transactions": moves})
}

on_each_engine! {
    async fn refunds_in_parts_add_up_without_their_refund_objects(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([paid(), given_back("evt_1", 5, 300)]).await;
        assert_eq!(cash(&db).await.refunds, money(1, 300));
        place.tell([given_back("evt_2", 6, 800)]).await;
        assert_eq!(cash(&db).await.refunds, money(2, 800));
        place.tell([given_back("evt_3", 7, 2000)]).await;
        assert_eq!(refunds(&db, "").await, known(&[("ch_1", 300, true), ("ch_1#2", 500, true), ("ch_1#3", 1200, true)]));
        // The refunds tell of themselves at last, in the order in which nobody asked.
        place.tell([refunded("re_3", 7, 1200), refunded("re_1", 5, 300), refunded("re_2", 6, 500)]).await;
        place.close().await;
        assert_eq!(refunds(&db, "").await, known(&[("re_1", 300, true), ("re_2", 500, true), ("re_3", 1200, true)]));
        let cash = cash(&db).await;
        assert_eq!((cash.payments, cash.refunds, cash.net_before_fees), (money(1, 2000), money(3, 2000), 0));
        let payment: PaymentRow = only(&db).await;
        assert_eq!((payment.refund_amount, payment.refunded_at), (2000, Some(january(7))));
    }

    async fn refunds_in_parts_are_the_same_in_any_order(db: TestDb) {
        let place = Place::open(&db).await;
        let story = [paid(), given_back("evt_1", 5, 300), refunded("re_1", 5, 300), given_back("evt_2", 6, 800),
            refunded("re_2", 6, 500)];
        let all = orders(&story);
        for turn in 0..story.len() {
            let events = all.iter().enumerate().map(|(n, order)| of_account(&format!("acct_{n}"), &order[turn]));
            place.tell(events).await;
        }
        place.close().await;
        assert_eq!(refunds(&db, "acct_0").await, known(&[("re_1", 300, true), ("re_2", 500, true)]));
        let tables = revenue_by_account(&db).await;
        assert!((0..120).all(|n| tables[&format!("acct_{n}")] == tables["acct_0"]));
    }

    async fn a_refund_that_failed_gives_the_amount_back(db: TestDb) {
        let failed = with(refund("re_1", "ch_1", 500, january(5)), json!({"status": "failed",
            "failure_reason": "expired_or_canceled_card"}));
        let failure = event("evt_failed", "refund.failed", january(9), &failed);
        let place = Place::open(&db).await;
        place.tell([paid(), given_back("evt_1", 5, 500), refunded("re_1", 5, 500)]).await;
        assert_eq!(cash(&db).await.net_before_fees, 1500);
        place.tell([failure.clone()]).await;
        assert_eq!(refunds(&db, "").await, known(&[("re_1", 500, false)]));
        assert_eq!(only::<PaymentRow>(&db).await.refund_amount, 0);
        assert_eq!((cash(&db).await.refunds, cash(&db).await.net_before_fees), (NOTHING, 2000));
        // The charge says so too, some day.
        let whole = charge("ch_1", january(3), json!({}));
        let restored = event("evt_restored", "charge.updated", january(10), &whole);
        place.tell([restored.clone()]).await;
        assert_eq!((cash(&db).await.refunds, cash(&db).await.net_before_fees), (NOTHING, 2000));

        let all = orders(&[paid(), given_back("evt_1", 5, 500), refunded("re_1", 5, 500), failure, restored]);
        for turn in 0..5 {
            let events = all.iter().enumerate().map(|(n, order)| of_account(&format!("acct_{n}"), &order[turn]));
            place.tell(events).await;
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        assert!((0..120).all(|n| tables[&format!("acct_{n}")] == tables[""]));
    }

    async fn a_refund_that_failed_in_the_words_of_an_old_api_version_gives_the_amount_back_too(db: TestDb) {
        let failed = with(refund("re_1", "ch_1", 500, january(5)), json!({"status": "failed"}));
        let mut with_refund = given_back("evt_1", 5, 500);
        with_refund["data"]["object"]["refunds"] =
            json!({"object": "list", "has_more": false, "data": [refund("re_1", "ch_1", 500, january(5))]});
        let place = Place::open(&db).await;
        place.tell([paid(), with_refund]).await;
        assert_eq!(refunds(&db, "").await, known(&[("re_1", 500, true)]));
        place.tell([event("evt_2", "charge.refund.updated", january(9), &failed)]).await;
        place.close().await;
        assert_eq!(refunds(&db, "").await, known(&[("re_1", 500, false)]));
        assert_eq!(cash(&db).await.net_before_fees, 2000);
    }

    async fn a_refund_in_a_state_that_stripe_invents_one_day_counts_until_it_failed(db: TestDb) {
        let odd = with(refund("re_1", "ch_1", 500, january(5)), json!({"status": "levitating"}));
        let place = Place::open(&db).await;
        place.tell([paid(), event("evt_1", "refund.updated", january(5), &odd)]).await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 2)].into());
        assert_eq!(rows::<RefundRow>(&db).await[0].status, "levitating");
        assert_eq!(cash(&db).await.refunds, money(1, 500));
    }

    async fn a_dispute_that_was_won_brings_the_money_back(db: TestDb) {
        let story = [
            event("evt_1", "charge.dispute.created", january(5), &dispute("needs_response", &[])),
            event("evt_2", "charge.dispute.funds_withdrawn", january(5), &dispute("needs_response", &[(-2000, 1500)])),
            event("evt_3", "charge.dispute.funds_reinstated", january(20), &dispute("won", &[(-2000, 1500), (2000, 0)])),
            event("evt_4", "charge.dispute.closed", january(20), &dispute("won", &[(-2000, 1500), (2000, 0)])),
        ];
        let place = Place::open(&db).await;
        place.tell([paid(), story[0].clone()]).await;
        assert_eq!(cash(&db).await.disputes, NOTHING);
        place.tell([story[1].clone()]).await;
        let taken = cash(&db).await;
        assert_eq!((taken.disputes, taken.net_before_fees, taken.known_fees), (money(1, 2000), 0, 1500));
        place.tell([story[2].clone(), story[3].clone()]).await;
        let won = cash(&db).await;
        // Taken once and given back in the same month; the fee stays with Stripe.
        assert_eq!((won.disputes, won.net_before_fees, won.known_fees), (money(1, 0), 2000, 1500));
        let row: DisputeRow = only(&db).await;
        assert_eq!((row.status.as_str(), row.payment.as_deref()), ("won", Some("ch_1")));
        assert_eq!((row.withdrawn, row.withdrawn_at), (2000, Some(january(5))));
        assert_eq!((row.reinstated, row.reinstated_at), (2000, Some(january(20))));

        let all = orders(&[&[paid()], &story[..]].concat());
        for turn in 0..5 {
            let events = all.iter().enumerate().map(|(n, order)| of_account(&format!("acct_{n}"), &order[turn]));
            place.tell(events).await;
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        assert!((0..120).all(|n| tables[&format!("acct_{n}")] == tables[""]));
        assert_eq!(figures(&db, "acct_0", true).await.revenue[0].cash.current, won);
    }

    async fn a_dispute_that_does_not_show_what_moved_is_told_by_its_events(db: TestDb) {
        let silent = |status: &str| {
            let mut dispute = dispute(status, &[]);
            dispute.as_object_mut().unwrap().remove("balance_transactions");
            dispute
        };
        let place = Place::open(&db).await;
        place.tell([
            paid(),
            event("evt_1", "charge.dispute.funds_withdrawn", january(5), &silent("needs_response")),
        ]).await;
        let taken = cash(&db).await;
        assert_eq!((taken.disputes, taken.dispute_fees_unknown, taken.net), (money(1, 2000), 1, None));
        place.tell([event("evt_2", "charge.dispute.funds_reinstated", january(20), &silent("won"))]).await;
        place.close().await;
        assert_eq!(cash(&db).await.disputes, money(1, 0));
    }
}
