//! The goal: how far it is, and when a part of it is reached.

use crate::goal::{Eta, Pace};
use crate::insights::finding::Finding;
use crate::insights::measure::reaches_percent;
use crate::insights::signals::{Goal, Signals};
use crate::insights::words::{counted, percent, verb};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::money::{Micros, format_micros};
use crate::rollforward::Ratio;

/// The parts of the goal whose reaching is told, in percent.
const MILESTONES: [u32; 4] = [100, 75, 50, 25];

/// The last milestone that MRR passed in the period.
pub(super) fn milestone(signals: &Signals, _: &Thresholds) -> Option<Finding> {
    let goal = signals.goal.as_ref()?;
    let has = |mrr: Micros, milestone| reaches_percent(progress_of(goal, mrr), milestone);
    let passed = MILESTONES.into_iter().find(|milestone| has(goal.mrr.current, *milestone))?;
    if has(goal.mrr.previous, passed) {
        return None;
    }
    let mrr = format_micros(goal.mrr.current, &goal.currency);
    let amount = format_micros(goal.amount, &goal.currency);
    let finding = if passed == 100 {
        let text = format!("MRR reached the goal: {mrr} of {amount}.");
        let next = format_micros(Micros(goal.amount.0.saturating_mul(2)), &goal.currency);
        Finding::new(Severity::Good, text)
            .advises(format!("Set the next goal (`goal` in growthctl.toml), for instance {next} a month."))
    } else {
        let text = format!("MRR passed {passed} % of the goal: {mrr} of {amount}.");
        Finding::new(Severity::Good, text).advises(format!(
            "Find out what brought the last customers, and do more of it: {} lists them.",
            signals.explain_in(&goal.currency, "new_mrr")
        ))
    };
    Some(finding.shows(evidence(goal)).compared_with_days_before(signals.days))
}

/// Where MRR stands, and when it gets there at the present pace.
pub(super) fn progress(signals: &Signals, _: &Thresholds) -> Option<Finding> {
    let goal = signals.goal.as_ref()?;
    let gap = Micros(goal.amount.0.saturating_sub(goal.mrr.current.0));
    if goal.mrr.current <= Micros::ZERO || gap <= Micros::ZERO {
        return None;
    }
    let money = |micros| format_micros(micros, &goal.currency);
    let stands = format!(
        "MRR is {} of the goal of {}; {} a month is missing.",
        percent(progress_of(goal, goal.mrr.current)),
        money(goal.amount),
        money(gap)
    );
    let weeks_of = |weeks: u32| counted(weeks.into(), "complete week", "complete weeks");
    let (severity, pace, customers) = match goal.eta {
        Eta::Reached => return None,
        Eta::Expected { weeks, day, weekly, of_weeks, customers } => {
            let text = format!(
                "At the pace of the last {} ({} a week) it is reached in {}, on {}.",
                weeks_of(of_weeks),
                money(weekly),
                counted(weeks, "week", "weeks"),
                day.format("%-d %B %Y")
            );
            (Severity::Notice, text, customers)
        }
        Eta::NotGrowing { weekly, of_weeks, customers } => {
            let text = format!(
                "MRR does not grow ({} a week in the last {}), so there is no date for it.",
                money(weekly),
                weeks_of(of_weeks)
            );
            (Severity::Warning, text, customers)
        }
        Eta::TooEarly { of_weeks, customers } => {
            let text = format!(
                "There {} {} since the first revenue; an estimate of when takes {}.",
                verb(of_weeks.into(), "is", "are"),
                weeks_of(of_weeks),
                Pace::FEWEST_WEEKS
            );
            (Severity::Notice, text, customers)
        }
        Eta::OutOfSight { weekly, of_weeks, customers } => {
            let text = format!(
                "At the pace of the last {} ({} a week) it takes more than a hundred years.",
                weeks_of(of_weeks),
                money(weekly)
            );
            (Severity::Warning, text, customers)
        }
    };
    let advice = match customers {
        Some(customers) => format!(
            "Win {}, worth as much as the present ones are on average, to close the gap of {}.",
            counted(customers, "more customer", "more customers"),
            money(gap)
        ),
        None => format!("Win customers worth {} a month to close the gap.", money(gap)),
    };
    Some(Finding::new(severity, format!("{stands} {pace}")).shows(evidence(goal)).advises(advice))
}

