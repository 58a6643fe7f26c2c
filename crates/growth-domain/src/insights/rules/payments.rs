//! Payments that fail, are given back or are disputed.

use crate::insights::finding::Finding;
use crate::insights::measure::{Trend, is_below_percent, is_of, reaches, share, trend};
use crate::insights::signals::{Compared, Signals};
use crate::insights::words::{counted, parts, percent, verb};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::money::format_minor;

/// Too few invoices whose first attempt failed were paid later. Those that can still be paid are left out.
pub(super) fn recovery(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let recovery = &revenue.recovery;
    let settled = recovery.failed.count.saturating_sub(recovery.open.count);
    let recovered = share(recovery.recovered.count, settled);
    if !is_of(recovered, thresholds.min_count) || !is_below_percent(recovered, thresholds.recovery_percent) {
        return None;
    }
    let lost = settled.saturating_sub(recovery.recovered.count);
    let open = recovery.open.count;
    let and_open = if open > 0 {
        let amount = format_minor(recovery.open.amount.into(), &revenue.currency);
        format!(" {} worth {amount} can still be paid.", counted(open, "more", "more"))
    } else {
        String::new()
    };
    let text = format!(
        "Of the invoices whose first attempt failed, {} that are settled were paid later: {}.{and_open}",
        parts(recovered),
        percent(recovered),
    );
    let advice = format!(
        "Turn on smart retries and e-mails about failed payments in Stripe's Dashboard (Billing, Revenue recovery): \
         {} {} never paid. {} lists them.",
        counted(lost, "invoice", "invoices"),
        verb(lost, "was", "were"),
        signals.explain_in(&revenue.currency, "recovery")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::share("Recovered of settled failed invoices", recovered, None))
            .advises(advice),
    )
}

