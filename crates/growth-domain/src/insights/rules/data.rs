//! What is wrong with the data itself. One thing that is missing is enough to tell, however few there are.

use crate::insights::finding::Finding;
use crate::insights::measure::{is_of, reaches_percent, share};
use crate::insights::signals::Signals;
use crate::insights::words::{counted, duration, percent, verb};
use crate::insights::{Evidence, Severity, Thresholds};

/// Events of Stripe could not be read.
pub(super) fn failed_events(signals: &Signals, _: &Thresholds) -> Option<Finding> {
    let failed = some(signals.data.failed_events)?;
    let events = counted(failed, "event", "events");
    let text = format!(
        "{events} of Stripe could not be read and {} missing in the figures.",
        verb(failed, "is", "are")
    );
    let advice = format!(
        "Run `growthctl replay --failed` to read the {events} again: it says what is wrong with each. Then compare the \
         figures with Stripe by `growthctl audit`."
    );
    let shown = Evidence::count("Failed events", failed, None);
    Some(Finding::new(Severity::Critical, text).shows(shown).advises(advice))
}

/// Webhooks have stopped.
pub(super) fn stale_webhooks(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let hours = signals.data.webhook_hours.filter(|hours| *hours >= thresholds.webhook_hours.into())?;
    let silent = duration(hours);
    let text = format!("No webhook of Stripe has arrived for {silent}; what happened since may be missing.");
    let advice = format!(
        "Look at the webhook destination in Stripe's Dashboard (Developers, Webhooks) for failed deliveries, and run \
         `growthctl backfill` to fetch the {silent} that may be missing."
    );
    let shown = Evidence::count("Hours since the last webhook", hours, None);
    Some(Finding::new(Severity::Critical, text).shows(shown).advises(advice))
}

/// Events wait for longer than they should.
pub(super) fn pending_events(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let pending = some(signals.data.pending_events)?;
    let hours = signals.data.pending_hours.filter(|hours| *hours >= thresholds.pending_hours.into())?;
    let events = counted(pending, "event", "events");
    let text = format!(
        "{events} of Stripe {} stored but not in the figures yet, the oldest for {}.",
        verb(pending, "is", "are"),
        duration(hours)
    );
    let advice = format!(
        "Check that `growthctl serve-webhook` runs, or run `growthctl replay --pending` to take in the {events} now."
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::count("Pending events", pending, None))
            .shows(Evidence::count("Hours that the oldest has waited", hours, None))
            .advises(advice),
    )
}

/// A backfill began and did not end.
pub(super) fn unfinished_backfill(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let hours = signals.data.backfill_hours.filter(|hours| *hours >= thresholds.backfill_hours.into())?;
    let ago = duration(hours);
    let text =
        format!("A backfill began {ago} ago and has not read everything; older figures may be too low.");
    let advice = format!("Run `growthctl backfill` again: it goes on where the one of {ago} ago stopped.");
    let shown = Evidence::count("Hours since it began", hours, None);
    Some(Finding::new(Severity::Warning, text).shows(shown).advises(advice))
}

/// Subscriptions have no known price and are not in MRR.
pub(super) fn unpriced(signals: &Signals, _: &Thresholds) -> Option<Finding> {
    let unpriced = some(signals.data.unpriced_subscriptions)?;
    let subscriptions = counted(unpriced, "subscription", "subscriptions");
    let text = format!(
        "{subscriptions} {} but {} no known price, so MRR is too low.",
        verb(unpriced, "counts", "count"),
        verb(unpriced, "has", "have")
    );
    let advice = format!(
        "See by {} what the {subscriptions} {}, and where that is a price or a coupon, run `growthctl backfill`: it \
         reads them.",
        signals.explain("unpriced"),
        verb(unpriced, "lacks", "lack"),
    );
    let shown = Evidence::count("Unpriced subscriptions", unpriced, None);
    Some(Finding::new(Severity::Warning, text).shows(shown).advises(advice))
}

/// Payments are probably in the figures twice.
pub(super) fn counted_twice(signals: &Signals, _: &Thresholds) -> Option<Finding> {
    let twice = some(signals.data.counted_twice)?;
    let payments = counted(twice, "payment", "payments");
    let text = format!("{payments} of the period {} probably counted twice.", verb(twice, "is", "are"));
    let advice = format!(
        "Run `growthctl backfill`: the objects that it reads say which intent paid the invoice of the {payments}. {} \
         lists all of them.",
        signals.explain("new_revenue")
    );
    let shown = Evidence::count("Possibly counted twice", twice, None);
    Some(Finding::new(Severity::Warning, text).shows(shown).advises(advice))
}

/// Many payments are of no known user.
pub(super) fn unattributed(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let of_payments = share(revenue.unattributed_payments, revenue.payments.current);
    if !is_of(of_payments, thresholds.min_count)
        || !reaches_percent(of_payments, thresholds.unattributed_percent)
    {
        return None;
    }
    let text = format!(
        "{} of {} {} of no known user: {}.",
        crate::money::with_thousands(revenue.unattributed_payments.into()),
        counted(revenue.payments.current, "payment", "payments"),
        verb(revenue.unattributed_payments, "is", "are"),
        percent(of_payments)
    );
    let advice = format!(
        "Set `client_reference_id` on checkout sessions or `metadata.user_id` on subscriptions, and import the users \
         who are missing: {} lists the {}.",
        signals.explain_in(&revenue.currency, "unattributed"),
        counted(revenue.unattributed_payments, "payment", "payments"),
    );
    let shown = Evidence::share("Payments of no known user", of_payments, None);
    Some(Finding::new(Severity::Notice, text).shows(shown).advises(advice))
}

