//! Revenue as a whole: where it goes, and whom it hangs on.

use crate::insights::finding::Finding;
use crate::insights::measure::{compare, exceeds_percent, reaches_percent};
use crate::insights::signals::{OtherCurrency, Signals};
use crate::insights::words::{counted, days_before, is_id, percent, signed_percent, verb};
use crate::insights::{Evidence, Severity, Thresholds};
use crate::money::{Micros, format_micros};
use crate::rollforward::{Ratio, RollForward};

/// MRR rose or fell, and the movement that did most of it.
pub(super) fn trend(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let moved = &revenue.movements.current;
    let change = change(moved);
    let customers = revenue.cohort.current.customers.max(revenue.paying_customers);
    if customers < thresholds.min_count.into() || !reaches_percent(size(change), thresholds.trend_percent) {
        return None;
    }
    let told = Told::of("MRR", moved, &revenue.currency, signals)?;
    let is_critical = reaches_percent(size(change), thresholds.trend_critical_percent);
    let severity = match (told.rose, is_critical) {
        (true, _) => Severity::Good,
        (false, true) => Severity::Critical,
        (false, false) => Severity::Warning,
    };
    let previous = revenue.movements.previous.closing;
    Some(
        Finding::new(severity, told.text)
            .shows(Evidence::mrr("MRR", &revenue.currency, moved.closing, Some(previous)))
            .shows(Evidence::money_share("Change of MRR", change))
            .compared_with_days_before(signals.days)
            .advises(told.advice)
            .puts_at_stake(revenue, as_shown(moved)),
    )
}

/// Another currency than the main one, the one that moved most for its size.
pub(super) fn other_currency(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let is_told = |other: &&OtherCurrency| {
        other.customers >= thresholds.min_count.into()
            && reaches_percent(size(change(&other.movements)), thresholds.trend_percent)
    };
    let other = signals.others.iter().filter(is_told).max_by(|a, b| {
        let [a_change, b_change] = [a, b].map(|other| size(change(&other.movements)));
        compare(a_change, b_change).then_with(|| b.currency.cmp(&a.currency))
    })?;
    let (moved, currency) = (&other.movements, &other.currency);
    let told = Told::of(&format!("MRR in {}", currency.to_ascii_uppercase()), moved, currency, signals)?;
    Some(
        Finding::new(Severity::Notice, told.text)
            .shows(Evidence::mrr("MRR", currency, moved.closing, Some(moved.opening)))
            .shows(Evidence::money_share("Change of MRR", change(moved)))
            .compared_with_days_before(signals.days)
            .advises(told.advice),
    )
}

/// The size of a change of MRR: the difference of the two amounts as they are shown, so that a reader can check it.
fn as_shown(moved: &RollForward) -> Micros {
    let change = moved.closing.to_minor_rounded().saturating_sub(moved.opening.to_minor_rounded());
    Micros(change.saturating_abs().saturating_mul(Micros::PER_MINOR))
}

/// How a change of MRR reads.
struct Told {
    rose: bool,
    text: String,
    advice: String,
}

impl Told {
    fn of(what: &str, moved: &RollForward, currency: &str, signals: &Signals) -> Option<Self> {
        let change = change(moved);
        let money = |micros| format_micros(micros, currency);
        let rose = change.numerator > 0;
        let cause = if rose {
            cause(&[
                ("new customers", moved.new, "new_mrr"),
                ("customers who came back", moved.reactivation, "mrr"),
                ("customers who pay more", moved.expansion, "expansion"),
            ])?
        } else {
            cause(&[
                ("churn", moved.churn, "churn"),
                ("customers who pay less", moved.contraction, "contraction"),
            ])?
        };
        let (verb, part) = if rose { ("rose", "gain") } else { ("fell", "loss") };
        let by = money(cause.micros);
        let text = format!(
            "{what} {verb} {} ({}) against {}; the largest {part} was {by}, from {}.",
            money(as_shown(moved)),
            signed_percent(change),
            days_before(signals.days),
            cause.what,
        );
        let rows = signals.explain_in(currency, cause.metric);
        let advice = if rose {
            format!("Find out what led to these {by}, and do more of it: {rows} lists the customers.")
        } else {
            format!(
                "Write to whoever is behind these {by} this week and ask what was missed: {rows} lists them."
            )
        };
        Some(Self { rose, text, advice })
    }
}

