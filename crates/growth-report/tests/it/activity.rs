//! What the users of the hand-built business do, and what is worth saying of it.

use chrono::{NaiveDate, TimeDelta};
use growth_domain::insights::{AtStake, Evidence, Insight, Interval, Severity, Unit};
use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_metrics::{
    ActivityDay, Bottleneck, Engagement, EventCount, ExportCount, Funnel, FunnelStage, Periods, Product,
    ProductDay, RetentionCohort, Stage, TopUser, Usage,
};

fn ratio(numerator: i128, denominator: i128) -> Ratio {
    Ratio { numerator, denominator }
}

fn periods<T>(current: T, previous: T) -> Periods<T> {
    Periods { current, previous }
}

/// Cohorts whose periods end with the last one: each is a period shorter than the one before it.
fn cohorts(starts: &[&str], users: &[u64], kept: &[u64]) -> Vec<RetentionCohort> {
    let cohort = |(index, (start, users)): (usize, (&&str, &u64))| RetentionCohort {
        start: start.parse().unwrap(),
        users: *users,
        active: (0..starts.len())
            .map(|after| (index + after < starts.len()).then(|| users * kept[after] / 100))
            .collect(),
    };
    starts.iter().zip(users).enumerate().map(cohort).collect()
}

pub(crate) fn engagement(last: NaiveDate) -> Engagement {
    let dau = [61, 64, 70, 66, 58, 31, 29];
    let wau = [300, 303, 306, 309, 311, 311, 312];
    let mau = [690, 692, 695, 697, 699, 700, 702];
    let new_users = [3, 4, 2, 3, 3, 1, 1];
    let day = |index: usize| ActivityDay {
        day: last - TimeDelta::days(6 - i64::try_from(index).unwrap()),
        dau: dau[index],
        wau: wau[index],
        mau: mau[index],
        new_users: new_users[index],
    };
    let weeks = [
        "2026-05-04",
        "2026-05-11",
        "2026-05-18",
        "2026-05-25",
        "2026-06-01",
        "2026-06-08",
        "2026-06-15",
        "2026-06-22",
    ];
    let months = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"];
    let mut monthly = cohorts(&months, &[48, 0, 66, 71, 80, 75], &[100, 62, 47, 38, 33, 30]);
    // June is not over.
    monthly.iter_mut().enumerate().for_each(|(index, cohort)| cohort.active[5 - index] = None);
    Engagement {
        unfinished: None,
        day: last,
        day_before: last - TimeDelta::days(7),
        dau: periods(29, 27),
        wau: periods(312, 298),
        mau: periods(702, 688),
        average_dau: periods(ratio(379, 7), ratio(361, 7)),
        stickiness_week: periods(ratio(29, 312), ratio(27, 298)),
        stickiness_month: periods(ratio(29, 702), ratio(27, 688)),
        weekly: cohorts(&weeks, &[18, 22, 19, 25, 16, 21, 20, 17], &[100, 55, 41, 36, 30, 27, 22, 16]),
        monthly,
        days: (0..7).map(day).collect(),
    }
}

fn usage(enrichments: i64, exports: i64) -> Usage {
    Usage {
        enrichments,
        exports,
        searches: enrichments * 3,
        contacts_added: enrichments * 4,
        sessions: enrichments / 2,
        session_duration_ms: enrichments * 260_000,
        ..Usage::default()
    }
}

pub(crate) fn product() -> Product {
    let event = |name: &str, now, before, failed, failed_before| EventCount {
        name: name.to_owned(),
        count: periods(now, before),
        failures: periods(failed, failed_before),
    };
    let export = |format, now, before| ExportCount { format, completed: periods(now, before) };
    let top = |user: Option<&str>, active_days, enrichments, exports| TopUser {
        user: user.map(str::to_owned),
        active_days,
        usage: usage(enrichments, exports),
    };
    let monday: NaiveDate = "2026-06-22".parse().unwrap();
    let did = |(day, (completed, failed, exports))| ProductDay {
        day,
        enrichments_completed: completed,
        enrichments_failed: failed,
        exports,
    };
    let days =
        [(214, 6, 19), (208, 5, 22), (197, 17, 14), (221, 8, 18), (189, 4, 17), (96, 5, 4), (79, 3, 5)];
    Product {
        enrichments_started: periods(1_260, 1_190),
        enrichments_completed: periods(1_204, 1_151),
        enrichments_failed: periods(48, 31),
        enrichment_success: periods(ratio(1_204, 1_252), ratio(1_151, 1_182)),
        contacts: periods(4_936, 4_604),
        contacts_per_enrichment: periods(ratio(4_936, 1_204), ratio(4_604, 1_151)),
        exports: vec![export("csv", 87, 79), export("json", 12, 15), export("tracker", 0, 0)],
        days: monday.iter_days().zip(days).map(did).collect(),
        events: vec![
            event("enrichment_started", 1_260, 1_190, 0, 0),
            event("enrichment_completed", 1_204, 1_151, 0, 0),
            event("search_performed", 903, 880, 4, 0),
            event("export_csv_completed", 87, 79, 0, 0),
            event("enrichment_failed", 48, 31, 48, 31),
            event("user_signed_up", 17, 21, 0, 0),
        ],
        usage: periods(usage(1_204, 99), usage(1_151, 94)),
        top_users: vec![top(Some("user_7"), 7, 212, 14), top(Some("user_3"), 6, 140, 2), top(None, 5, 91, 0)],
    }
}

