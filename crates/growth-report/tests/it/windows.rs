//! Windows of any length.

use chrono::TimeDelta;
use growth_domain::money::Micros;
use growth_metrics::{ActivityDay, Days, GrowthSnapshot, Money, Period, ProductDay, RevenueDay};
use growth_report::{html, markdown, text};

use crate::business::two_currencies;

/// The week's business with a window of so many days, of which the series tell.
pub(crate) fn of_days(days: u32) -> GrowthSnapshot {
    let mut snapshot = two_currencies();
    let length = TimeDelta::days(days.into());
    let header = &mut snapshot.header;
    header.days = days;
    header.window = Period { start: header.window.end - length, ..header.window };
    header.previous = Period { start: header.window.start - length, end: header.window.start };
    let last = header.activity.last;
    header.activity = Days { first: last - length + TimeDelta::days(1), last };
    header.previous_activity = Days { first: header.activity.first - length, last: last - length };
    let all = || header.activity.first.iter_days().zip(0..i64::from(days));
    let mut mrr = Micros::from_minor(20_000);
    let day = |(day, index): (chrono::NaiveDate, i64)| {
        let some = |every: i64, minor: i64| Micros::from_minor(if index % every == 0 { minor } else { 0 });
        let (new, churn) = (some(3, 1_900), some(5, 900));
        mrr = mrr + new - churn;
        RevenueDay {
            day,
            mrr,
            active_subscriptions: 17,
            new,
            churn,
            reactivation: some(11, 500),
            expansion: some(7, 700),
            contraction: some(13, 300),
            payments: Money { count: 1, amount: 1_900 },
        }
    };
    snapshot.revenue[0].days = all().map(day).collect();
    let active = |(day, index): (chrono::NaiveDate, i64)| {
        let dau = 40 + u64::try_from(index * 7 % 23).unwrap();
        ActivityDay { day, dau, wau: 180 + dau, mau: 400 + dau, new_users: 2 }
    };
    snapshot.engagement.days = all().map(active).collect();
    let week = std::mem::take(&mut snapshot.product.days);
    let did = |(day, _)| {
        let known = week.iter().find(|known| known.day == day).copied();
        known.unwrap_or(ProductDay { day, ..ProductDay::default() })
    };
    snapshot.product.days = all().map(did).collect();
    snapshot
}

#[test]
fn charts_have_few_enough_points_in_every_window() {
    for days in [1, 2, 7, 28, 31, 32, 90, 180, 183, 365] {
        let report = markdown(&of_days(days));
        let axes: Vec<&str> = report.lines().filter(|line| line.starts_with("    x-axis [")).collect();
        let (funnel, series) = axes.split_last().unwrap();
        assert_eq!(funnel.matches('"').count(), 6);
        // A point is no line.
        assert_eq!(series.len(), if days == 1 { 0 } else { 3 }, "{days} days");
        for axis in series {
            assert!((2..=31).contains(&(axis.matches('"').count() / 2)), "{days} days: {axis}");
        }
    }
}

#[test]
fn words_are_of_the_window() {
    for (days, title, these, before) in [
        (1, "Acme: growth report, 28 June 2026", "This day", "Day before"),
        (30, "Acme: growth report, 30 May to 28 June 2026", "These 30 days", "30 days before"),
        (365, "Acme: growth report, 29 June 2025 to 28 June 2026", "These 365 days", "365 days before"),
    ] {
        let snapshot = of_days(days);
        let report = markdown(&snapshot);
        assert!(report.starts_with(&format!("# {title}\n")), "{report}");
        assert!(report.contains(&format!("| {these} | {before} |")), "{report}");
        assert!(html(&snapshot).contains(&format!("<title>{title}</title>")));
        assert!(text(&snapshot, 120, false).starts_with(&format!("{title}\n═")));
    }
}

#[test]
fn a_report_without_a_product_is_named_by_what_it_is() {
    let mut snapshot = two_currencies();
    snapshot.header.product.clear();
    assert!(markdown(&snapshot).starts_with("# Growth report, 22 to 28 June 2026\n"));
    assert!(html(&snapshot).contains("<title>Growth report, 22 to 28 June 2026</title>"));
}

#[test]
fn a_chart_says_the_sums_of_the_table() {
    let mut snapshot = two_currencies();
    let pounds = &mut snapshot.revenue[0];
    for day in &mut pounds.days {
        day.new = Micros::ZERO;
    }
    // Three times 0.7 pence is 2.1 pence, though each day shows 1.
    let part = Micros(700_000);
    for day in &mut pounds.days[..3] {
        day.new = part;
    }
    pounds.movements.current.new = Micros(part.0 * 3);
    assert!(html(&snapshot).contains("New <strong>GBP 0.02</strong>"));
    assert!(markdown(&snapshot).contains("| + New          |     GBP 0.02 |"));
}
