//! The way from sign-up to payment.

use crate::insights::finding::Finding;
use crate::insights::measure::{fell, is_below_percent, is_of, is_surely_below};
use crate::insights::signals::{Compared, Signals, Stage};
use crate::insights::words::{counted, parts, percent, points, verb};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::rollforward::Ratio;

/// Fewer of the new users were activated than before.
pub(super) fn falling(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let users = &signals.users;
    if !fell(users.activation, thresholds.activation_fall_points, thresholds.min_count) {
        return None;
    }
    let text = format!(
        "Activation fell {}: {} new users were activated within {} ({}), after {} in the period before.{}",
        points(users.activation),
        parts(users.activation.current),
        counted(users.activation_days.into(), "day", "days"),
        percent(users.activation.current),
        percent(users.activation.previous),
        pending(users.activation_pending),
    );
    let advice = format!(
        "Find out what changed for new users since the period before, a release, a channel or a price, and try the \
         first steps yourself: {} lists those who stopped.",
        signals.explain("activation")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("Activation", users.activation))
            .shows(Evidence::count("Pending", users.activation_pending, None))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// Few of the new users were activated; a warning where that is surely so. Silent where activation falls,
/// which is told in its place.
pub(super) fn low(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let users = &signals.users;
    let (activation, least) = (users.activation.current, thresholds.activation_percent);
    if !is_of(activation, thresholds.min_count)
        || !is_below_percent(activation, least)
        || falling(signals, thresholds).is_some()
    {
        return None;
    }
    let text = format!(
        "Few new users get to the point: {} were activated within {} ({}).{}",
        parts(activation),
        counted(users.activation_days.into(), "day", "days"),
        percent(activation),
        pending(users.activation_pending),
    );
    let stopped = missed(activation);
    let advice = format!(
        "Write a short personal mail to the {} not activated and offer to do the first step together: {} lists them.",
        counted(stopped, "user who was", "users who were"),
        signals.explain("activation")
    );
    let severity = if is_surely_below(activation, least) { Severity::Warning } else { Severity::Notice };
    Some(
        Finding::new(severity, text)
            .shows(Evidence::shares("Activation", users.activation))
            .shows(Evidence::count("Pending", users.activation_pending, None))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// A stage of the funnel lost users against its own rate before.
pub(super) fn funnel_bottleneck(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let stage = signals.users.bottleneck?;
    let shares = Compared { current: stage.recent, previous: stage.trailing };
    if stage.lost == 0 || !fell(shares, thresholds.funnel_fall_points, thresholds.min_count) {
        return None;
    }
    let (missed, from, advice) = match stage.stage {
        Stage::Activation => (
            "activation",
            "sign-up",
            "Watch two or three new users do the first steps, and take out what stops them",
        ),
        Stage::Payment => (
            "payment",
            "activation",
            "Try the way to the checkout yourself on a phone, and ask activated users what keeps them from paying",
        ),
    };
    let text = format!(
        "The bottleneck of the funnel is {missed}: {} came from {from} to it ({}), after {} in the 8 weeks before; \
         {} would have come at that rate.",
        parts(stage.recent),
        percent(stage.recent),
        percent(stage.trailing),
        counted(stage.lost, "more user", "more users"),
    );
    let advice = format!(
        "{advice}: {} lost. {} lists where each user is.",
        counted(stage.lost, "user was", "users were"),
        signals.explain("funnel")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("Came to the stage", shares))
            .shows(Evidence::count("Users lost against the rate before", stage.lost, None))
            .compared_with("the 8 weeks before")
            .advises(advice),
    )
}

/// Fewer trials became a paid plan than before.
pub(super) fn trial_conversion_falling(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let trials = signals.revenue.as_ref()?.trial_conversion;
    if !fell(trials, thresholds.trial_fall_points, thresholds.min_count) {
        return None;
    }
    let text = format!(
        "Trial conversion fell {}: {} trials that ended became a paid plan ({}), after {} in the period before.",
        points(trials),
        parts(trials.current),
        percent(trials.current),
        percent(trials.previous),
    );
    let advice = format!(
        "Compare the trials that ended with those before, their source, plan and use, and ask who left why: {} lists \
         them.",
        signals.explain("trial_conversion")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::shares("Trial conversion", trials))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// Few trials became a paid plan; a warning where that is surely so. Silent where conversion falls.
pub(super) fn trial_conversion_low(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let trials = signals.revenue.as_ref()?.trial_conversion;
    let (now, least) = (trials.current, thresholds.trial_percent);
    if !is_of(now, thresholds.min_count)
        || !is_below_percent(now, least)
        || trial_conversion_falling(signals, thresholds).is_some()
    {
        return None;
    }
    let text = format!("Few trials become a paid plan: {} that ended did ({}).", parts(now), percent(now));
    let unpaid = missed(now);
    let advice = format!(
        "Turn on the reminder before a trial ends in Stripe's Dashboard (Billing, Subscriptions and e-mails), and ask \
         the {} not pay what was missing: {} lists them.",
        counted(unpaid, "customer who did", "customers who did"),
        signals.explain("trial_conversion")
    );
    let severity = if is_surely_below(now, least) { Severity::Warning } else { Severity::Notice };
    Some(
        Finding::new(severity, text)
            .shows(Evidence::shares("Trial conversion", trials))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// What of a share is not in it.
fn missed(share: Ratio) -> u64 {
    u64::try_from(share.denominator.saturating_sub(share.numerator)).unwrap_or_default()
}

fn pending(users: u64) -> String {
    if users == 0 {
        return String::new();
    }
    format!(" {} {} still pending.", counted(users, "more", "more"), verb(users, "is", "are"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::measure::share;
    use crate::insights::signals::Bottleneck;
    use crate::insights::tests::{calm, said, with_revenue};

    fn shares(now: (u64, u64), before: (u64, u64)) -> Compared<Ratio> {
        Compared { current: share(now.0, now.1), previous: share(before.0, before.1) }
    }

    fn activation(now: (u64, u64), before: (u64, u64)) -> Signals {
        let mut signals = calm();
        signals.users.activation = shares(now, before);
        signals.users.activation_pending = 12;
        signals
    }

    #[test]
    fn activation_that_falls_is_told_with_those_pending() {
        let signals = activation((200, 1_000), (400, 1_000));
        let insight = said("activation_falling", &signals).unwrap();
        assert_eq!(
            insight.text,
            "Activation fell 20.0 points: 200 of 1,000 new users were activated within 7 days (20.0 %), after 40.0 % \
             in the period before. 12 more are still pending."
        );
        assert_eq!(said("activation_low", &signals), None, "it is told once");
        assert!(said("activation_falling", &activation((300, 1_000), (400, 1_000))).is_some());
        assert_eq!(said("activation_falling", &activation((301, 1_000), (400, 1_000))), None);
        assert_eq!(said("activation_falling", &activation((8, 20), (12, 20))), None);
        assert_eq!(said("activation_falling", &activation((0, 4), (1_000, 1_000))), None);
    }

    #[test]
    fn low_activation_is_a_warning_where_it_is_surely_low() {
        let insight = said("activation_low", &activation((10, 100), (10, 100))).unwrap();
        assert_eq!(
            insight.text,
            "Few new users get to the point: 10 of 100 were activated within 7 days (10.0 %). 12 more are still \
             pending."
        );
        assert!(insight.recommendation.unwrap().contains("the 90 users who were not activated"));
        assert_eq!(insight.severity, Severity::Warning);
        let unsure = said("activation_low", &activation((24, 100), (24, 100))).unwrap();
        assert_eq!(unsure.severity, Severity::Notice);
        assert_eq!(said("activation_low", &activation((25, 100), (25, 100))), None);
        assert_eq!(said("activation_low", &activation((0, 4), (0, 0))), None);
        assert!(said("activation_low", &activation((0, 5), (0, 0))).is_some());
    }

    #[test]
    fn the_bottleneck_is_told_where_it_is_more_than_chance() {
        let bottleneck = |recent: (u64, u64), trailing: (u64, u64), lost| {
            let mut signals = calm();
            signals.users.bottleneck = Some(Bottleneck {
                stage: Stage::Payment,
                recent: share(recent.0, recent.1),
                trailing: share(trailing.0, trailing.1),
                lost,
            });
            said("funnel_bottleneck", &signals)
        };
        let insight = bottleneck((5, 100), (200, 1_000), 15).unwrap();
        assert_eq!(
            insight.text,
            "The bottleneck of the funnel is payment: 5 of 100 came from activation to it (5.0 %), after 20.0 % in \
             the 8 weeks before; 15 more users would have come at that rate."
        );
        assert_eq!(insight.compared_with, "the 8 weeks before");
        assert!(bottleneck((150, 1_000), (2_000, 10_000), 50).is_some());
        assert_eq!(bottleneck((151, 1_000), (2_000, 10_000), 49), None);
        assert_eq!(bottleneck((2, 20), (200, 1_000), 2), None);
        assert_eq!(bottleneck((0, 4), (1_000, 1_000), 4), None);
    }

    fn trials(now: (u64, u64), before: (u64, u64)) -> Signals {
        with_revenue(|revenue| revenue.trial_conversion = shares(now, before))
    }

    #[test]
    fn trial_conversion_is_told_where_it_falls_or_is_low() {
        let signals = trials((20, 100), (60, 100));
        let insight = said("trial_conversion_falling", &signals).unwrap();
        assert_eq!(
            insight.text,
            "Trial conversion fell 40.0 points: 20 of 100 trials that ended became a paid plan (20.0 %), after 60.0 % \
             in the period before."
        );
        assert_eq!(said("trial_conversion_low", &signals), None, "it is told once");
        assert!(said("trial_conversion_falling", &trials((500, 1_000), (600, 1_000))).is_some());
        assert_eq!(said("trial_conversion_falling", &trials((501, 1_000), (600, 1_000))), None);
        let insight = said("trial_conversion_low", &trials((2, 10), (2, 10))).unwrap();
        assert_eq!(insight.text, "Few trials become a paid plan: 2 of 10 that ended did (20.0 %).");
        assert_eq!(insight.severity, Severity::Notice);
        assert_eq!(said("trial_conversion_low", &trials((5, 20), (5, 20))), None);
        assert_eq!(said("trial_conversion_low", &trials((0, 4), (0, 4))), None);
    }
}
