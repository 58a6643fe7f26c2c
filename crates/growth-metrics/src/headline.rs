//! MRR of several currencies in one, by the exchange rates that the settings have.
//!
//! A movement is converted at the rate of its day, a balance at the rate of its instant; what is left between them is
//! what the rates did. A currency that any rate is missing for is left out as a whole, and named.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use growth_domain::fx::Rate;
use growth_domain::money::Micros;
use growth_domain::movements::{Kind, Movement};
use growth_domain::rollforward::RollForward;
use growth_domain::window::day_of;

use crate::error::Error;
use crate::request::Request;
use crate::revenue::ByCurrency;
use crate::snapshot::{Converted, Headline, Periods};

/// Movements as they come, in the reporting currency.
pub(crate) struct Conversion<'a> {
    request: &'a Request,
    /// By currency, the movements of both windows.
    moved: BTreeMap<String, Periods<Vec<(Kind, Micros)>>>,
    /// Currencies with a movement that no rate is there for.
    missing: BTreeSet<String>,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(request: &'a Request) -> Self {
        Self { request, moved: BTreeMap::new(), missing: BTreeSet::new() }
    }

    /// The reporting currency, where there is one.
    fn to(&self) -> Option<&'a str> {
        let goal = self.request.goal.as_ref().map(|goal| goal.currency.as_str());
        self.request.currency.as_deref().or(goal)
    }

    fn rate(&self, from: &str, at: DateTime<Utc>) -> Option<&'a Rate> {
        self.request.rates.on(day_of(at, self.request.time_zone), from, self.to()?)
    }

    fn convert(&self, amount: Micros, from: &str, at: DateTime<Utc>) -> Option<Micros> {
        let to = self.to()?;
        if from == to || amount == Micros::ZERO {
            return Some(amount);
        }
        self.rate(from, at)?.convert(amount, from, to)
    }

    /// Takes a movement of one of the windows.
    pub(crate) fn add(&mut self, movement: &Movement) {
        if self.to().is_none() {
            return;
        }
        let converted = self.convert(movement.delta, &movement.currency, movement.at);
        let (window, previous) = (self.request.window, self.request.previous);
        let moved = self.moved.entry(movement.currency.clone()).or_default();
        let moved = if window.contains(movement.at) {
            &mut moved.current
        } else if previous.contains(movement.at) {
            &mut moved.previous
        } else {
            return;
        };
        match converted {
            Some(delta) => moved.push((movement.kind, delta)),
            None => {
                self.missing.insert(movement.currency.clone());
            }
        }
    }

    /// The sum of all currencies that can be converted; `None` where the reporting currency is the only one.
    pub(crate) fn headline(mut self, revenue: &ByCurrency) -> Result<Option<Headline>, Error> {
        let Some(to) = self.to() else { return Ok(None) };
        let (window, previous) = (self.request.window, self.request.previous);
        let mut sum = [Micros::ZERO; 3];
        let mut moved = Periods::<Vec<(Kind, Micros)>>::default();
        let (mut converted, mut apart) = (Vec::new(), Vec::new());
        for (currency, figures) in revenue {
            let (now, before) = (&figures.movements.current, &figures.movements.previous);
            if *now == RollForward::default() && *before == RollForward::default() {
                continue;
            }
            let balances = [
                self.convert(before.opening, currency, previous.start),
                self.convert(now.opening, currency, window.start),
                self.convert(now.closing, currency, window.end),
            ];
            let [Some(before), Some(opening), Some(closing)] = balances else {
                apart.push(currency.clone());
                continue;
            };
            if self.missing.contains(currency) {
                apart.push(currency.clone());
                continue;
            }
            for (sum, balance) in sum.iter_mut().zip([before, opening, closing]) {
                *sum += balance;
            }
            let of_currency = self.moved.remove(currency).unwrap_or_default();
            moved.current.extend(of_currency.current);
            moved.previous.extend(of_currency.previous);
            let rate = |at| {
                if currency == to {
                    return "1".to_owned();
                }
                self.rate(currency, at).map(ToString::to_string).unwrap_or_default()
            };
            let rate = Periods { current: rate(window.end), previous: rate(window.start) };
            converted.push(Converted { currency: currency.clone(), rate });
        }
        if apart.is_empty() && converted.iter().all(|converted| converted.currency == to) {
            return Ok(None);
        }
        let [before, opening, closing] = sum;
        let movements = Periods {
            current: in_one(opening, moved.current, closing, to)?,
            previous: in_one(before, moved.previous, opening, to)?,
        };
        Ok(Some(Headline { currency: to.to_owned(), movements, converted, apart }))
    }
}

/// I4: what movements do not explain is what the rates did.
fn in_one(
    opening: Micros,
    moved: Vec<(Kind, Micros)>,
    closing: Micros,
    currency: &str,
) -> Result<RollForward, Error> {
    let explained: Micros = moved.iter().map(|(_, delta)| *delta).sum();
    RollForward::build(opening, moved, closing - opening - explained, closing)
        .map_err(|source| Error::Unbalanced { currency: currency.to_uppercase(), source })
}
