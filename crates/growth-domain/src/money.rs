//! Amounts of money: whole numbers only, and how people read them.
//!
//! Stored amounts are in the currency's minor unit (`i64`). MRR is in
//! [`Micros`], millionths of a minor unit, so that a thousand customers on
//! 10.00 a year sum to 833.33 a month and not to 830.00. Nothing is rounded to
//! minor units except where text is made.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use iso_currency::Currency;
use serde::Serialize;

/// Gives the number of decimals of a currency's amounts, in any letter case.
///
/// These are Stripe's exponents, not ISO's: Stripe sends ISK and UGX with two
/// decimals. An unknown code has two. Source: <https://docs.stripe.com/currencies>.
pub fn exponent(currency: &str) -> u32 {
    match currency.to_ascii_uppercase().as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Currencies that Stripe took payments in and that ISO 4217 does not list, or no longer.
const BESIDES_ISO: [&str; 8] = ["ANG", "EEK", "LTL", "LVL", "MRO", "STD", "USDC", "VEF"];

/// Reads a currency's code in any letter case and gives it as Stripe writes it, in lower case.
///
/// # Errors
///
/// A sentence about a text that is the code of no currency.
pub fn parse_currency(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    if Currency::from_code(&code).is_some() || BESIDES_ISO.contains(&code.as_str()) {
        return Ok(code.to_ascii_lowercase());
    }
    Err(format!("{text:?} is no currency: give a code such as GBP"))
}

/// An amount in millionths of a minor unit: 1.00 USD is 100 minor units and 100,000,000 micros.
///
/// One subscription's MRR always fits an `i64`, see [`crate::pricing::price`];
/// the wider type is for sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Micros(pub i128);

impl Micros {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Micros in one minor unit.
    pub const PER_MINOR: i128 = 1_000_000;

    /// Converts whole minor units, exactly.
    pub fn from_minor(minor: i64) -> Self {
        Self(i128::from(minor) * Self::PER_MINOR)
    }

    /// Rounds to whole minor units, a half to the even neighbour.
    ///
    /// For text only: sums are made of micros.
    pub fn to_minor_rounded(self) -> i128 {
        half_to_even(self.0, Self::PER_MINOR)
    }

    /// Divides it by a number of things, a half to the even neighbour; `None` where there are none.
    pub fn divided_by(self, count: u64) -> Option<Self> {
        (count > 0).then(|| Self(half_to_even(self.0, count.into())))
    }
}

impl Add for Micros {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Micros {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Micros {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Micros {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Micros {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Micros> for Micros {
    fn sum<I: Iterator<Item = &'a Micros>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}

/// Divides by a divisor above 0 and far below the largest number.
fn half_to_even(amount: i128, divisor: i128) -> i128 {
    let below = amount.div_euclid(divisor);
    let rest = amount.rem_euclid(divisor);
    match (rest * 2).cmp(&divisor) {
        Ordering::Less => below,
        Ordering::Equal => below + below.rem_euclid(2),
        Ordering::Greater => below + 1,
    }
}

/// Writes minor units for people: the upper-case code first, thousands apart, for instance `GBP -1,234.50`.
pub fn format_minor(amount: i128, currency: &str) -> String {
    let decimals = exponent(currency);
    let scale = 10_u128.pow(decimals);
    let size = amount.unsigned_abs();
    let code = currency.to_ascii_uppercase();
    let sign = if amount < 0 { "-" } else { "" };
    let whole = with_thousands(size / scale);
    if decimals == 0 {
        format!("{code} {sign}{whole}")
    } else {
        let width = decimals as usize;
        format!("{code} {sign}{whole}.{:0width$}", size % scale)
    }
}

/// Writes micros for people, rounded half to even to the currency's minor unit.
pub fn format_micros(amount: Micros, currency: &str) -> String {
    format_minor(amount.to_minor_rounded(), currency)
}

/// Writes minor units as a plain decimal of the major unit, such as `-1234.50`, for programs.
pub fn decimal_minor(amount: i128, currency: &str) -> String {
    decimal(amount, exponent(currency), exponent(currency))
}

/// Writes micros as an exact decimal of the major unit, such as `88.66666667`, with no more digits than it takes
/// beyond those of the currency.
pub fn decimal_micros(amount: Micros, currency: &str) -> String {
    decimal(amount.0, exponent(currency) + 6, exponent(currency))
}

/// Writes a number of so many decimals, of which zeros at the end are left out but for the first `fewest` decimals.
fn decimal(number: i128, decimals: u32, fewest: u32) -> String {
    let scale = 10_u128.pow(decimals);
    let (size, sign) = (number.unsigned_abs(), if number < 0 { "-" } else { "" });
    let fraction = format!("{:0width$}", size % scale, width = decimals as usize);
    let kept = fraction.trim_end_matches('0').len().max(fewest as usize).min(fraction.len());
    match decimals {
        0 => format!("{sign}{size}"),
        _ if kept == 0 => format!("{sign}{}", size / scale),
        _ => format!("{sign}{}.{}", size / scale, &fraction[..kept]),
    }
}

/// Writes a number with a comma between thousands, such as `1,234`.
pub fn with_thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_stripes_and_ignore_the_letter_case() {
        for currency in ["jpy", "KRW", "xpf", "Clp"] {
            assert_eq!(exponent(currency), 0, "{currency}");
        }
        for currency in ["kwd", "BHD", "tnd"] {
            assert_eq!(exponent(currency), 3, "{currency}");
        }
        for currency in ["usd", "GBP", "isk", "UGX", "huf", "twd", ""] {
            assert_eq!(exponent(currency), 2, "{currency}");
        }
    }

    #[test]
    fn a_currency_is_one_that_money_is_of() {
        for (text, code) in
            [("GBP", "gbp"), (" Usd ", "usd"), ("hrk", "hrk"), ("ANG", "ang"), ("usdc", "usdc")]
        {
            assert_eq!(parse_currency(text).as_deref(), Ok(code));
        }
        for text in ["", "GB", "GPB", "zzz", "GBPP", "pounds", "£", "ＧＢＰ", "gbp\0"] {
            let problem = parse_currency(text).unwrap_err();
            assert!(problem.ends_with("is no currency: give a code such as GBP"), "{problem}");
        }
    }

    #[test]
    fn a_half_goes_to_the_even_neighbour_on_both_sides_of_zero() {
        for (micros, minor) in [
            (0, 0),
            (499_999, 0),
            (500_000, 0),
            (500_001, 1),
            (1_500_000, 2),
            (2_500_000, 2),
            (2_500_001, 3),
            (-499_999, 0),
            (-500_000, 0),
            (-500_001, -1),
            (-1_500_000, -2),
            (-2_500_000, -2),
        ] {
            assert_eq!(Micros(micros).to_minor_rounded(), minor, "{micros}");
        }
    }

    #[test]
    fn plain_decimals_are_exact_and_have_the_currencys_digits() {
        for (micros, currency, text) in [
            (8_866_666_667, "gbp", "88.66666667"),
            (8_866_000_000, "gbp", "88.66"),
            (100_000_000, "gbp", "1.00"),
            (-50_000_000, "gbp", "-0.50"),
            (1_000_000, "jpy", "1"),
            (1_500_000, "jpy", "1.5"),
            (0, "kwd", "0.000"),
        ] {
            assert_eq!(decimal_micros(Micros(micros), currency), text);
        }
        for (minor, currency, text) in
            [(123_450, "gbp", "1234.50"), (-5, "gbp", "-0.05"), (1_000, "jpy", "1000"), (1, "kwd", "0.001")]
        {
            assert_eq!(decimal_minor(minor, currency), text);
        }
    }

    #[test]
    fn a_share_of_money_is_rounded_half_to_even_too() {
        for (micros, of, each) in [(7, 2, 4), (5, 2, 2), (-5, 2, -2), (-7, 2, -4), (10, 3, 3), (0, 9, 0)] {
            assert_eq!(Micros(micros).divided_by(of), Some(Micros(each)), "{micros} / {of}");
        }
        assert_eq!(Micros(7).divided_by(0), None);
        assert!(Micros(i128::MIN).divided_by(u64::MAX).is_some());
    }

    #[test]
    fn a_thousand_small_yearly_customers_do_not_lose_their_pennies() {
        let one = Micros(83_333_333);
        let all: Micros = std::iter::repeat_n(one, 1000).sum();
        assert_eq!(format_micros(all, "gbp"), "GBP 833.33");
    }

    #[test]
    fn micros_add_up_like_numbers() {
        let three = Micros::from_minor(3);
        assert_eq!(three + Micros(5) - Micros(5), three);
        assert_eq!(-three + three, Micros::ZERO);
        assert_eq!([three, three].iter().sum::<Micros>(), Micros(6_000_000));
        let mut total = three;
        total += Micros(1);
        total -= three;
        assert_eq!(total, Micros(1));
        assert_eq!(Micros::from_minor(i64::MAX).to_minor_rounded(), i128::from(i64::MAX));
        assert!(Micros(-1) < Micros::default());
    }

    #[test]
    fn text_has_the_code_the_sign_thousands_and_the_currencys_decimals() {
        for (amount, currency, text) in [
            (22_500, "usd", "USD 225.00"),
            (-123_450, "GBP", "GBP -1,234.50"),
            (1_000, "jpy", "JPY 1,000"),
            (1_234, "kwd", "KWD 1.234"),
            (5, "eur", "EUR 0.05"),
            (-5, "kwd", "KWD -0.005"),
            (0, "usd", "USD 0.00"),
            (100_000, "usd", "USD 1,000.00"),
            (99_999, "usd", "USD 999.99"),
            (-123_456_789, "jpy", "JPY -123,456,789"),
        ] {
            assert_eq!(format_minor(amount, currency), text);
        }
        assert!(format_minor(i128::MIN, "usd").starts_with("USD -1,701,411,"));
    }

    #[test]
    fn micros_are_rounded_where_the_text_is_made() {
        assert_eq!(format_micros(Micros(4_333_333_333), "usd"), "USD 43.33");
        assert_eq!(format_micros(Micros(3_041_666_667), "usd"), "USD 30.42");
        assert_eq!(format_micros(Micros(-400_000), "usd"), "USD 0.00");
        assert_eq!(format_micros(Micros(1_000_500_000), "jpy"), "JPY 1,000");
    }
}
