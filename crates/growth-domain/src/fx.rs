//! Exchange rates that somebody wrote down, by the day from which they hold.
//!
//! Rates come from the settings; nothing is looked up or guessed. Where there is no rate of a day or before it, an
//! amount is not converted.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use crate::money::{Micros, exponent};
use crate::pricing::exact::{Exact, decimal, half_even, whole};

/// How many units of one currency are worth a unit of another, as a decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    text: String,
    value: Exact,
}

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an exchange rate: give a decimal above 0, such as 0.79")]
pub struct RateError(pub String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = decimal(text).filter(Signed::is_positive).ok_or_else(|| RateError(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), value })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Rate {
    /// Converts an amount between currencies that may have other decimals, rounded half to even.
    ///
    /// `None` where the result is more than any amount can be.
    pub fn convert(&self, amount: Micros, from: &str, to: &str) -> Option<Micros> {
        let units = |currency| whole(BigInt::from(10).pow(exponent(currency)));
        let converted = whole(amount.0) * &self.value * units(to) / units(from);
        half_even(&converted).to_i128().map(Micros)
    }
}

/// A rate, and the local day from which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The first day.
    pub day: NaiveDate,
    /// Lower-case code of the currency that is converted.
    pub from: String,
    /// Lower-case code of the currency that it becomes.
    pub to: String,
    /// The rate.
    pub rate: Rate,
}

/// All rates that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Dated>);

impl Rates {
    /// Takes the rates in any order; of two for the same day and currencies the later one in the list holds.
    pub fn new(mut rates: Vec<Dated>) -> Self {
        rates.sort_by(|a, b| (&a.from, &a.to, a.day).cmp(&(&b.from, &b.to, b.day)));
        Self(rates)
    }

    /// The rate that holds on a day; `None` where none does yet.
    pub fn on(&self, day: NaiveDate, from: &str, to: &str) -> Option<&Rate> {
        let of_pair = self.0.iter().filter(|rate| rate.from == from && rate.to == to);
        of_pair.take_while(|rate| rate.day <= day).last().map(|rate| &rate.rate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn i4_a_hundred_dollars_are_79_and_then_75_pounds() {
        let dollars = Micros::from_minor(10_000);
        let in_pounds = |text| rate(text).convert(dollars, "usd", "gbp").unwrap();
        assert_eq!(
            (in_pounds("0.79"), in_pounds("0.75")),
            (Micros::from_minor(7_900), Micros::from_minor(7_500))
        );
    }

    #[test]
    fn decimals_of_both_currencies_count() {
        assert_eq!(
            rate("0.0050").convert(Micros::from_minor(1_000), "jpy", "gbp"),
            Some(Micros::from_minor(500))
        );
        assert_eq!(
            rate("200").convert(Micros::from_minor(500), "gbp", "jpy"),
            Some(Micros::from_minor(1_000))
        );
        assert_eq!(rate("0.4").convert(Micros::from_minor(100), "gbp", "kwd"), Some(Micros::from_minor(400)));
    }

    #[test]
    fn halves_go_to_the_even_neighbour_on_both_sides_of_zero() {
        let half = rate("0.5");
        for (amount, expected) in
            [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2), (-7, -4), (0, 0)]
        {
            assert_eq!(half.convert(Micros(amount), "usd", "gbp"), Some(Micros(expected)), "{amount}");
        }
    }

    #[test]
    fn the_latest_rate_that_holds_is_taken() {
        let dated = |day_text, from: &str, text| Dated {
            day: day(day_text),
            from: from.into(),
            to: "gbp".into(),
            rate: rate(text),
        };
        let rates = Rates::new(vec![
            dated("2026-06-01", "usd", "0.75"),
            dated("2026-01-01", "usd", "0.79"),
            dated("2026-01-01", "eur", "0.86"),
            dated("2026-01-01", "usd", "0.80"),
        ]);
        let on = |text, from: &str| rates.on(day(text), from, "gbp").map(ToString::to_string);
        assert_eq!(on("2025-12-31", "usd"), None);
        assert_eq!(on("2026-05-31", "usd").as_deref(), Some("0.80"));
        assert_eq!(on("2026-06-01", "usd").as_deref(), Some("0.75"));
        assert_eq!(on("2026-06-01", "eur").as_deref(), Some("0.86"));
        assert_eq!(on("2026-06-01", "chf"), None);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "0", "0.0", "-1", "1,5", "1e3", ".5", "1.", " 1", "NaN"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError(text.to_owned())), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_of_one_changes_nothing(amount in any::<i64>()) {
            prop_assert_eq!(rate("1").convert(Micros(amount.into()), "usd", "gbp"), Some(Micros(amount.into())));
        }

        #[test]
        fn conversion_is_within_half_of_the_exact_value(amount in -1_000_000_i64..1_000_000, scaled in 1_u64..100_000) {
            let rate = rate(&format!("{}.{:04}", scaled / 10_000, scaled % 10_000));
            let converted = rate.convert(Micros(amount.into()), "usd", "gbp").unwrap().0;
            let error = converted * 10_000 - i128::from(amount) * i128::from(scaled);
            prop_assert!(error.abs() <= 5_000, "{error}");
        }
    }
}