/// One customer has too much of MRR.
pub(super) fn concentration(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let largest = revenue.largest.as_ref()?;
    let share = Ratio { numerator: largest.mrr.0, denominator: largest.of.0 };
    if revenue.paying_customers < thresholds.min_count.into()
        || !exceeds_percent(share, thresholds.concentration_percent)
    {
        return None;
    }
    let named = if is_id(&largest.customer) { format!(" ({})", largest.customer) } else { String::new() };
    let mrr = format_micros(largest.mrr, &revenue.currency);
    let text = format!("One customer{named} pays {} of MRR: {mrr}.", percent(share));
    let advice = format!(
        "Talk to this customer before the next renewal, and offer a yearly plan: {mrr} of MRR hangs on one decision."
    );
    Some(
        Finding::new(Severity::Warning, text)
            .shows(Evidence::money_share("Largest customer of MRR", share))
            .shows(Evidence::count("Paying customers", revenue.paying_customers, None))
            .advises(advice)
            .puts_at_stake(revenue, largest.mrr),
    )
}

/// Discounts are about to end, and customers are about to pay more.
pub(super) fn discounts_ending(signals: &Signals, thresholds: &Thresholds) -> Option<Finding> {
    let revenue = signals.revenue.as_ref()?;
    let ending = revenue.ending_discounts?;
    let too_few = revenue.active_subscriptions < thresholds.min_count.into();
    if too_few || ending.subscriptions == 0 || ending.more <= Micros::ZERO {
        return None;
    }
    let more = format_micros(ending.more, &revenue.currency);
    let n = ending.subscriptions;
    let subscriptions = counted(n, "subscription", "subscriptions");
    let text = format!(
        "Discounts of {subscriptions} end within {}; {} will pay {more} a month more at list price.",
        counted(thresholds.discount_days.into(), "day", "days"),
        verb(n, "it", "they"),
    );
    let advice = format!(
        "Write to the {} before the first invoice without the discount, and say what the price will be; decide \
         in Stripe's Dashboard whether somebody gets a new coupon.",
        counted(n, "customer", "customers")
    );
    Some(
        Finding::new(Severity::Notice, text)
            .shows(Evidence::count("Subscriptions whose discount ends", n, None))
            .shows(Evidence::mrr(
                "List price that discounts take off now",
                &revenue.currency,
                ending.more,
                None,
            ))
            .advises(advice)
            .puts_at_stake(revenue, ending.more),
    )
}

/// The movement that did most.
struct Cause {
    what: &'static str,
    micros: Micros,
    metric: &'static str,
}

/// Picks the largest movement; of equal ones the first.
fn cause(movements: &[(&'static str, Micros, &'static str)]) -> Option<Cause> {
    let (what, micros, metric) = *movements
        .iter()
        .rev()
        .max_by_key(|(_, micros, _)| *micros)
        .filter(|(_, micros, _)| *micros > Micros::ZERO)?;
    Some(Cause { what, micros, metric })
}

/// MRR at the end less that at the start, over that at the start.
fn change(moved: &RollForward) -> Ratio {
    Ratio { numerator: moved.closing.0.saturating_sub(moved.opening.0), denominator: moved.opening.0 }
}

