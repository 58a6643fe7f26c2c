//! Subscriptions whose events come too late, too close together or in part.

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_db::rows::{MovementRow, SubscriptionRow};
use growth_domain::money::Micros;
use growth_testkit::on_each_engine;
use growth_testkit::tables::revenue_by_account;
use serde_json::{Value, json};

use crate::objects::{ended, event, item, of_account, orders, price, subscription, units, with};
use crate::place::{Place, figures, january, revenue};
use crate::rows::{only, rows, rows_in};

const CREATED: &str = "customer.subscription.created";
const UPDATED: &str = "customer.subscription.updated";
const DELETED: &str = "customer.subscription.deleted";

/// Status and MRR in pence.
async fn stands(db: &Db, account: &str) -> (String, i64) {
    let subscriptions: Vec<SubscriptionRow> = rows_in(db, account, true).await;
    let [row] = &subscriptions[..] else { panic!("{subscriptions:#?}") };
    let revenue = figures(db, account, true).await.revenue;
    assert_eq!(revenue[0].mrr.current.net, Micros(i128::from(row.mrr_micros)));
    assert_eq!(row.mrr_micros % 1_000_000, 0);
    (row.status.clone(), row.mrr_micros / 1_000_000)
}

/// When, what and how much, in pence.
async fn moved(db: &Db) -> Vec<(DateTime<Utc>, String, i64)> {
    let rows: Vec<MovementRow> = rows(db).await;
    rows.into_iter().map(|row| (row.at, row.kind, row.delta_micros / 1_000_000)).collect()
}

/// The first so many of the items, each at 1.00 GBP a month, of a subscription that has more.
fn shown(numbers: impl Iterator<Item = usize>, of: Option<usize>) -> Value {
    let one = |n: usize| item(&format!("si_{n:02}"), &price(&format!("price_{n:02}"), 100), 1, january(2));
    let items: Vec<Value> = numbers.map(one).collect();
    let has_more = of != Some(items.len());
    let list = json!({"object": "list", "has_more": has_more, "total_count": of, "data": items});
    with(subscription("sub_1", january(2), &[], json!({})), json!({"items": list}))
}