pub(crate) fn funnel() -> Funnel {
    let stage = |stage, now: [i128; 2], before: [i128; 2], seconds, recent, trailing| FunnelStage {
        stage,
        reached: periods(u64::try_from(now[0]).unwrap(), u64::try_from(before[0]).unwrap()),
        from_previous: periods(ratio(now[0], now[1]), ratio(before[0], before[1])),
        overall: periods(ratio(now[0], 17), ratio(before[0], 21)),
        median_seconds: seconds,
        recent,
        trailing,
    };
    let none = ratio(0, 0);
    let (recent, trailing) = (ratio(9, 24), ratio(90, 160));
    Funnel {
        window_days: 30,
        stages: vec![
            stage(Stage::SignUp, [17, 0], [21, 0], periods(Some(0), Some(0)), none, none),
            stage(Stage::Activation, [9, 17], [12, 21], periods(Some(5_400), Some(4_500)), recent, trailing),
            stage(
                Stage::Payment,
                [2, 9],
                [4, 12],
                periods(Some(190_000), Some(260_000)),
                ratio(4, 9),
                ratio(41, 90),
            ),
        ],
        pending: periods(15, 17),
        bottleneck: Some(Bottleneck { stage: Stage::Activation, recent, trailing, lost: 4 }),
    }
}

pub(crate) fn insights() -> Vec<Insight> {
    let before = "the 7 days before";
    let evidence = |label: &str, unit, current, previous, interval: Option<(f64, f64)>| Evidence {
        label: label.to_owned(),
        unit,
        current,
        previous,
        interval: interval.map(|(low, high)| Interval { low, high }),
    };
    let pounds = || "gbp".to_owned();
    vec![
        Insight {
            rule: "failed_payment_open",
            severity: Severity::Critical,
            text: "1 invoice of GBP 20.00 failed and can still be paid.".to_owned(),
            evidence: vec![
                evidence("Failed payments still open", Unit::Count, ratio(1, 1), Some(ratio(0, 1)), None),
                evidence(
                    "Amount still open",
                    Unit::Minor { currency: pounds() },
                    ratio(2_000, 1),
                    Some(ratio(0, 1)),
                    None,
                ),
            ],
            compared_with: before.to_owned(),
            recommendation: Some(
                "Write to the customer whose invoice of GBP 20.00 is still open.".to_owned(),
            ),
            at_stake: Some(AtStake { currency: pounds(), micros: Micros::from_minor(2_000) }),
        },
        Insight {
            rule: "funnel_bottleneck",
            severity: Severity::Warning,
            text: "Activation fell to 37.5 % from 56.2 % of the eight weeks before.".to_owned(),
            evidence: vec![evidence(
                "Activated of those who signed up",
                Unit::Share,
                ratio(9, 24),
                Some(ratio(90, 160)),
                Some((0.212, 0.573)),
            )],
            compared_with: "the eight weeks before".to_owned(),
            recommendation: Some(
                "Ask the 15 users who did not get to an enrichment what stopped them.".to_owned(),
            ),
            at_stake: None,
        },
        Insight {
            rule: "usage_of_feature",
            severity: Severity::Notice,
            text: "Exports as JSON went down by 3.".to_owned(),
            evidence: vec![evidence("Exports: JSON", Unit::Count, ratio(12, 1), Some(ratio(15, 1)), None)],
            compared_with: before.to_owned(),
            recommendation: None,
            at_stake: None,
        },
        Insight {
            rule: "mrr_growth",
            severity: Severity::Good,
            text: "MRR grew by GBP 35.00 (12.3 %).".to_owned(),
            evidence: vec![
                evidence(
                    "MRR",
                    Unit::Micros { currency: pounds() },
                    ratio(Micros::from_minor(32_000).0, 1),
                    Some(ratio(Micros::from_minor(28_500).0, 1)),
                    None,
                ),
                evidence("Quick ratio", Unit::Times, ratio(60, 25), Some(ratio(40, 5)), None),
            ],
            compared_with: before.to_owned(),
            recommendation: None,
            at_stake: None,
        },
    ]
}