/// More is given back for as many payments.
pub(super) fn refunds_rising(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let refunds = revenue.refunds;
    let counts = Compared { current: refunds.current.count, previous: refunds.previous.count };
    let rise = trend(counts, revenue.payments, thresholds.refund_rise_percent, thresholds.min_count);
    if rise != Some(Trend::Up) {
        return None;
    }
    let text = format!(
        "There {} {} worth {} for {}, after {} for {} in the period before.",
        verb(counts.current, "was", "were"),
        counted(counts.current, "refund", "refunds"),
        format_minor(refunds.current.amount.into(), &revenue.currency),
        counted(revenue.payments.current, "payment", "payments"),
        counted(counts.previous, "refund", "refunds"),
        counted(revenue.payments.previous, "payment", "payments"),
    );
    let advice = format!(
        "Look for one plan, country or promise that the {} have in common: {} lists them with their reasons.",
        counted(counts.current, "refund", "refunds"),
        signals.explain_in(&revenue.currency, "refunds")
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::counts("Refunds", counts))
            .shows(Evidence::counts("Payments", revenue.payments))
            .shows(Evidence::amounts("Refunded", &revenue.currency, refunds))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

/// More payments were disputed than card networks put up with, and more than before.
pub(super) fn disputes_rising(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let disputes = revenue.disputes;
    let counts = Compared { current: disputes.current.count, previous: disputes.previous.count };
    let of_payments = share(counts.current, revenue.payments.current);
    if !is_of(of_payments, thresholds.min_count)
        || counts.current <= counts.previous
        || !reaches(of_payments, thresholds.disputes_per_thousand, 1000)
    {
        return None;
    }
    let taken = format_minor(disputes.current.amount.into(), &revenue.currency);
    let text = format!(
        "{} took {taken}, for {} ({}); there {} {} in the period before.",
        counted(counts.current, "dispute", "disputes"),
        counted(revenue.payments.current, "payment", "payments"),
        percent(of_payments),
        verb(counts.previous, "was", "were"),
        counted(counts.previous, "dispute", "disputes"),
    );
    let advice = format!(
        "Answer {} in Stripe's Dashboard (Payments, Disputes) before the deadline, and check that the name on card \
         statements is one that customers know: {} lists {}.",
        if counts.current == 1 { "it".to_owned() } else { format!("each of the {}", counts.current) },
        signals.explain_in(&revenue.currency, "disputes"),
        verb(counts.current, "it", "them"),
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::share("Disputes of payments", of_payments, None))
            .shows(Evidence::counts("Disputes", counts))
            .shows(Evidence::amounts("Taken by disputes, less what came back", &revenue.currency, disputes))
            .compared_with_days_before(signals.days)
            .advises(advice),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::signals::{Cash, Recovery};
    use crate::insights::tests::{said, with_revenue};

    fn cash(count: u64) -> Cash {
        Cash { count, amount: i64::try_from(count).unwrap() * 1_000 }
    }

    fn failed(failed: u64, recovered: u64, open: u64) -> Signals {
        with_revenue(|revenue| {
            revenue.recovery =
                Recovery { failed: cash(failed), recovered: cash(recovered), open: cash(open) };
        })
    }

    #[test]
    fn failed_invoices_that_nobody_pays_are_told() {
        let insight = said("payment_recovery", &failed(10, 3, 1)).unwrap();
        assert_eq!(
            insight.text,
            "Of the invoices whose first attempt failed, 3 of 9 that are settled were paid later: 33.3 %. 1 more \
             worth GBP 10.00 can still be paid."
        );
        assert!(insight.recommendation.unwrap().contains("6 invoices were never paid"));
        assert_eq!(said("payment_recovery", &failed(10, 5, 0)), None);
        assert!(said("payment_recovery", &failed(10, 4, 0)).is_some());
        assert_eq!(said("payment_recovery", &failed(10, 4, 2)), None);
        assert!(said("payment_recovery", &failed(6, 0, 1)).is_some());
        assert_eq!(said("payment_recovery", &failed(6, 0, 2)), None);
    }

    fn refunds(now: (u64, u64), before: (u64, u64)) -> Signals {
        with_revenue(|revenue| {
            revenue.refunds = Compared { current: cash(now.0), previous: cash(before.0) };
            revenue.payments = Compared { current: now.1, previous: before.1 };
        })
    }

    #[test]
    fn refunds_that_rise_are_told() {
        let insight = said("refunds_rising", &refunds((12, 200), (2, 200))).unwrap();
        assert_eq!(
            insight.text,
            "There were 12 refunds worth GBP 120.00 for 200 payments, after 2 refunds for 200 payments in the period \
             before."
        );
        assert!(said("refunds_rising", &refunds((150, 1_000), (100, 1_000))).is_some());
        assert_eq!(said("refunds_rising", &refunds((149, 1_000), (100, 1_000))), None);
        // Twice as many of twice as many payments, too few, and chance.
        assert_eq!(said("refunds_rising", &refunds((200, 2_000), (100, 1_000))), None);
        assert_eq!(said("refunds_rising", &refunds((4, 200), (0, 200))), None);
        assert_eq!(said("refunds_rising", &refunds((6, 200), (3, 200))), None);
    }

    #[test]
    fn disputes_are_told_where_they_become_more() {
        let disputes = |now, before, payments| {
            with_revenue(|revenue| {
                revenue.disputes = Compared { current: cash(now), previous: cash(before) };
                revenue.payments.current = payments;
            })
        };
        let insight = said("disputes_rising", &disputes(1, 0, 40)).unwrap();
        assert_eq!(
            insight.text,
            "1 dispute took GBP 10.00, for 40 payments (2.5 %); there were 0 disputes in the period before."
        );
        assert!(insight.recommendation.unwrap().starts_with("Answer it in"));
        assert!(said("disputes_rising", &disputes(7, 6, 1_000)).is_some());
        assert_eq!(said("disputes_rising", &disputes(6, 5, 1_000)), None);
        assert_eq!(said("disputes_rising", &disputes(7, 7, 1_000)), None);
        assert_eq!(said("disputes_rising", &disputes(1, 0, 4)), None);
    }
}
