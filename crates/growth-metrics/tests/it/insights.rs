//! What the report has to say of real histories.

use chrono_tz::UTC;
use growth_domain::insights::Insight;
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::place::{event, january, seen, subscription, take_in};

const CREATED: &str = "customer.subscription.created";
const DISCOUNTED: &str = "customer.discount.created";

/// Six customers with one subscription each, the discounts of the first ones being these.
fn customers(discounts: &[Value]) -> Vec<Value> {
    let subscribed = |n: usize| {
        let shown: Vec<&Value> = discounts.get(n).map(|discount| &discount["id"]).into_iter().collect();
        let changes = json!({"customer": format!("cus_{n}"), "discounts": shown});
        let object = subscription(&format!("sub_{n}"), january(2), 1, &changes);
        event(&format!("evt_sub_{n}"), CREATED, january(2), &object)
    };
    let discounted = discounts
        .iter()
        .enumerate()
        .map(|(n, discount)| event(&format!("evt_di_{n}"), DISCOUNTED, january(2), discount));
    (0..6).map(subscribed).chain(discounted).collect()
}

fn discount(n: usize, percent: u32, end: Option<i64>) -> Value {
    let coupon = json!({"object": "coupon", "id": format!("coupon_{n}"), "percent_off": percent, "valid": true,
        "duration": if end.is_some() { "repeating" } else { "forever" }});
    json!({"object": "discount", "id": format!("di_{n}"), "customer": format!("cus_{n}"),
        "subscription": format!("sub_{n}"), "coupon": coupon, "start": january(2).timestamp(),
        "end": end.map(|day| january(day).timestamp())})
}

fn ending(insights: &[Insight]) -> Option<&str> {
    insights.iter().find(|insight| insight.rule == "discounts_ending").map(|insight| &*insight.text)
}

on_each_engine! {
    async fn discounts_that_end_within_thirty_days_are_told_with_what_they_take_off(db: TestDb) {
        // 2.50 until day 38, the last one inside; 5.00 until day 39; 1.00 for ever; 1.00 that is over.
        let discounts = [
            discount(0, 25, Some(38)),
            discount(1, 50, Some(39)),
            discount(2, 10, None),
            discount(3, 10, Some(7)),
        ];
        take_in(&db, &customers(&discounts)).await;
        let insights = seen(&db, january(8), 7, UTC).await.insights;
        assert_eq!(
            ending(&insights),
            Some("Discounts of 1 subscription end within 30 days; it will pay GBP 2.50 a month more at list price.")
        );
        let later = seen(&db, january(9), 7, UTC).await.insights;
        assert!(ending(&later).is_some_and(|text| text.contains("2 subscriptions") && text.contains("GBP 7.50")));
        assert_eq!(ending(&seen(&db, january(39), 7, UTC).await.insights), None);
    }

    async fn of_a_business_without_data_there_is_nothing_to_tell(db: TestDb) {
        assert_eq!(seen(&db, january(8), 7, UTC).await.insights, []);
    }

    async fn what_is_past_due_is_told_with_its_share_of_mrr(db: TestDb) {
        let mut events = customers(&[]);
        events.push(event("evt_large", CREATED, january(2), &subscription("sub_large", january(2), 1, &json!({
            "customer": "cus_5", "status": "past_due"}))));
        take_in(&db, &events).await;
        let insights = seen(&db, january(9), 7, UTC).await.insights;
        let at_risk = insights.iter().find(|insight| insight.rule == "at_risk").unwrap();
        assert_eq!(at_risk.text, "GBP 10.00 of MRR is past due: 14.3 % of all.");
    }
}
