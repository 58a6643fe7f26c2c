//! Users: how many come, whether they come back, and what they do.

use crate::insights::finding::Finding;
use crate::insights::measure::{EQUAL, Trend, fell, trend};
use crate::insights::signals::{Compared, Signals};
use crate::insights::words::{counted, parts, percent, points, signed_percent};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::rollforward::Ratio;

/// Of the latest weekly cohorts, fewer came back in the week after their first.
pub(super) fn cohort_retention_falling(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let shares = signals.users.next_week;
    if !fell(shares, thresholds.cohort_fall_points, thresholds.min_count) {
        return None;
    }
    let cohorts = signals.users.next_week_cohorts;
    let text = format!(
        "New users come back less: {} of the latest {} were active in the week after their first ({}), after {} of \
         those before.",
        parts(shares.current),
        counted(cohorts.into(), "weekly cohort", "weekly cohorts"),
        percent(shares.current),
        percent(shares.previous),
    );
    let advice = format!(
        "Give new users a reason to come back in their second week, such as a mail with what they found in the first; \
         retention fell {}. {} lists who was active.",
        points(shares),
        signals.explain("active_users")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("Active in the week after the first", shares))
            .compared_with("the weekly cohorts before")
            .advises(advice),
    )
}

/// Of those active in a month, fewer were in its last week.
pub(super) fn stickiness_falling(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let shares = signals.users.stickiness;
    if !fell(shares, thresholds.stickiness_fall_points, thresholds.min_count) {
        return None;
    }
    let text = format!(
        "Users come back less often: {} users active in the last 30 days were in the last 7 ({}), after {} as many \
         days before.",
        parts(shares.current),
        percent(shares.current),
        percent(shares.previous),
    );
    let advice = format!(
        "Ask some of the users who were active last month and not last week what they came for; weekly stickiness fell \
         {}. {} lists who was active.",
        points(shares),
        signals.explain("active_users")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("WAU of MAU", shares))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// A smaller share of enrichments succeed.
pub(super) fn enrichment_success_falling(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let shares = signals.product.enrichment_success;
    if !fell(shares, thresholds.success_fall_points, thresholds.min_count) {
        return None;
    }
    let text = format!(
        "Enrichments fail more often: {} succeeded ({}), after {} in the period before.",
        parts(shares.current),
        percent(shares.current),
        percent(shares.previous),
    );
    let failed = u64::try_from(shares.current.denominator.saturating_sub(shares.current.numerator))
        .unwrap_or_default();
    let advice = format!(
        "Look at the {} and mail the users behind them once it is repaired: {} lists them.",
        counted(failed, "enrichment that failed", "enrichments that failed"),
        signals.explain("enrichments")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("Enrichment success", shares))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// Enrichments became more or fewer.
pub(super) fn enrichments_trend(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let counts = signals.product.enrichments;
    let trend = trend(counts, EQUAL, thresholds.enrichments_change_percent, thresholds.min_count)?;
    let advice = match trend {
        Trend::Up => format!(
            "Check that the {} fit into your limits and costs, and tell their users about the next plan: {} lists \
             them.",
            counted(counts.current, "enrichment", "enrichments"),
            signals.explain("enrichments")
        ),
        Trend::Down => format!(
            "Find out who of the users behind the {} of the period before stopped, and ask them why: {} lists the \
             present ones.",
            counted(counts.previous, "enrichment", "enrichments"),
            signals.explain("enrichments")
        ),
    };
    Some(moved("Enrichments", "enrichment", "enrichments", counts, trend, signals.days).advises(advice))
}

/// New users became more or fewer.
pub(super) fn new_users_trend(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let counts = signals.users.new;
    let trend = trend(counts, EQUAL, thresholds.users_change_percent, thresholds.min_count)?;
    let advice = match trend {
        Trend::Up => format!(
            "Find out where the {} came from, and do more of it.",
            counted(counts.current, "new user", "new users")
        ),
        Trend::Down => format!(
            "Check that the sign-up works, and which channel brought the {} of the period before and no longer does.",
            counted(counts.previous, "new user", "new users")
        ),
    };
    Some(moved("New users", "new user", "new users", counts, trend, signals.days).advises(advice))
}

fn moved(
    label: &'static str,
    one: &str,
    many: &str,
    counts: Compared<u64>,
    trend: Trend,
    days: u32,
) -> Finding {
    let (severity, verb) = match trend {
        Trend::Up => (Severity::Good, "rose"),
        Trend::Down => (Severity::Warning, "fell"),
    };
    let change = Ratio {
        numerator: i128::from(counts.current) - i128::from(counts.previous),
        denominator: counts.previous.into(),
    };
    let by = if counts.previous == 0 { String::new() } else { format!(" ({})", signed_percent(change)) };
    let text = format!(
        "{label} {verb}{by}: {}, after {} in the period before.",
        counted(counts.current, one, many),
        crate::money::with_thousands(counts.previous.into())
    );
    Finding::new(severity, text).shows(Evidence::counts(label, counts)).compared_with_days_before(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::measure::share;
    use crate::insights::tests::{calm, said};

    fn shares(now: (u64, u64), before: (u64, u64)) -> Compared<Ratio> {
        Compared { current: share(now.0, now.1), previous: share(before.0, before.1) }
    }

    /// What a rule says about two shares: far enough apart, not quite, chance, and too few.
    fn says_of_shares(rule: &str, points: u64, set: fn(&mut Signals, Compared<Ratio>)) -> String {
        let say = |now, before| {
            let mut signals = calm();
            set(&mut signals, shares(now, before));
            said(rule, &signals)
        };
        let (just, less) = (5_000 - points * 100, 5_001 - points * 100);
        assert!(say((just, 10_000), (5_000, 10_000)).is_some());
        assert_eq!(say((less, 10_000), (5_000, 10_000)), None);
        assert_eq!(say((3, 10), (6, 10)), None);
        assert_eq!(say((0, 4), (1_000, 1_000)), None);
        assert_eq!(say((0, 0), (0, 0)), None);
        say((200, 1_000), (400, 1_000)).unwrap().text
    }

    #[test]
    fn cohorts_that_come_back_less_are_told() {
        let text = says_of_shares("cohort_retention_falling", 10, |signals, shares| {
            signals.users.next_week = shares;
            signals.users.next_week_cohorts = 4;
        });
        assert_eq!(
            text,
            "New users come back less: 200 of 1,000 of the latest 4 weekly cohorts were active in the week after their \
             first (20.0 %), after 40.0 % of those before."
        );
    }

    #[test]
    fn stickiness_that_falls_is_told() {
        let text =
            says_of_shares("stickiness_falling", 10, |signals, shares| signals.users.stickiness = shares);
        assert_eq!(
            text,
            "Users come back less often: 200 of 1,000 users active in the last 30 days were in the last 7 (20.0 %), \
             after 40.0 % as many days before."
        );
    }

    #[test]
    fn enrichments_that_fail_more_often_are_told() {
        let text = says_of_shares("enrichment_success_falling", 5, |signals, shares| {
            signals.product.enrichment_success = shares;
        });
        assert_eq!(
            text,
            "Enrichments fail more often: 200 of 1,000 succeeded (20.0 %), after 40.0 % in the period before."
        );
    }

    #[test]
    fn more_or_fewer_enrichments_are_told() {
        let say = |current, previous| {
            let mut signals = calm();
            signals.product.enrichments = Compared { current, previous };
            said("enrichments_trend", &signals)
        };
        let insight = say(1_300, 1_000).unwrap();
        assert_eq!(
            insight.text,
            "Enrichments rose (+30.0 %): 1,300 enrichments, after 1,000 in the period before."
        );
        assert_eq!(insight.severity, Severity::Good);
        let insight = say(700, 1_000).unwrap();
        assert_eq!(
            insight.text,
            "Enrichments fell (-30.0 %): 700 enrichments, after 1,000 in the period before."
        );
        assert_eq!(insight.severity, Severity::Warning);
        assert_eq!((say(1_299, 1_000), say(701, 1_000), say(4, 0), say(7, 5)), (None, None, None, None));
    }

    #[test]
    fn more_or_fewer_new_users_are_told() {
        let say = |current, previous| {
            let mut signals = calm();
            signals.users.new = Compared { current, previous };
            said("new_users_trend", &signals)
        };
        assert_eq!(say(9, 0).unwrap().text, "New users rose: 9 new users, after 0 in the period before.");
        let insight = say(1, 12).unwrap();
        assert_eq!(insight.text, "New users fell (-91.7 %): 1 new user, after 12 in the period before.");
        assert!(insight.recommendation.unwrap().contains("the 12 new users of the period before"));
        assert!(say(1_250, 1_000).is_some());
        assert_eq!((say(1_249, 1_000), say(751, 1_000), say(4, 0), say(8, 6)), (None, None, None, None));
    }
}
