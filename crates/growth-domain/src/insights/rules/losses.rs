//! MRR that left, and MRR that is about to.

use crate::insights::finding::Finding;
use crate::insights::measure::{
    is_of, is_surely_above_monthly, monthly_threshold, reaches_monthly, reaches_percent, share,
};
use crate::insights::signals::{Compared, Revenue, Signals};
use crate::insights::words::{counted, parts, percent};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::money::{Micros, format_micros};
use crate::rollforward::Ratio;

/// Too many customers left. A warning where that is surely so, and else a notice.
pub(super) fn customer_churn(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let (percent_a_month, days) = (thresholds.churn_percent, signals.days);
    let churn = Compared {
        current: revenue.cohort.current.customer_churn(),
        previous: revenue.cohort.previous.customer_churn(),
    };
    if !is_of(churn.current, thresholds.min_count) || !reaches_monthly(churn.current, percent_a_month, days) {
        return None;
    }
    let is_sure = is_surely_above_monthly(churn.current, percent_a_month, days);
    let before = if is_of(churn.previous, thresholds.min_count) {
        format!(" ({} in the period before)", percent(churn.previous))
    } else {
        String::new()
    };
    let text = format!(
        "{} customers who paid at the start left: {}{before}. The threshold is {}.",
        parts(churn.current),
        percent(churn.current),
        monthly_threshold(percent_a_month, days),
    );
    let left = match revenue.cohort.current.lost {
        1 => "customer who left".to_owned(),
        lost => counted(lost, "customer who left", "customers who left"),
    };
    let advice = format!(
        "Ask the {left} for the reason, and let Stripe's customer portal ask for it on cancellation: {} lists them.",
        signals.explain_in(&revenue.currency, "customer_churn")
    );
    Some(
        Finding::new(if is_sure { Severity::Warning } else { Severity::Notice }, text)
            .shows(Evidence::shares("Customer churn", churn))
            .compared_with_days_before(days)
            .advises(advice)
            .puts_at_stake(revenue, revenue.cohort.current.lost_mrr),
    )
}

/// Much of what left did so because of payments, and not because somebody decided it.
pub(super) fn involuntary_churn(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let churned = &revenue.churned;
    let of_mrr = Ratio { numerator: churned.involuntary.0, denominator: churned.mrr.0 };
    if churned.count < thresholds.min_count.into()
        || churned.involuntary_count == 0
        || !reaches_percent(of_mrr, thresholds.involuntary_percent)
    {
        return None;
    }
    let money = |micros| format_micros(micros, &revenue.currency);
    let of_count = share(churned.involuntary_count, churned.count);
    let text = format!(
        "{} of the {} MRR that left did so because a payment failed, and not because somebody decided it: {} \
         cancellations, {} of the MRR.",
        money(churned.involuntary),
        money(churned.mrr),
        parts(of_count),
        percent(of_mrr),
    );
    let advice = format!(
        "Turn on smart retries and e-mails about failed payments in Stripe's Dashboard (Billing, Revenue recovery), \
         and ask the {} for a new card: it can bring {} a month back. {} lists them.",
        counted(churned.involuntary_count, "customer", "customers"),
        money(churned.involuntary),
        signals.explain_in(&revenue.currency, "churn")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::money_share("Involuntary of churned MRR", of_mrr))
            .shows(Evidence::share("Involuntary of all cancellations", of_count, None))
            .advises(advice)
            .puts_at_stake(revenue, churned.involuntary),
    )
}

/// Customers who stay pay less.
pub(super) fn contraction(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let moved = &revenue.movements.current;
    let of_opening = Ratio { numerator: moved.contraction.0, denominator: moved.opening.0 };
    if revenue.cohort.current.customers < thresholds.min_count.into()
        || !reaches_monthly(of_opening, thresholds.contraction_percent, signals.days)
    {
        return None;
    }
    let (currency, lost) = (&revenue.currency, format_micros(moved.contraction, &revenue.currency));
    let text = format!(
        "Customers who stay pay {lost} less: {} of MRR at the start of the period.",
        percent(of_opening)
    );
    let advice = format!(
        "Look at what the {lost} were paid for, smaller plans, fewer seats or new discounts, and ask these customers \
         what they no longer need: {} lists them.",
        signals.explain_in(&revenue.currency, "contraction")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::money_share("Contraction of opening MRR", of_opening))
            .shows(Evidence::mrr(
                "Contraction",
                currency,
                moved.contraction,
                Some(revenue.movements.previous.contraction),
            ))
            .compared_with_days_before(signals.days)
            .advises(advice)
            .puts_at_stake(revenue, moved.contraction),
    )
}

/// MRR is past due.
pub(super) fn at_risk(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let of_mrr = of_mrr(revenue, revenue.at_risk, thresholds.min_count)?;
    if !reaches_percent(of_mrr, thresholds.at_risk_percent) {
        return None;
    }
    let mrr = format_micros(revenue.at_risk, &revenue.currency);
    let text = format!("{mrr} of MRR is past due: {} of all.", percent(of_mrr));
    let advice = format!(
        "Send these customers the link to their open invoice (Stripe's Dashboard, Invoices, Past due) before Stripe \
         gives up on the {mrr}: {} lists them.",
        signals.explain_in(&revenue.currency, "at_risk_mrr")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::money_share("At-risk of all MRR", of_mrr))
            .advises(advice)
            .puts_at_stake(revenue, revenue.at_risk),
    )
}

