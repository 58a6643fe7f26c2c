//! Exact fractions: reading decimal text, and the one place where MRR is rounded.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_rational::Ratio;
use num_traits::{One, ToPrimitive};

use super::Unpriced;
use crate::money::Micros;

/// A fraction of whole numbers of any size.
pub(crate) type Exact = Ratio<BigInt>;

/// Longer texts are no amounts, and would only cost time.
const MAX_DIGITS: usize = 100;

/// Makes a fraction of two small numbers; the denominator is never 0.
pub(super) fn fraction(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Exact {
    Exact::new(numerator.into(), denominator.into())
}

/// Makes a fraction of a whole number.
pub(crate) fn whole(number: impl Into<BigInt>) -> Exact {
    Exact::from_integer(number.into())
}

/// Reads decimal text such as `1999`, `0.5` or `-12.000000000001`.
pub(crate) fn decimal(text: &str) -> Option<Exact> {
    if text.len() > MAX_DIGITS {
        return None;
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (integer, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(integer) || !only_digits(decimals) {
        return None;
    }
    let digits: BigInt = format!("{integer}{decimals}").parse().ok()?;
    let scale = BigInt::from(10).pow(u32::try_from(decimals.len()).ok()?);
    let value = Exact::new(digits, scale);
    Some(if negative { -value } else { value })
}

/// Reads decimal text, or says what it should have been.
pub(super) fn number(text: &str, what: impl FnOnce() -> String) -> Result<Exact, Unpriced> {
    decimal(text).ok_or_else(|| Unpriced::Number { what: what(), text: text.to_owned() })
}

/// Rounds minor units to micros, a half to the even neighbour.
pub(super) fn to_micros(minor: &Exact) -> Result<Micros, Unpriced> {
    let micros = half_even(&(minor * whole(Micros::PER_MINOR)));
    micros.to_i64().map(|micros| Micros(micros.into())).ok_or(Unpriced::TooLarge)
}

/// Rounds to a whole number, a half to the even neighbour.
pub(crate) fn half_even(number: &Exact) -> BigInt {
    let below = number.floor();
    let rest = number - &below;
    let below = below.to_integer();
    match rest.cmp(&fraction(1, 2)) {
        Ordering::Less => below,
        Ordering::Equal if !below.bit(0) => below,
        Ordering::Equal | Ordering::Greater => below + BigInt::one(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_exactly() {
        assert_eq!(decimal("1999"), Some(whole(1999)));
        assert_eq!(decimal("0.5"), Some(fraction(1, 2)));
        assert_eq!(decimal("-1.25"), Some(fraction(-5, 4)));
        assert_eq!(decimal("0.000000000001"), Some(fraction(1, 1_000_000_000_000_i64)));
        assert_eq!(
            decimal("99999999999999999999.50").map(|x| x.to_string()).as_deref(),
            Some("199999999999999999999/2")
        );
    }

    #[test]
    fn other_text_is_no_number() {
        for text in
            ["", "-", ".", "1.", ".5", "1e3", "+1", "1,000", " 1", "NaN", "--1", "0x1", &"9".repeat(101)]
        {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn halves_go_to_the_even_micro() {
        for (halves, micros) in [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)] {
            assert_eq!(to_micros(&fraction(halves, 2_000_000)), Ok(Micros(micros)), "{halves}/2");
        }
        assert_eq!(to_micros(&fraction(1, 3)), Ok(Micros(333_333)));
        assert_eq!(to_micros(&fraction(2, 3)), Ok(Micros(666_667)));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let most = fraction(i64::MAX, 1_000_000);
        assert_eq!(to_micros(&most), Ok(Micros(i64::MAX.into())));
        assert_eq!(to_micros(&(most + fraction(1, 1_000_000))), Err(Unpriced::TooLarge));
    }
}
