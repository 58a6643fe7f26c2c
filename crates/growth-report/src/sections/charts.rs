//! The charts of a report.

use chrono::NaiveDate;
use growth_domain::money::{Micros, exponent};
use growth_metrics::{ActivityDay, CurrencyRevenue, Engagement, Funnel, RevenueDay, Stage};

use crate::chart::{Chart, Length, Series, Shape, Span, spans};
use crate::figures::shown;

/// MRR at the end of each day.
pub(crate) fn mrr(revenue: &CurrencyRevenue) -> Option<Chart> {
    let (length, points) = days_of(revenue.days.iter().map(|day| day.day));
    let last = |span: &Span| revenue.days[span.days.clone()].last().map_or(0, |day| shown(day.mrr));
    let series = Series::new("MRR", "a", points.iter().map(last).collect());
    let code = code(revenue);
    Chart {
        title: format!("MRR in {code}"),
        about: format!("As it stands at the end, {}.", length.in_words()),
        decimals: exponent(&revenue.currency),
        unit: code,
        shape: Shape::Lines,
        points,
        series: vec![series],
    }
    .worth_drawing()
}

/// What moved MRR on each day.
pub(crate) fn movements(revenue: &CurrencyRevenue) -> Option<Chart> {
    let (length, points) = days_of(revenue.days.iter().map(|day| day.day));
    let moved = |name, tone, of: fn(&RevenueDay) -> Micros| {
        let sum = |span: &Span| shown(revenue.days[span.days.clone()].iter().map(of).sum());
        let total = shown(revenue.days.iter().map(of).sum());
        Series::new(name, tone, points.iter().map(sum).collect()).with_total(total)
    };
    let series = vec![
        moved("New", "a", |day| day.new),
        moved("Reactivation", "b", |day| day.reactivation),
        moved("Expansion", "c", |day| day.expansion),
        moved("Contraction", "d", |day| day.contraction).losing(),
        moved("Churn", "e", |day| day.churn).losing(),
    ];
    let code = code(revenue);
    Chart {
        title: format!("What moved MRR in {code}"),
        about: format!("Gained and lost {}.", length.in_words()),
        decimals: exponent(&revenue.currency),
        unit: code,
        shape: Shape::Flow,
        points,
        series: series.into_iter().filter(|series| series.values.iter().any(|value| *value != 0)).collect(),
    }
    .worth_drawing()
}

/// MAU, WAU and DAU: the first is never less than the second, nor that than the third.
pub(crate) fn active_users(engagement: &Engagement) -> Option<Chart> {
    let (length, points) = days_of(engagement.days.iter().map(|day| day.day));
    let days = |span: &Span| &engagement.days[span.days.clone()];
    let last = |of: fn(&ActivityDay) -> u64| -> Vec<i128> {
        points.iter().map(|span| days(span).last().map_or(0, |day| of(day).into())).collect()
    };
    let mean = |span: &Span| {
        let sum: u64 = days(span).iter().map(|day| day.dau).sum();
        let number = days(span).len() as u64;
        i128::from((sum + number / 2).checked_div(number).unwrap_or(0))
    };
    let series = vec![
        Series::new("MAU", "a", last(|day| day.mau)),
        Series::new("WAU", "f", last(|day| day.wau)),
        Series::new("DAU", "c", points.iter().map(mean).collect()),
    ];
    let about = match length {
        Length::Day => "Day by day.".to_owned(),
        _ => format!("WAU and MAU of the last day, DAU as a mean, {}.", length.in_words()),
    };
    Chart {
        title: "Active users".to_owned(),
        about,
        decimals: 0,
        unit: String::new(),
        shape: Shape::Lines,
        points,
        series,
    }
    .worth_drawing()
}

/// How many came to each stage.
pub(crate) fn funnel(funnel: &Funnel) -> Option<Chart> {
    let name = |stage| match stage {
        Stage::SignUp => "Signed up",
        Stage::Activation => "Activated",
        Stage::Payment => "Paid",
    };
    let points = funnel.stages.iter().enumerate().map(|(index, stage)| {
        let name = name(stage.stage).to_owned();
        Span { days: index..index + 1, label: name.clone(), tick: name.clone(), name }
    });
    let values = funnel.stages.iter().map(|stage| stage.reached.current.into()).collect();
    Chart {
        title: "Users by the stage they came to".to_owned(),
        about: "Of those who signed up in the period.".to_owned(),
        decimals: 0,
        unit: String::new(),
        shape: Shape::Bars,
        points: points.collect(),
        series: vec![Series::new("Users", "a", values)],
    }
    .worth_drawing()
}

fn days_of(days: impl Iterator<Item = NaiveDate>) -> (Length, Vec<Span>) {
    spans(&days.collect::<Vec<_>>())
}

/// The currency's code, in which nothing can stand that means something to a drawing program.
fn code(revenue: &CurrencyRevenue) -> String {
    revenue.currency.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}
