//! The snapshot of the sample business says what really happened in it.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::America::New_York;
use chrono_tz::Europe::London;
use chrono_tz::{Tz, UTC};
use growth_db::Db;
use growth_demo::business::Business;
use growth_domain::fx::{Dated, Rates};
use growth_domain::money::Micros;
use growth_metrics::{GrowthSnapshot, Periods, Request, snapshot};
use growth_testkit::on_each_engine;
use serde_json::Value;

use crate::properties::assert_sums_up;
use crate::reference::{Facts, Worth, expected};
use crate::sample::{DAYS, at, fill, request};

/// What a dollar is worth until the middle of the window before the end, and from then on.
fn worths(end: DateTime<Utc>, days: u32) -> [Worth; 3] {
    let back = |days: i64| (end - TimeDelta::days(days)).date_naive();
    let worth = |since, text, ten_thousandths| Worth { since, currency: "usd", text, ten_thousandths };
    [
        worth(back(800), "0.79", 7_900),
        worth(back((i64::from(days) * 3).div_euclid(2)), "0.8125", 8_125),
        worth(back(i64::from(days / 2)), "0.75", 7_500),
    ]
}

fn rates(worths: &[Worth]) -> Rates {
    let dated = worths.iter().map(|worth| Dated {
        day: worth.since,
        from: worth.currency.into(),
        to: "gbp".into(),
        rate: worth.text.parse().unwrap(),
    });
    Rates::new(dated.collect())
}

/// Takes out of a snapshot what the truth does not tell.
pub(crate) fn told(mut snapshot: GrowthSnapshot) -> Value {
    snapshot.insights.clear();
    snapshot.insights_left_out = 0;
    for line in &mut snapshot.payments {
        line.event_id.clear();
        (line.plan_name, line.billing_period, line.attributed_by, line.failure_code) =
            (None, None, None, None);
    }
    let freshness = &mut snapshot.freshness;
    (freshness.applied_events, freshness.ignored_events) = (0, 0);
    freshness.last_stripe_event_received_at = None;
    serde_json::to_value(snapshot).unwrap()
}

/// Writes down where two documents differ.
pub(crate) fn differences(path: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            for (key, expected) in one {
                differences(&format!("{path}.{key}"), expected, &other[key], found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (expected, actual)) in one.iter().zip(other).enumerate() {
                differences(&format!("{path}[{index}]"), expected, actual, found);
            }
        }
        _ if expected != actual => found.push(format!("{path}: {actual} instead of {expected}")),
        _ => {}
    }
}

async fn assert_true(db: &Db, facts: &Facts<'_>, request: &Request, worths: &[Worth]) -> GrowthSnapshot {
    let actual = snapshot(db, request).await.unwrap();
    let expected = expected(facts, request, worths);
    let mut found = Vec::new();
    differences("", &told(expected.clone()), &told(actual.clone()), &mut found);
    assert!(
        found.is_empty(),
        "{} differences in {} days until {} in {}:\n{}",
        found.len(),
        request.days,
        request.window.end,
        request.time_zone,
        found.iter().take(25).cloned().collect::<Vec<_>>().join("\n")
    );
    assert_sums_up(&actual.product, actual.header.activity);
    // What JSON rounds is compared as well.
    assert_eq!((&actual.revenue, &actual.headline), (&expected.revenue, &expected.headline));
    actual
}

/// Fills a database with a business and asks for every window until its end, and for windows until some days earlier.
async fn assert_all_true(db: &Db, seed: u64, end: &str, zone: Tz, earlier: &[i64]) {
    let end = at(end);
    let business = Business::sample(seed, end);
    fill(db, &business, end, zone).await;
    let facts = Facts::of(&business);
    for days in DAYS {
        let apart = assert_true(db, &facts, &request(end, days, zone), &[]).await.headline.unwrap();
        assert_eq!(apart.apart, ["usd"]);
        let worths = worths(end, days);
        let with_rates = Request { rates: rates(&worths), ..request(end, days, zone) };
        let together = assert_true(db, &facts, &with_rates, &worths).await.headline.unwrap();
        let Periods { current, previous } = together.movements;
        assert!(together.apart.is_empty() && (days < 7 || current.fx != Micros::ZERO));
        assert!(!(7..365).contains(&days) || previous.fx != Micros::ZERO);
    }
    for back in earlier {
        let end = end - TimeDelta::minutes(back * 1440 + 61 * back);
        let days = [1, 7, 30][end.day0() as usize % 3];
        let of_app = Request { app: Some("tracker".into()), goal: None, ..request(end, days, zone) };
        assert_true(db, &facts, &of_app, &[]).await;
    }
}

on_each_engine! {
    async fn until_monday_begins(db: TestDb) {
        assert_all_true(&db, 1, "2026-06-15T00:00:00Z", UTC, &[40, 200, 363]).await;
    }

    async fn until_the_middle_of_a_day(db: TestDb) {
        assert_all_true(&db, 7, "2026-07-22T15:42:07.654321Z", UTC, &[3, 100]).await;
    }

    async fn over_the_days_on_which_london_changes_its_clocks(db: TestDb) {
        // Seven days before, the clock jumps over half past one.
        assert_all_true(&db, 3, "2026-04-05T00:30:00Z", London, &[160]).await;
    }

    async fn over_the_days_on_which_new_york_changes_its_clocks(db: TestDb) {
        assert_all_true(&db, 4, "2025-11-05T05:00:00Z", New_York, &[2, 236]).await;
    }
}