/// MRR is of subscriptions whose end is set.
pub(super) fn ending_subscriptions(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let of_mrr = of_mrr(revenue, revenue.ending, thresholds.min_count)?;
    if !reaches_percent(of_mrr, thresholds.ending_percent) {
        return None;
    }
    let mrr = format_micros(revenue.ending, &revenue.currency);
    let text = format!("{mrr} of MRR is of subscriptions whose end is set: {} of all.", percent(of_mrr));
    let advice = format!(
        "Write to these customers while they still use the product, and offer a pause or a smaller plan for the \
         {mrr}: {} lists them.",
        signals.explain_in(&revenue.currency, "ending_mrr")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::money_share("Ending of all MRR", of_mrr))
            .advises(advice)
            .puts_at_stake(revenue, revenue.ending),
    )
}

/// A part of MRR at the end of the period, where enough customers pay.
fn of_mrr(revenue: &Revenue, part: Micros, min_count: u32) -> Option<Ratio> {
    let is_enough = revenue.paying_customers >= min_count.into();
    (is_enough && part > Micros::ZERO)
        .then_some(Ratio { numerator: part.0, denominator: revenue.movements.current.closing.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::signals::Churned;
    use crate::insights::tests::{major, said, with_revenue};
    use crate::rollforward::Cohort;

    fn churn(lost: u64, customers: u64, days: u32) -> Signals {
        let mut signals = with_revenue(|revenue| {
            let lost_mrr = major(30);
            revenue.cohort.current = Cohort { customers, lost, lost_mrr, ..Cohort::default() };
            revenue.cohort.previous = Cohort { customers: 50, lost: 1, ..Cohort::default() };
        });
        signals.days = days;
        signals
    }

    #[test]
    fn churn_is_a_warning_where_it_is_surely_too_much() {
        let insight = said("customer_churn", &churn(15, 100, 30)).unwrap();
        assert_eq!(
            insight.text,
            "15 of 100 customers who paid at the start left: 15.0 % (2.0 % in the period before). The threshold is \
             5 % in 30 days."
        );
        assert_eq!((insight.severity, insight.at_stake.unwrap().micros), (Severity::Warning, major(30)));
        let interval = insight.evidence[0].interval.unwrap();
        assert!(interval.low > 0.05 && interval.high < 0.25);
        // 2 of 20 may be chance.
        assert_eq!(said("customer_churn", &churn(2, 20, 30)).unwrap().severity, Severity::Notice);
    }

    #[test]
    fn churn_below_what_is_usual_or_of_few_is_not_told() {
        assert!(said("customer_churn", &churn(5, 100, 30)).is_some());
        assert_eq!(said("customer_churn", &churn(4, 100, 30)), None);
        assert!(said("customer_churn", &churn(2, 100, 7)).is_some());
        assert_eq!(said("customer_churn", &churn(1, 100, 7)), None);
        assert_eq!(said("customer_churn", &churn(14, 100, 90)), None);
        assert_eq!(said("customer_churn", &churn(4, 4, 30)), None);
    }

    fn involuntary(count: u64, involuntary_count: u64, mrr: i64) -> Signals {
        with_revenue(|revenue| {
            let (mrr, involuntary) = (major(100), major(mrr));
            revenue.churned = Churned { count, mrr, involuntary_count, involuntary };
        })
    }

    #[test]
    fn churn_by_failed_payments_is_told() {
        let insight = said("involuntary_churn", &involuntary(6, 4, 40)).unwrap();
        assert_eq!(
            insight.text,
            "GBP 40.00 of the GBP 100.00 MRR that left did so because a payment failed, and not because somebody \
             decided it: 4 of 6 cancellations, 40.0 % of the MRR."
        );
        assert!(insight.recommendation.unwrap().contains("ask the 4 customers for a new card"));
        assert!(said("involuntary_churn", &involuntary(5, 1, 30)).is_some());
        assert_eq!(said("involuntary_churn", &involuntary(5, 1, 29)), None);
        assert_eq!(said("involuntary_churn", &involuntary(4, 4, 100)), None);
        assert_eq!(said("involuntary_churn", &involuntary(0, 0, 0)), None);
    }

    #[test]
    fn customers_who_pay_less_are_told() {
        let less = |mrr, customers| {
            with_revenue(|revenue| {
                revenue.movements.current.contraction = major(mrr);
                revenue.cohort.current.customers = customers;
            })
        };
        let insight = said("contraction", &less(30, 100)).unwrap();
        assert_eq!(
            insight.text,
            "Customers who stay pay GBP 30.00 less: 3.0 % of MRR at the start of the period."
        );
        assert_eq!(said("contraction", &less(29, 100)), None);
        assert_eq!(said("contraction", &less(300, 4)), None);
    }

    #[test]
    fn what_is_past_due_is_told() {
        let due = |mrr, customers| {
            with_revenue(|revenue| {
                (revenue.at_risk, revenue.paying_customers) = (major(mrr), customers);
            })
        };
        let insight = said("at_risk", &due(50, 100)).unwrap();
        assert_eq!(insight.text, "GBP 50.00 of MRR is past due: 5.0 % of all.");
        assert!(insight.recommendation.unwrap().contains("`growthctl explain at_risk_mrr --days 30`"));
        assert_eq!(said("at_risk", &due(49, 100)), None);
        assert_eq!(said("at_risk", &due(500, 4)), None);
    }

    #[test]
    fn what_is_set_to_end_is_told() {
        let ending = |mrr, customers| {
            with_revenue(|revenue| {
                (revenue.ending, revenue.paying_customers) = (major(mrr), customers);
            })
        };
        let insight = said("ending_subscriptions", &ending(60, 100)).unwrap();
        assert_eq!(insight.text, "GBP 60.00 of MRR is of subscriptions whose end is set: 6.0 % of all.");
        assert!(said("ending_subscriptions", &ending(50, 100)).is_some());
        assert_eq!(said("ending_subscriptions", &ending(49, 100)), None);
        assert_eq!(said("ending_subscriptions", &ending(500, 4)), None);
    }
}
