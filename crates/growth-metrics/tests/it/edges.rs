//! Where there is nothing, or hardly anything, to count.

use chrono::TimeDelta;
use chrono_tz::Europe::London;
use chrono_tz::UTC;
use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_metrics::{GrowthSnapshot, Money, Periods, snapshot};
use growth_testkit::on_each_engine;
use growth_track::{Counting, Event, Settings, User, record, upsert_users};
use serde_json::json;

use crate::place::{charge, event, january, seen, subscription, take_in};
use crate::sample::{DAYS, request};

const CREATED: &str = "customer.subscription.created";
const DELETED: &str = "customer.subscription.deleted";

/// Nothing over nothing.
const UNKNOWN: Ratio = Ratio { numerator: 0, denominator: 0 };

fn assert_nobody_comes_back(snapshot: &GrowthSnapshot) {
    let engagement = &snapshot.engagement;
    assert_eq!(
        (engagement.stickiness_week, engagement.stickiness_month),
        (Periods::default(), Periods::default())
    );
    assert!(engagement.weekly.is_empty() && engagement.monthly.is_empty());
    assert!(engagement.days.iter().all(|day| (day.dau, day.wau, day.mau) == (0, 0, 0)));
}

on_each_engine! {
    async fn an_empty_database_has_figures_of_nothing(db: TestDb) {
        for days in DAYS {
            let snapshot = snapshot(&db, &request(january(8) + TimeDelta::hours(7), days, London)).await.unwrap();
            assert_eq!((snapshot.revenue.len(), snapshot.headline.is_none()), (0, true));
            let goal = snapshot.goal.as_ref().unwrap();
            assert_eq!(goal.progress, Ratio { numerator: 0, denominator: 50_000_000_000 });
            assert_eq!(goal.eta, Eta::TooEarly { of_weeks: 0, customers: None });
            assert_eq!(snapshot.users.total, Periods::default());
            assert_eq!(snapshot.users.activation.current.value(), None);
            assert_nobody_comes_back(&snapshot);
            assert_eq!(snapshot.engagement.days.len(), days as usize);
            assert_eq!(snapshot.engagement.average_dau.current.denominator, i128::from(days));
            assert!(snapshot.engagement.unfinished.is_some_and(|today| (today.active, today.events) == (0, 0)));
            let product = &snapshot.product;
            assert_eq!((product.enrichment_success.current.value(), product.events.len()), (None, 0));
            assert_eq!((product.top_users.len(), product.exports.len()), (0, 3));
            assert_eq!((snapshot.funnel.bottleneck, snapshot.funnel.stages.len()), (None, 3));
            for stage in &snapshot.funnel.stages {
                assert_eq!((stage.overall.current, stage.median_seconds.current), (UNKNOWN, None));
            }
            assert_eq!((snapshot.payments.len(), snapshot.refunds.len()), (0, 0));
        }
    }

    async fn one_user_who_signed_up_and_did_nothing(db: TestDb) {
        let user = User { external_id: "ann".into(), email: None, created_at: january(3), is_admin: false };
        upsert_users(&db, &[user]).await.unwrap();
        for days in DAYS {
            let snapshot = seen(&db, january(4), days, UTC).await;
            assert_eq!((snapshot.users.total.current, snapshot.users.new.current), (1, 1));
            assert_eq!((snapshot.users.active.current, snapshot.users.activation_pending.current), (0, 1));
            assert_eq!(snapshot.users.activation.current, UNKNOWN);
            assert_nobody_comes_back(&snapshot);
            assert_eq!(snapshot.engagement.days.iter().map(|day| day.new_users).sum::<u64>(), 1);
            let reached: Vec<u64> = snapshot.funnel.stages.iter().map(|stage| stage.reached.current).collect();
            assert_eq!((reached, snapshot.funnel.pending.current), (vec![1, 0, 0], 1));
            assert_eq!(snapshot.funnel.stages[2].from_previous.current.value(), None);
        }
    }

    async fn one_user_with_one_event(db: TestDb) {
        let counting = Counting { time_zone: Some(London), activation_event: None };
        let settings = Settings { counting, ..Settings::new(january(31)) };
        let did = Event::new("enrichment_completed", january(3)).user("ann").app("web");
        record(&db, &[did], &settings).await.unwrap();
        for days in DAYS {
            let snapshot = seen(&db, january(4), days, London).await;
            assert_eq!((snapshot.users.total.current, snapshot.users.active.current), (1, 1));
            let engagement = &snapshot.engagement;
            assert_eq!((engagement.dau.current, engagement.wau.current, engagement.mau.current), (1, 1, 1));
            assert_eq!(engagement.stickiness_month.current.value(), Some(1.0));
            assert_eq!(snapshot.product.contacts_per_enrichment.current, Ratio { numerator: 0, denominator: 1 });
            assert_eq!(snapshot.product.top_users[0].active_days, 1);
            assert_eq!(snapshot.funnel.stages[1].median_seconds.current, Some(0));
        }
        // A month later the week of the only event is one of the cohorts.
        let later = seen(&db, january(31) + TimeDelta::days(3), 30, London).await;
        let cohort = &later.engagement.weekly[0];
        assert_eq!((cohort.start.to_string(), cohort.users), ("2025-12-29".into(), 1));
        assert_eq!(cohort.active, [Some(1), Some(0), Some(0), Some(0), Some(0), None, None, None]);
    }

    async fn payments_without_any_subscription(db: TestDb) {
        take_in(&db, &[event("evt_1", "charge.succeeded", january(3), &charge("ch_1", january(3), &json!({})))]).await;
        for days in DAYS {
            let snapshot = snapshot(&db, &request(january(4), days, UTC)).await.unwrap();
            let revenue = &snapshot.revenue[0];
            assert_eq!(revenue.cash.current.payments, Money { count: 1, amount: 1000 });
            assert_eq!((revenue.mrr.current.net, revenue.mrr.current.arpu), (Micros::ZERO, None));
            assert_eq!(revenue.retention.current.customer_churn, UNKNOWN);
            assert_eq!(revenue.retention.current.quick_ratio.value(), None);
            assert_eq!((revenue.lifetime_value.value, &revenue.largest_customer), (None, &None));
            assert_eq!(revenue.days.iter().map(|day| day.payments.count).sum::<u64>(), 1);
            assert_eq!(snapshot.goal.unwrap().eta, Eta::TooEarly { of_weeks: 0, customers: None });
        }
    }

    async fn everybody_has_left(db: TestDb) {
        let told = |n: i64| {
            let (id, from, until) = (format!("sub_{n}"), january(n), january(10) + TimeDelta::days(n));
            let customer = json!({"customer": format!("cus_{n}")});
            let ended = json!({"customer": format!("cus_{n}"), "status": "canceled", "ended_at": until.timestamp()});
            [
                event(&format!("evt_{n}"), CREATED, from, &subscription(&id, from, 1, &customer)),
                event(&format!("evt_{n}x"), DELETED, until, &subscription(&id, from, 1, &ended)),
            ]
        };
        let events: Vec<serde_json::Value> = (1..=3).flat_map(told).collect();
        take_in(&db, &events).await;
        let minor = Micros::from_minor;
        for days in DAYS {
            let end = january(13) + TimeDelta::hours(1);
            let snapshot = snapshot(&db, &request(end, days, UTC)).await.unwrap();
            let revenue = &snapshot.revenue[0];
            let opening = if days < 10 { minor(1000 * i64::from(days.min(3))) } else { Micros::ZERO };
            assert_eq!((revenue.mrr.current.net, revenue.mrr.current.arpu), (Micros::ZERO, None));
            assert_eq!((revenue.movements.current.opening, revenue.movements.current.closing), (opening, Micros::ZERO));
            let kept = revenue.retention.current;
            match days {
                1 | 7 => {
                    assert_eq!(kept.customer_churn.value(), Some(1.0));
                    assert_eq!(kept.net_revenue_retention.value(), Some(0.0));
                    assert_eq!((kept.gross_mrr_churn.value(), kept.quick_ratio.value()), (Some(1.0), Some(0.0)));
                }
                _ => {
                    assert_eq!((kept.customer_churn, kept.net_revenue_retention), (UNKNOWN, UNKNOWN));
                    assert_eq!((kept.gross_mrr_churn.value(), kept.quick_ratio.value()), (None, Some(1.0)));
                }
            }
            assert_eq!(revenue.largest_customer, None);
            let goal = snapshot.goal.unwrap();
            assert_eq!(goal.gap, Some(minor(50_000)));
            assert_eq!(goal.eta, Eta::TooEarly { of_weeks: 1, customers: None });
        }
        // Much later there is nothing to report, and no growth to expect.
        let snapshot = snapshot(&db, &request(january(13) + TimeDelta::days(200), 7, UTC)).await.unwrap();
        let weekly = Micros::ZERO;
        assert_eq!(snapshot.goal.unwrap().eta, Eta::NotGrowing { weekly, of_weeks: 8, customers: None });
        assert_eq!(snapshot.revenue[0].retention.current.quick_ratio, UNKNOWN);
    }

    async fn a_report_of_a_year_ahead_goes_on_with_what_is_known(db: TestDb) {
        let counting = Counting { time_zone: Some(London), activation_event: None };
        let settings = Settings { counting, ..Settings::new(january(31)) };
        let did = Event::new("page_load", january(3)).user("ann").app("web");
        record(&db, &[did], &settings).await.unwrap();
        take_in(&db, &[event("evt_1", CREATED, january(2), &subscription("sub_1", january(2), 2, &json!({})))]).await;
        for days in DAYS {
            let snapshot = seen(&db, january(4) + TimeDelta::days(365), days, London).await;
            let revenue = &snapshot.revenue[0];
            let minor = Micros::from_minor;
            assert_eq!((revenue.mrr.current.net, revenue.movements.current.opening), (minor(2000), minor(2000)));
            assert_eq!(revenue.retention.current.net_revenue_retention.value(), Some(1.0));
            assert_eq!(revenue.days.len(), days as usize);
            assert!(revenue.days.iter().all(|day| day.mrr == minor(2000)));
            assert_eq!((snapshot.users.total.current, snapshot.users.new.current), (1, 0));
            assert_eq!((snapshot.users.active.current, snapshot.engagement.mau.current), (0, 0));
            assert_eq!(snapshot.engagement.stickiness_month.current, UNKNOWN);
            assert!(snapshot.engagement.weekly.is_empty(), "the only week with anybody is long ago");
        }
    }

    async fn days_on_which_the_clock_changes_have_their_own_length(db: TestDb) {
        // 29 March 2026 has 23 hours in London; the last instant of it is 22:59:59 UTC.
        let midnight = |day: u32, hour: u32| {
            format!("2026-03-{day:02}T{hour:02}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        };
        let evening = midnight(29, 23) - TimeDelta::seconds(1);
        let told = |n: i64, at| event(&format!("evt_{n}"), "charge.succeeded", at, &charge(&format!("ch_{n}"), at, &json!({})));
        take_in(&db, &[
            told(1, midnight(29, 0)),
            told(2, evening),
            told(3, midnight(29, 23)),
            event("evt_4", CREATED, evening, &subscription("sub_1", evening, 1, &json!({}))),
        ]).await;
        for days in DAYS {
            let snapshot = seen(&db, midnight(30, 23), days, London).await;
            assert_eq!(snapshot.header.window.end - snapshot.header.window.start, match days {
                1 => TimeDelta::hours(24),
                7 | 30 | 90 => TimeDelta::hours(24 * i64::from(days) - 1),
                // There and back again.
                _ => TimeDelta::hours(24 * 365),
            });
            let revenue = &snapshot.revenue[0];
            assert_eq!(revenue.days.len(), days as usize);
            let of = |day: &str| revenue.days.iter().find(|known| known.day.to_string() == day);
            assert_eq!(of("2026-03-30").unwrap().payments.count, 1);
            if days > 1 {
                let sunday = of("2026-03-29").unwrap();
                assert_eq!((sunday.payments.count, sunday.new), (2, Micros::from_minor(1000)));
            }
            assert_eq!(snapshot.engagement.day.to_string(), "2026-03-30");
        }
    }

    async fn one_who_joins_and_leaves_inside_is_in_no_rate_of_those_who_were_there(db: TestDb) {
        let customer = |name: &str, changes: &serde_json::Value| {
            let mut all = json!({"customer": name});
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            all
        };
        let ended = json!({"status": "canceled", "ended_at": january(20).timestamp()});
        take_in(&db, &[
            event("evt_1", CREATED, january(2), &subscription("sub_a", january(2), 10, &customer("cus_a", &json!({})))),
            event("evt_2", CREATED, january(12), &subscription("sub_b", january(12), 20, &customer("cus_b", &json!({})))),
            event("evt_3", DELETED, january(20), &subscription("sub_b", january(12), 20, &customer("cus_b", &ended))),
        ]).await;
        let revenue = seen(&db, january(31), 21, UTC).await.revenue[0].clone();
        let minor = Micros::from_minor;
        let moved = revenue.movements.current;
        assert_eq!((moved.opening, moved.new, moved.churn, moved.closing), (minor(10_000), minor(20_000), minor(20_000), minor(10_000)));
        let kept = revenue.retention.current;
        assert_eq!(kept.net_revenue_retention.value(), Some(1.0), "R4");
        assert_eq!(kept.gross_revenue_retention.value(), Some(1.0), "R5");
        assert_eq!(kept.customer_churn.value(), Some(0.0), "R3");
        assert_eq!(kept.gross_mrr_churn.value(), Some(2.0), "R6 measures B's churn against A's MRR");
    }
}
