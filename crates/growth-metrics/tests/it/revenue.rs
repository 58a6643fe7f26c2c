//! MRR at an instant holds what was true at that instant.

use chrono::TimeDelta;
use chrono_tz::UTC;
use growth_domain::money::Micros;
use growth_testkit::on_each_engine;
use serde_json::json;

use crate::place::{event, january, seen, subscription, take_in};

const CREATED: &str = "customer.subscription.created";
const UPDATED: &str = "customer.subscription.updated";

on_each_engine! {
    async fn a_report_as_of_the_past_does_not_know_the_future(db: TestDb) {
        let start = january(7) + TimeDelta::minutes(23 * 60 + 50);
        let later = start + TimeDelta::minutes(30);
        take_in(&db, &[event("evt_1", CREATED, start, &subscription("sub_1", start, 2, &json!({})))]).await;
        let before = seen(&db, january(8), 7, UTC).await.revenue;
        // Within the hour, and over the end of the period.
        take_in(&db, &[event("evt_2", UPDATED, later, &subscription("sub_1", start, 3, &json!({})))]).await;
        assert_eq!(seen(&db, january(8), 7, UTC).await.revenue, before);
        let minor = Micros::from_minor;
        assert_eq!((before[0].mrr.current.net, before[0].movements.current.new), (minor(2000), minor(2000)));
        let next = &seen(&db, january(15), 7, UTC).await.revenue[0];
        assert_eq!((next.movements.current.opening, next.movements.current.expansion), (minor(2000), minor(1000)));
        for mrr in [next.mrr.current, next.mrr.previous] {
            assert_eq!(mrr.net, mrr.list - mrr.discount);
        }
    }

    async fn what_does_not_count_is_not_an_active_subscription(db: TestDb) {
        let paused = json!({"pause_collection": {"behavior": "void"}});
        let trial = json!({"status": "trialing", "trial_end": january(30).timestamp()});
        let ending = json!({"cancel_at_period_end": true});
        let overdue = json!({"status": "past_due"});
        let told = |n: usize, changes: &serde_json::Value| {
            let id = format!("sub_{n}");
            event(&format!("evt_{n}"), CREATED, january(2), &subscription(&id, january(2), 1, changes))
        };
        take_in(&db, &[told(1, &paused), told(2, &trial), told(3, &ending), told(4, &overdue), told(5, &json!({}))]).await;
        let mrr = seen(&db, january(8), 7, UTC).await.revenue[0].mrr.current;
        assert_eq!((mrr.active_subscriptions, mrr.trialing_subscriptions, mrr.paying_customers), (3, 1, 1));
        let minor = Micros::from_minor;
        assert_eq!((mrr.net, mrr.committed, mrr.at_risk), (minor(3000), minor(2000), minor(1000)));
    }

    async fn a_subscription_first_seen_late_is_said_to_be_worked_out(db: TestDb) {
        take_in(&db, &[event("evt_1", UPDATED, january(9), &subscription("sub_1", january(2), 1, &json!({})))]).await;
        let early = seen(&db, january(8), 7, UTC).await;
        assert_eq!(early.revenue[0].mrr.current.net, Micros::from_minor(1000));
        assert_eq!((early.freshness.reconstructed_movements, early.freshness.reconstructed_subscriptions), (1, 1));
    }

    async fn a_price_that_is_known_by_its_id_alone_is_unpriced_until_it_is_told(db: TestDb) {
        let mut named = subscription("sub_1", january(2), 2, &json!({}));
        let whole = std::mem::replace(&mut named["items"]["data"][0]["price"], "price_1".into());
        take_in(&db, &[event("evt_1", CREATED, january(2), &named)]).await;
        let before = seen(&db, january(8), 7, UTC).await;
        assert_eq!(before.revenue[0].mrr.current.unpriced_subscriptions, 1);
        assert_eq!(before.unpriced[0].reason, "price price_1 is not known");
        take_in(&db, &[event("evt_2", "price.created", january(1), &whole)]).await;
        let after = seen(&db, january(8), 7, UTC).await;
        assert_eq!((after.revenue[0].mrr.current.net, after.unpriced.len()), (Micros::from_minor(2000), 0));
    }
}