/// Figures rest on evidence, since events are missing.
pub(super) fn reconstructed(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let (moved, stand) = (signals.data.reconstructed_movements, signals.data.reconstructed_subscriptions);
    if moved.saturating_add(stand) < thresholds.min_count.into() {
        return None;
    }
    let movements = counted(moved, "movement", "movements");
    let subscriptions = counted(stand, "active subscription", "active subscriptions");
    let text = format!(
        "{movements} of MRR in the period and {subscriptions} rest on evidence, since events are missing."
    );
    let advice = format!(
        "Run `growthctl backfill` to read Stripe's events of the last 30 days, or import older ones: then the \
         {movements} and {subscriptions} are known instead of worked out."
    );
    Some(
        Finding::new(Severity::Notice, text)
            .shows(Evidence::count("Reconstructed movements", moved, None))
            .shows(Evidence::count("Reconstructed subscriptions", stand, None))
            .advises(advice),
    )
}

fn some(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::signals::Data;
    use crate::insights::tests::{calm, said, with_revenue};

    fn text(rule: &str, data: Data) -> Option<String> {
        said(rule, &Signals { data, ..calm() }).map(|insight| insight.text)
    }

    #[test]
    fn one_event_that_could_not_be_read_is_critical() {
        let data = |failed_events| Data { failed_events, ..Data::default() };
        assert_eq!(
            text("failed_events", data(1)).as_deref(),
            Some("1 event of Stripe could not be read and is missing in the figures.")
        );
        assert_eq!(
            text("failed_events", data(2)).as_deref(),
            Some("2 events of Stripe could not be read and are missing in the figures.")
        );
        assert_eq!(text("failed_events", data(0)), None);
    }

    #[test]
    fn webhooks_that_stopped_are_told() {
        let data = |hours| Data { webhook_hours: Some(hours), ..Data::default() };
        assert_eq!(
            text("stale_webhooks", data(72)).as_deref(),
            Some("No webhook of Stripe has arrived for 3 days; what happened since may be missing.")
        );
        assert_eq!(text("stale_webhooks", data(71)), None);
        assert_eq!(text("stale_webhooks", Data::default()), None);
    }

    #[test]
    fn events_that_wait_are_told_after_an_hour() {
        let data =
            |pending_events, hours| Data { pending_events, pending_hours: Some(hours), ..Data::default() };
        assert_eq!(
            text("pending_events", data(3, 1)).as_deref(),
            Some("3 events of Stripe are stored but not in the figures yet, the oldest for 1 hour.")
        );
        assert_eq!(text("pending_events", data(3, 0)), None);
        assert_eq!(text("pending_events", data(0, 9)), None);
    }

    #[test]
    fn a_backfill_that_did_not_end_is_told() {
        let data = |hours| Data { backfill_hours: Some(hours), ..Data::default() };
        assert_eq!(
            text("unfinished_backfill", data(6)).as_deref(),
            Some("A backfill began 6 hours ago and has not read everything; older figures may be too low.")
        );
        assert_eq!(text("unfinished_backfill", data(5)), None);
    }

    #[test]
    fn a_subscription_without_a_price_is_told() {
        let data = |unpriced_subscriptions| Data { unpriced_subscriptions, ..Data::default() };
        assert_eq!(
            text("unpriced", data(1)).as_deref(),
            Some("1 subscription counts but has no known price, so MRR is too low.")
        );
        assert_eq!(text("unpriced", data(0)), None);
    }

    #[test]
    fn a_payment_that_is_probably_there_twice_is_told() {
        let data = |counted_twice| Data { counted_twice, ..Data::default() };
        assert_eq!(
            text("counted_twice", data(2)).as_deref(),
            Some("2 payments of the period are probably counted twice.")
        );
        assert_eq!(text("counted_twice", data(0)), None);
    }

    #[test]
    fn payments_of_no_known_user_are_told() {
        let say = |unattributed, payments| {
            let signals = with_revenue(|revenue| {
                revenue.unattributed_payments = unattributed;
                revenue.payments.current = payments;
            });
            said("unattributed", &signals).map(|insight| insight.text)
        };
        assert_eq!(say(3, 30).as_deref(), Some("3 of 30 payments are of no known user: 10.0 %."));
        assert_eq!((say(2, 30), say(4, 4), say(0, 0)), (None, None, None));
    }

    #[test]
    fn figures_that_rest_on_evidence_are_told() {
        let data = |reconstructed_movements, reconstructed_subscriptions| Data {
            reconstructed_movements,
            reconstructed_subscriptions,
            ..Data::default()
        };
        assert_eq!(
            text("reconstructed", data(1, 4)).as_deref(),
            Some(
                "1 movement of MRR in the period and 4 active subscriptions rest on evidence, since events are missing."
            )
        );
        assert_eq!(text("reconstructed", data(0, 4)), None);
    }
}
