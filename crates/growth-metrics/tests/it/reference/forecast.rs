//! The goal, and all currencies in one.

use chrono::{DateTime, Days, NaiveDate, Utc};
use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::rollforward::RollForward;
use growth_metrics::{Converted, CurrencyRevenue, GoalProgress, Headline, Periods};

use super::clock::{Span, day, days_before, is_in};
use super::facts::divided;
use super::movements::{Moved, roll_forward};
use super::{Asked, ratio};

/// What a currency is worth in GBP from a day on, in ten thousandths.
pub(crate) struct Worth {
    pub(crate) since: NaiveDate,
    pub(crate) currency: &'static str,
    pub(crate) text: &'static str,
    pub(crate) ten_thousandths: i128,
}

pub(crate) fn goal(asked: &Asked, revenue: &[CurrencyRevenue]) -> Option<GoalProgress> {
    let goal = asked.request.goal.as_ref()?;
    let mrr =
        revenue.iter().find(|revenue| revenue.currency == goal.currency).map(|revenue| revenue.mrr.current);
    let mrr = mrr.unwrap_or_default();
    let wanted = i128::from(goal.amount) * 1_000_000;
    let gap = wanted - mrr.net.0;
    Some(GoalProgress {
        currency: goal.currency.clone(),
        amount: goal.amount,
        progress: ratio(mrr.net.0, wanted),
        gap: (gap > 0).then_some(Micros(gap)),
        eta: eta(asked, &goal.currency, mrr.net.0, mrr.paying_customers.into(), gap),
    })
}

fn up(number: i128, by: i128) -> u64 {
    u64::try_from((number + by - 1) / by).unwrap()
}

fn eta(asked: &Asked, currency: &str, mrr: i128, payers: i128, gap: i128) -> Eta {
    if gap <= 0 {
        return Eta::Reached;
    }
    let customers = (mrr > 0).then(|| up(gap * payers, mrr));
    let own = || asked.facts.subscriptions.iter().filter(|own| own.currency == currency);
    let end = asked.window.1;
    let total = |instant: DateTime<Utc>| own().map(|own| own.worth_before(instant)).sum::<i128>();
    let paid = own().flat_map(|own| &own.states).filter(|(at, state)| state.net > 0 && *at < end);
    let first = paid.map(|(at, _)| *at).min();
    let mut weeks = Vec::new();
    for back in 0..8 {
        let week_end = days_before(end, 7 * back, asked.zone);
        let week_start = days_before(end, 7 * back + 7, asked.zone);
        if first.is_some_and(|first| first <= week_start) {
            weeks.push(total(week_end) - total(week_start));
        }
    }
    let of_weeks = u32::try_from(weeks.len()).unwrap();
    if of_weeks < 4 {
        return Eta::TooEarly { of_weeks, customers };
    }
    let grown: i128 = weeks.iter().sum();
    let weekly = Micros(divided(grown, of_weeks.into()));
    if grown <= 0 {
        return Eta::NotGrowing { weekly, of_weeks, customers };
    }
    let weeks = up(gap * i128::from(of_weeks), grown);
    assert!(weeks < 5_000, "the reference knows no goal so far away");
    Eta::Expected { weeks, day: day(end, asked.zone) + Days::new(7 * weeks), weekly, of_weeks, customers }
}

impl Asked<'_> {
    fn worth(&self, currency: &str, at: DateTime<Utc>) -> Option<(&'static str, i128)> {
        if currency == "gbp" {
            return Some(("1", 10_000));
        }
        let day = day(at, self.zone);
        let known = self.worths.iter().filter(|worth| worth.currency == currency && worth.since <= day);
        known.max_by_key(|worth| worth.since).map(|worth| (worth.text, worth.ten_thousandths))
    }

    fn in_gbp(&self, amount: i128, currency: &str, at: DateTime<Utc>) -> Option<i128> {
        if amount == 0 {
            return Some(0);
        }
        Some(divided(amount * self.worth(currency, at)?.1, 10_000))
    }
}

/// All currencies in GBP, which is the goal's.
pub(crate) fn headline(asked: &Asked, revenue: &[CurrencyRevenue], moved: &[Moved]) -> Option<Headline> {
    asked.request.goal.as_ref()?;
    let mut currencies: Vec<&CurrencyRevenue> = revenue.iter().collect();
    currencies.sort_by_key(|revenue| revenue.currency.as_str());
    let is_there = |rolled: &Periods<RollForward>| *rolled != Periods::default();
    currencies.retain(|revenue| is_there(&revenue.movements));
    let (mut converted, mut apart) = (Vec::new(), Vec::new());
    for own in &currencies {
        let currency = own.currency.as_str();
        let spans = [(asked.window, &own.movements.current), (asked.previous, &own.movements.previous)];
        let balances = spans.iter().flat_map(|((start, end), rolled)| {
            [asked.in_gbp(rolled.opening.0, currency, *start), asked.in_gbp(rolled.closing.0, currency, *end)]
        });
        let mut of_spans = moved.iter().filter(|moved| {
            moved.currency == currency && spans.iter().any(|(span, _)| is_in(*span, moved.at))
        });
        let all_known = balances.into_iter().all(|balance| balance.is_some())
            && of_spans.all(|moved| asked.worth(currency, moved.at).is_some());
        if all_known {
            let text = |at| asked.worth(currency, at).map_or("", |(text, _)| text).to_owned();
            let rate = Periods { current: text(asked.window.1), previous: text(asked.window.0) };
            converted.push(Converted { currency: currency.to_owned(), rate });
        } else {
            apart.push(currency.to_owned());
        }
    }
    if apart.is_empty() && converted.iter().all(|converted| converted.currency == "gbp") {
        return None;
    }
    let is_converted = |currency: &str| converted.iter().any(|converted| converted.currency == currency);
    let rolled = |span: Span, of: fn(&CurrencyRevenue) -> &RollForward| {
        let own = currencies.iter().filter(|own| is_converted(&own.currency));
        let (mut opening, mut closing) = (0, 0);
        for own in own {
            opening += asked.in_gbp(of(own).opening.0, &own.currency, span.0).unwrap();
            closing += asked.in_gbp(of(own).closing.0, &own.currency, span.1).unwrap();
        }
        let moved: Vec<Moved> = moved
            .iter()
            .filter(|moved| is_converted(&moved.currency) && is_in(span, moved.at))
            .map(|moved| {
                let delta = asked.in_gbp(moved.delta, &moved.currency, moved.at).unwrap();
                Moved { delta, ..moved.clone() }
            })
            .collect();
        let grown: i128 = moved.iter().map(|moved| moved.delta).sum();
        roll_forward(opening, &moved.iter().collect::<Vec<_>>(), closing - opening - grown, closing)
    };
    let movements = Periods {
        current: rolled(asked.window, |own| &own.movements.current),
        previous: rolled(asked.previous, |own| &own.movements.previous),
    };
    Some(Headline { currency: "gbp".into(), movements, converted, apart })
}