on_each_engine! {
    async fn of_two_events_in_one_second_the_more_final_one_counts(db: TestDb) {
        let at = january(5);
        let waiting = units("sub_1", at, 1, json!({"status": "incomplete"}));
        let overdue = units("sub_1", at, 1, json!({"status": "past_due"}));
        let (active, over) = (units("sub_1", at, 1, json!({})), units("sub_1", at, 1, ended(at)));
        let cases = [
            ("paid_at_once", [(CREATED, &waiting), (UPDATED, &active)], ("active", 2000)),
            ("caught_up", [(UPDATED, &overdue), (UPDATED, &active)], ("active", 2000)),
            ("gone_at_once", [(UPDATED, &active), (DELETED, &over)], ("canceled", 0)),
        ];
        let place = Place::open(&db).await;
        for (name, story, (status, mrr)) in cases {
            let mut story: Vec<Value> =
                story.iter().zip(["evt_1", "evt_2"]).map(|((kind, object), id)| event(id, kind, at, object)).collect();
            for direction in ["forward", "backward"] {
                let account = format!("acct_{name}_{direction}");
                for event in &story {
                    place.tell([of_account(&account, event)]).await;
                }
                assert_eq!(stands(&db, &account).await, (status.to_owned(), mrr), "{account}");
                story.reverse();
            }
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        for name in ["paid_at_once", "caught_up", "gone_at_once"] {
            assert_eq!(tables[&format!("acct_{name}_forward")], tables[&format!("acct_{name}_backward")], "{name}");
        }
    }

    async fn two_events_in_one_second_that_nothing_tells_apart_end_the_same_in_both_orders(db: TestDb) {
        let at = january(5);
        let place = Place::open(&db).await;
        let story = [
            event("evt_1", UPDATED, at, &units("sub_1", january(2), 3, json!({}))),
            event("evt_2", UPDATED, at, &units("sub_1", january(2), 2, json!({}))),
        ];
        for (account, order) in [("acct_forward", [0, 1]), ("acct_backward", [1, 0])] {
            for index in order {
                place.tell([of_account(account, &story[index])]).await;
            }
            // The greater event id decides.
            assert_eq!(stands(&db, account).await, ("active".to_owned(), 4000));
        }
        place.close().await;
    }

    async fn a_late_event_with_old_items_fills_the_past_and_leaves_the_present(db: TestDb) {
        let told = |id: &str, kind: &str, day: i64, quantity: i64| {
            event(id, kind, january(day), &units("sub_1", january(2), quantity, json!({})))
        };
        let place = Place::open(&db).await;
        place.tell([told("evt_1", CREATED, 2, 1), told("evt_3", UPDATED, 9, 3)]).await;
        let (new, expansion) = ("new".to_owned(), "expansion".to_owned());
        assert_eq!(moved(&db).await, [(january(2), new.clone(), 2000), (january(9), expansion.clone(), 4000)]);

        place.tell([told("evt_2", UPDATED, 6, 2)]).await;
        place.close().await;
        assert_eq!(stands(&db, "").await, ("active".to_owned(), 6000));
        assert_eq!(only::<SubscriptionRow>(&db).await.quantity, Some(3));
        assert_eq!(moved(&db).await, [
            (january(2), new, 2000), (january(6), expansion.clone(), 2000), (january(9), expansion, 2000),
        ]);
    }

    async fn what_is_told_after_the_end_changes_nothing(db: TestDb) {
        let place = Place::open(&db).await;
        let active = units("sub_1", january(2), 1, json!({}));
        place.tell([
            event("evt_1", CREATED, january(2), &active),
            event("evt_2", DELETED, january(9), &units("sub_1", january(2), 1, ended(january(9)))),
        ]).await;
        let over = only::<SubscriptionRow>(&db).await;
        assert_eq!((over.status.as_str(), over.ended_at, over.mrr_micros), ("canceled", Some(january(9)), 0));

        // One of the days before, one of the same second, and one that was sent later with an old copy.
        place.tell([
            event("evt_3", UPDATED, january(6), &active),
            event("evt_4", UPDATED, january(9), &active),
            event("evt_5", UPDATED, january(12), &active),
        ]).await;
        place.close().await;
        let (new, churn) = ("new".to_owned(), "churn".to_owned());
        assert_eq!(moved(&db).await, [(january(2), new, 2000), (january(9), churn, -2000)]);
        let still = only::<SubscriptionRow>(&db).await;
        assert_eq!((still.status.as_str(), still.ended_at, still.mrr_micros), ("canceled", Some(january(9)), 0));
        assert_eq!(revenue(&db, "gbp").await.mrr.current.active_subscriptions, 0);
    }

    async fn an_end_that_was_told_late_counts_from_when_it_was(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([
            event("evt_1", CREATED, january(2), &units("sub_1", january(2), 1, json!({}))),
            event("evt_2", DELETED, january(20), &units("sub_1", january(2), 1, ended(january(15)))),
        ]).await;
        place.close().await;
        assert_eq!(moved(&db).await[1], (january(15), "churn".to_owned(), -2000));
    }

    async fn items_that_an_event_leaves_out_are_still_there(db: TestDb) {
        let story = [
            event("evt_1", CREATED, january(2), &shown(1..=8, Some(8))),
            // Four more, and the event shows no more than the ten newest of the twelve.
            event("evt_2", UPDATED, january(5), &shown(3..=12, Some(12))),
            // Twelve still, and this time the ten oldest are shown.
            event("evt_3", UPDATED, january(8), &shown(1..=10, Some(12))),
        ];
        let place = Place::open(&db).await;
        let mut seen = Vec::new();
        for event in &story {
            place.tell([event.clone()]).await;
            seen.push(stands(&db, "").await.1);
        }
        assert_eq!(seen, [800, 1200, 1200]);
        // In any order of arrival.
        for (n, order) in orders(&story).iter().enumerate() {
            let account = format!("acct_{n}");
            for event in order {
                place.tell([of_account(&account, event)]).await;
            }
            assert_eq!(stands(&db, &account).await.1, 1200);
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        assert!((0..6).all(|n| tables[&format!("acct_{n}")] == tables["acct_0"]));
        assert_eq!(figures(&db, "", true).await.unpriced, []);
    }

    async fn items_that_nobody_ever_saw_are_said_to_be_missing(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([event("evt_1", CREATED, january(2), &shown(1..=10, Some(12)))]).await;
        place.close().await;
        let seen = figures(&db, "", true).await;
        assert_eq!(seen.unpriced.len(), 1, "{seen:#?}");
        let mrr = seen.revenue[0].mrr.current;
        assert_eq!((mrr.net, mrr.active_subscriptions, mrr.unpriced_subscriptions), (Micros::ZERO, 1, 1));
    }

    async fn a_status_that_stripe_invents_one_day_is_kept_and_counts_nothing(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([
            event("evt_1", CREATED, january(2), &units("sub_1", january(2), 1, json!({}))),
            event("evt_2", UPDATED, january(5), &units("sub_1", january(2), 1, json!({"status": "hibernating"}))),
        ]).await;
        assert_eq!(stands(&db, "").await, ("hibernating".to_owned(), 0));
        place.tell([event("evt_3", UPDATED, january(8), &units("sub_1", january(2), 1, json!({})))]).await;
        place.close().await;
        assert_eq!(stands(&db, "").await, ("active".to_owned(), 2000));
        let kinds: Vec<String> = moved(&db).await.into_iter().map(|(_, kind, _)| kind).collect();
        assert_eq!(kinds, ["new", "churn", "reactivation"]);
    }

    async fn a_currency_without_decimals_or_with_three_is_counted_in_its_own_units(db: TestDb) {
        let told = |currency: &str, amount: i64, interval: &str| {
            let price = with(price(&format!("price_{currency}"), amount), json!({"currency": currency,
                "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"}}));
            let items = [item(&format!("si_{currency}"), &price, 1, january(2))];
            let object = subscription(&format!("sub_{currency}"), january(2), &items, json!({"currency": currency}));
            event(&format!("evt_{currency}"), CREATED, january(2), &object)
        };
        let place = Place::open(&db).await;
        // 10,000 JPY a year, and 12.500 KWD a month.
        place.tell([told("jpy", 10_000, "year"), told("kwd", 12_500, "month")]).await;
        place.close().await;
        assert_eq!(revenue(&db, "jpy").await.mrr.current.net, Micros(833_333_333));
        assert_eq!(revenue(&db, "kwd").await.mrr.current.net, Micros::from_minor(12_500));
    }
}
