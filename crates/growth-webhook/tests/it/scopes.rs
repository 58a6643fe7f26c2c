//! Live and test mode never mix, and neither do connected accounts: all of them may use the same ids.

use growth_db::rows::{DisputeRow, PaymentRow, RefundRow, SubscriptionRow};
use growth_domain::money::Micros;
use growth_metrics::Money;
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::objects::{charge, event, refund, units, with};
use crate::place::{Place, figures, january};
use crate::rows::rows_in;

const SCOPES: [(&str, bool); 6] =
    [("", true), ("", false), ("acct_1", true), ("acct_1", false), ("acct_2", true), ("acct_2", false)];

/// The same three ids and the same event ids everywhere; the n-th scope pays n pounds and has n units.
fn story(account: &str, livemode: bool, n: i64) -> [Value; 3] {
    let pounds = json!({"amount": n * 100, "amount_captured": n * 100});
    [
        event("evt_1", "charge.succeeded", january(3), &charge("ch_1", january(3), pounds)),
        event(
            "evt_2",
            "customer.subscription.created",
            january(3),
            &units("sub_1", january(3), n, json!({})),
        ),
        event("evt_3", "refund.created", january(5), &refund("re_1", "ch_1", n, january(5))),
    ]
    .map(|event| match account {
        "" => with(event, json!({"livemode": livemode})),
        account => with(event, json!({"livemode": livemode, "account": account})),
    })
}

on_each_engine! {
    async fn the_same_ids_in_two_modes_and_three_accounts_never_mix(db: TestDb) {
        let place = Place::open(&db).await;
        // The first event of all, then the second of all, then the third of all.
        for turn in 0..3 {
            let events = SCOPES.iter().zip(1..).map(|((account, livemode), n)| {
                story(account, *livemode, n)[turn].clone()
            });
            place.tell(events).await;
        }
        // What belongs to one of them only.
        let failed = with(refund("re_1", "ch_1", 3, january(5)), json!({"status": "failed"}));
        let failed = event("evt_4", "refund.failed", january(6), &failed);
        place.tell([with(failed, json!({"account": "acct_1"}))]).await;
        place.close().await;

        for ((account, livemode), n) in SCOPES.iter().zip(1_i64..) {
            let about = format!("{account:?} {livemode}");
            let [payment] = &rows_in::<PaymentRow>(&db, account, *livemode).await[..] else { panic!("{about}") };
            let given_back = if n == 3 { 0 } else { n };
            assert_eq!((payment.id.as_str(), payment.amount, payment.refund_amount), ("ch_1", n * 100, given_back));
            let [refund] = &rows_in::<RefundRow>(&db, account, *livemode).await[..] else { panic!("{about}") };
            assert_eq!((refund.amount, refund.payment.as_deref()), (n, Some("ch_1")), "{about}");
            let subscriptions = rows_in::<SubscriptionRow>(&db, account, *livemode).await;
            assert_eq!(subscriptions.len(), 1, "{about}");
            assert!(rows_in::<DisputeRow>(&db, account, *livemode).await.is_empty());

            let seen = figures(&db, account, *livemode).await;
            let [gbp] = &seen.revenue[..] else { panic!("{about}: {seen:#?}") };
            assert_eq!(gbp.mrr.current.net, Micros::from_minor(2000 * n), "{about}");
            assert_eq!(gbp.cash.current.payments, Money { count: 1, amount: n * 100 }, "{about}");
            assert_eq!(gbp.cash.current.refunds.amount, given_back, "{about}");
            assert_eq!(seen.freshness.applied_events, if n == 3 { 4 } else { 3 }, "{about}");
        }
    }
}