fn size(change: Ratio) -> Ratio {
    Ratio { numerator: change.numerator.saturating_abs(), ..change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::signals::{EndingDiscounts, Largest};
    use crate::insights::tests::{calm, calm_revenue, major, said, with_revenue};
    use crate::movements::Kind;

    fn moved(opening: i64, moves: &[(Kind, i64)]) -> RollForward {
        let closing = opening + moves.iter().map(|(_, delta)| delta).sum::<i64>();
        let moves = moves.iter().map(|(kind, delta)| (*kind, major(*delta)));
        RollForward::build(major(opening), moves, Micros::ZERO, major(closing)).unwrap()
    }

    fn after(opening: i64, moves: &[(Kind, i64)]) -> Signals {
        with_revenue(|revenue| {
            revenue.movements.current = moved(opening, moves);
            revenue.movements.previous.closing = major(opening);
        })
    }

    #[test]
    fn a_fall_is_told_with_what_it_came_from() {
        let insight = said("revenue_trend", &after(116, &[(Kind::Churn, -24)])).unwrap();
        assert_eq!(
            insight.text,
            "MRR fell GBP 24.00 (-20.7 %) against the 30 days before; the largest loss was GBP 24.00, from churn."
        );
        assert_eq!(
            insight.recommendation.as_deref(),
            Some(
                "Write to whoever is behind these GBP 24.00 this week and ask what was missed: \
                 `growthctl explain churn --days 30` lists them."
            )
        );
        assert_eq!(insight.severity, Severity::Critical);
        assert_eq!(insight.at_stake.unwrap().micros, major(24));
        let insight =
            said("revenue_trend", &after(1_000, &[(Kind::Churn, -20), (Kind::Contraction, -30)])).unwrap();
        assert!(
            insight.text.ends_with("the largest loss was GBP 30.00, from customers who pay less."),
            "{}",
            insight.text
        );
        assert_eq!(insight.severity, Severity::Warning);
    }

    #[test]
    fn a_rise_is_told_with_what_it_came_from() {
        let moves = [(Kind::New, 40), (Kind::Expansion, 35), (Kind::Reactivation, 20), (Kind::Churn, -10)];
        let insight = said("revenue_trend", &after(500, &moves)).unwrap();
        assert_eq!(
            insight.text,
            "MRR rose GBP 85.00 (+17.0 %) against the 30 days before; the largest gain was GBP 40.00, from \
             new customers."
        );
        assert_eq!(insight.severity, Severity::Good);
    }

    #[test]
    fn a_small_change_of_revenue_or_one_of_few_customers_is_not_told() {
        assert!(said("revenue_trend", &after(1_000, &[(Kind::Churn, -50)])).is_some());
        assert_eq!(said("revenue_trend", &after(1_000, &[(Kind::Churn, -49)])), None);
        assert_eq!(said("revenue_trend", &after(1_000, &[(Kind::New, 49)])), None);
        assert_eq!(said("revenue_trend", &after(0, &[(Kind::New, 49)])), None);
        let of = |customers| {
            let mut signals = after(1_000, &[(Kind::Churn, -100)]);
            let revenue = signals.revenue.as_mut().unwrap();
            revenue.cohort.current.customers = customers;
            revenue.paying_customers = customers - 1;
            said("revenue_trend", &signals)
        };
        assert!(of(5).is_some());
        assert_eq!(of(4), None);
    }

    #[test]
    fn another_currency_is_told_where_it_moved() {
        let other = |currency: &str, delta, customers| OtherCurrency {
            currency: currency.into(),
            movements: moved(200, &[(Kind::New, delta)]),
            customers,
        };
        let signals = |others| Signals { others, ..calm() };
        let insight =
            said("other_currency_trend", &signals(vec![other("eur", 10, 5), other("usd", 50, 5)])).unwrap();
        assert_eq!(
            insight.text,
            "MRR in USD rose USD 50.00 (+25.0 %) against the 30 days before; the largest gain was USD 50.00, from new customers."
        );
        assert_eq!(insight.at_stake, None);
        assert_eq!(said("other_currency_trend", &signals(vec![other("eur", 9, 5)])), None);
        assert_eq!(said("other_currency_trend", &signals(vec![other("usd", 50, 4)])), None);
    }

    fn largest(customer: &str, mrr: i64) -> Signals {
        with_revenue(|revenue| {
            revenue.largest = Some(Largest { customer: customer.into(), mrr: major(mrr), of: major(1_000) });
        })
    }

    #[test]
    fn one_customer_with_more_than_30_percent_is_told_by_id() {
        let insight = said("concentration", &largest("cus_1", 301)).unwrap();
        assert_eq!(insight.text, "One customer (cus_1) pays 30.1 % of MRR: GBP 301.00.");
        assert_eq!(said("concentration", &largest("cus_1", 300)), None);
        let insight = said("concentration", &largest("<script>  {x}", 400)).unwrap();
        assert_eq!(insight.text, "One customer pays 40.0 % of MRR: GBP 400.00.");
        let mut few = largest("cus_1", 900);
        few.revenue.as_mut().unwrap().paying_customers = 4;
        assert_eq!(said("concentration", &few), None);
    }

    #[test]
    fn discounts_about_to_end_are_told_with_what_they_take_off() {
        let ending = |subscriptions, more| {
            with_revenue(|revenue| {
                revenue.ending_discounts = Some(EndingDiscounts { subscriptions, more: major(more) });
            })
        };
        let insight = said("discounts_ending", &ending(2, 18)).unwrap();
        assert_eq!(
            insight.text,
            "Discounts of 2 subscriptions end within 30 days; they will pay GBP 18.00 a month more at list price."
        );
        let insight = said("discounts_ending", &ending(1, 9)).unwrap();
        assert!(
            insight.text.starts_with("Discounts of 1 subscription end within 30 days; it will pay GBP 9.00")
        );
        assert!(insight.recommendation.unwrap().starts_with("Write to the 1 customer before"));
        assert_eq!(said("discounts_ending", &ending(0, 0)), None);
        assert_eq!(said("discounts_ending", &ending(1, 0)), None);
        let mut few = ending(2, 18);
        few.revenue.as_mut().unwrap().active_subscriptions = 4;
        assert_eq!(said("discounts_ending", &few), None);
        assert_eq!(calm_revenue().ending_discounts, None);
        assert_eq!(said("discounts_ending", &calm()), None);
    }
}
