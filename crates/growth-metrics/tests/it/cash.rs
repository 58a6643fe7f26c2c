//! Money in and out, by the time it moved.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::UTC;
use growth_ingest::{Intake, Source, ingest};
use growth_metrics::Money;
use growth_testkit::on_each_engine;
use serde_json::json;

use crate::place::{charge, event, january, seen, take_in};

on_each_engine! {
    async fn a_refund_in_a_later_period_does_not_rewrite_the_earlier_one(db: TestDb) {
        let paid = charge("ch_1", january(3), &json!({"balance_transaction": {"object": "balance_transaction",
            "id": "txn_1", "fee": 35, "currency": "gbp"}}));
        let refund = json!({"object": "refund", "id": "re_1", "amount": 400, "currency": "gbp", "charge": "ch_1",
            "status": "succeeded", "created": january(12).timestamp()});
        take_in(&db, &[event("evt_1", "charge.succeeded", january(3), &paid)]).await;
        let before = seen(&db, january(8), 7, UTC).await.revenue;
        take_in(&db, &[event("evt_2", "refund.created", january(12), &refund)]).await;
        assert_eq!(seen(&db, january(8), 7, UTC).await.revenue, before);
        let cash = before[0].cash.current;
        assert_eq!((cash.payments, cash.known_fees, cash.net), (Money { count: 1, amount: 1000 }, 35, Some(965)));

        let later = seen(&db, january(15), 7, UTC).await.revenue[0].clone();
        assert_eq!((later.cash.current.refunds, later.cash.current.net), (Money { count: 1, amount: 400 }, Some(-400)));
        assert_eq!(later.cash.previous.payments, Money { count: 1, amount: 1000 });
        assert_eq!((later.all_time.net_before_fees, later.all_time.net), (600, Some(565)));
    }

    async fn a_dispute_counts_what_was_taken_less_what_came_back(db: TestDb) {
        let paid = charge("ch_1", january(3), &json!({"balance_transaction": {"object": "balance_transaction",
            "id": "txn_1", "fee": 35, "currency": "gbp"}}));
        let dispute = json!({"object": "dispute", "id": "dp_1", "amount": 1000, "currency": "gbp", "charge": "ch_1",
            "status": "needs_response", "created": january(4).timestamp()});
        let moved = |kind: &str| format!("charge.dispute.funds_{kind}");
        take_in(&db, &[
            event("evt_1", "charge.succeeded", january(3), &paid),
            event("evt_2", &moved("withdrawn"), january(4), &dispute),
            event("evt_3", &moved("reinstated"), january(20), &dispute),
        ]).await;
        let taken = seen(&db, january(8), 7, UTC).await.revenue[0].cash.current;
        assert_eq!((taken.disputes, taken.net_before_fees), (Money { count: 1, amount: 1000 }, 0));
        assert_eq!((taken.dispute_fees_unknown, taken.net), (1, None), "a fee that nobody told is not 0");
        let back = seen(&db, january(22), 7, UTC).await.revenue[0].cash.current;
        assert_eq!(back.disputes, Money { count: 0, amount: -1000 });
    }

    async fn failed_and_unattributed_payments_are_counted_apart(db: TestDb) {
        let failed = charge("ch_1", january(3), &json!({"status": "failed", "captured": false,
            "failure_code": "card_declined"}));
        take_in(&db, &[
            event("evt_1", "charge.failed", january(3), &failed),
            event("evt_2", "charge.succeeded", january(4), &charge("ch_2", january(4), &json!({}))),
        ]).await;
        let cash = seen(&db, january(8), 7, UTC).await.revenue[0].cash.current;
        assert_eq!(cash.failed_payments, Money { count: 1, amount: 1000 });
        assert_eq!((cash.payments, cash.unattributed), (Money { count: 1, amount: 1000 }, Money { count: 1, amount: 1000 }));
        assert_eq!((cash.fees_unknown, cash.net), (1, None));
    }

    async fn an_invoice_and_an_intent_that_nothing_links_are_flagged(db: TestDb) {
        let at = january(3);
        let invoice = json!({"object": "invoice", "id": "in_1", "customer": "cus_1", "currency": "gbp", "status": "paid",
            "created": at.timestamp(), "amount_due": 1000, "amount_paid": 1000,
            "lines": {"object": "list", "has_more": false, "data": []}});
        let intent = |amount: i64| json!({"object": "payment_intent", "id": format!("pi_{amount}"), "amount": amount,
            "amount_received": amount, "currency": "gbp", "customer": "cus_1", "created": at.timestamp(),
            "status": "succeeded"});
        take_in(&db, &[
            event("evt_1", "invoice.paid", at, &invoice),
            event("evt_2", "payment_intent.succeeded", at + TimeDelta::minutes(5), &intent(999)),
        ]).await;
        assert_eq!(seen(&db, january(8), 7, UTC).await.freshness.possibly_counted_twice, 0);
        take_in(&db, &[event("evt_3", "payment_intent.succeeded", at, &intent(1000))]).await;
        let seen = seen(&db, january(8), 7, UTC).await;
        assert_eq!(seen.freshness.possibly_counted_twice, 1);
        assert_eq!(seen.revenue[0].cash.current.by_invoice_only, Money { count: 1, amount: 1000 });
    }

    async fn connected_accounts_are_left_out_and_said_so(db: TestDb) {
        let of = |id: &str, account: &str, livemode: bool| {
            let mut event = event(id, "charge.succeeded", january(3), &charge("ch_1", january(3), &json!({})));
            event["account"] = account.into();
            event["livemode"] = livemode.into();
            event
        };
        let all = [("evt_1", "acct_1", true), ("evt_2", "acct_2", true), ("evt_3", "acct_2", true), ("evt_4", "acct_3", false)];
        take_in(&db, &all.map(|(id, account, livemode)| of(id, account, livemode))).await;
        let seen = seen(&db, january(8), 7, UTC).await;
        assert!(seen.revenue.is_empty());
        assert_eq!(seen.freshness.other_accounts, 2);
    }

    async fn the_latest_arrival_is_told_of_webhooks_and_of_all(db: TestDb) {
        let arrives = async |source: Source, id: &str, received_at: DateTime<Utc>| {
            let event = event(id, "charge.succeeded", january(3), &charge(id, january(3), &json!({})));
            let intake = Intake { source, received_at, livemode: true, account: String::new() };
            ingest(&db, intake, vec![(event.to_string(), event)]).await.unwrap();
            let seen = seen(&db, january(8), 7, UTC).await.freshness;
            (seen.last_webhook_received_at, seen.last_stripe_event_received_at)
        };
        assert_eq!(arrives(Source::File, "evt_1", january(5)).await, (None, Some(january(5))));
        let (webhook, later) = (Some(january(4)), Some(january(6)));
        assert_eq!(arrives(Source::Webhook, "evt_2", january(4)).await, (webhook, Some(january(5))));
        assert_eq!(arrives(Source::EventsApi, "evt_3", january(6)).await, (webhook, later));
        assert_eq!(arrives(Source::Webhook, "evt_4", january(2)).await, (webhook, later));
        assert_eq!(arrives(Source::Webhook, "evt_5", january(7)).await, (Some(january(7)), Some(january(7))));
    }
}