fn progress_of(goal: &Goal, mrr: Micros) -> Ratio {
    Ratio { numerator: mrr.0, denominator: goal.amount.0 }
}

fn evidence(goal: &Goal) -> Evidence {
    let previous = Some(progress_of(goal, goal.mrr.previous));
    Evidence { previous, ..Evidence::money_share("MRR over the goal", progress_of(goal, goal.mrr.current)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::Insight;
    use crate::insights::signals::Compared;
    use crate::insights::tests::{calm, major, said};

    fn with_goal(current: i64, previous: i64, eta: Eta) -> Signals {
        let mrr = Compared { current: major(current), previous: major(previous) };
        let goal = Some(Goal { currency: "gbp".into(), amount: major(500), mrr, eta });
        Signals { goal, ..calm() }
    }

    fn milestone(current: i64, previous: i64) -> Option<String> {
        let signals = with_goal(current, previous, Eta::Reached);
        said("goal_milestone", &signals).map(|insight| insight.text)
    }

    #[test]
    fn the_highest_milestone_that_was_passed_is_told() {
        assert_eq!(milestone(512, 480).as_deref(), Some("MRR reached the goal: GBP 512.00 of GBP 500.00."));
        assert_eq!(
            milestone(380, 100).as_deref(),
            Some("MRR passed 75 % of the goal: GBP 380.00 of GBP 500.00.")
        );
        assert_eq!(
            milestone(250, 249).as_deref(),
            Some("MRR passed 50 % of the goal: GBP 250.00 of GBP 500.00.")
        );
        for (current, previous) in [(249, 200), (300, 260), (600, 500), (124, 0), (260, 380)] {
            assert_eq!(milestone(current, previous), None, "{current} {previous}");
        }
    }

    fn progress(eta: Eta) -> Insight {
        said("goal_progress", &with_goal(320, 310, eta)).unwrap()
    }

    #[test]
    fn progress_is_told_with_its_date() {
        let expected = Eta::Expected {
            weeks: 12,
            day: "2026-09-23".parse().unwrap(),
            weekly: major(15),
            of_weeks: 8,
            customers: Some(9),
        };
        let insight = progress(expected);
        assert_eq!(
            insight.text,
            "MRR is 64.0 % of the goal of GBP 500.00; GBP 180.00 a month is missing. At the pace of the last 8 \
             complete weeks (GBP 15.00 a week) it is reached in 12 weeks, on 23 September 2026."
        );
        assert_eq!(
            insight.recommendation.as_deref(),
            Some(
                "Win 9 more customers, worth as much as the present ones are on average, to close the gap of \
                 GBP 180.00."
            )
        );
        assert_eq!(insight.severity, Severity::Notice);
    }

    #[test]
    fn why_there_is_no_date_is_told() {
        let (weekly, customers) = (major(-3), Some(1));
        let insight = progress(Eta::NotGrowing { weekly, of_weeks: 8, customers });
        assert!(insight.text.contains("does not grow (GBP -3.00 a week in the last 8 complete weeks)"));
        assert!(insight.recommendation.unwrap().starts_with("Win 1 more customer,"));
        assert_eq!(insight.severity, Severity::Warning);
        let insight = progress(Eta::TooEarly { of_weeks: 1, customers: None });
        assert!(
            insight
                .text
                .ends_with("There is 1 complete week since the first revenue; an estimate of when takes 4.")
        );
        let insight = progress(Eta::OutOfSight { weekly: Micros(1), of_weeks: 4, customers: None });
        assert!(insight.text.ends_with("(GBP 0.00 a week) it takes more than a hundred years."));
    }

    #[test]
    fn nothing_is_told_of_a_goal_that_is_reached_or_without_revenue() {
        let early = Eta::TooEarly { of_weeks: 0, customers: None };
        assert_eq!(said("goal_progress", &with_goal(0, 0, early)), None);
        assert_eq!(said("goal_progress", &with_goal(500, 480, Eta::Reached)), None);
        assert_eq!(said("goal_progress", &calm()), None);
    }
}
