//! How numbers read inside a sentence.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::signals::Compared;
use crate::money::with_thousands;
use crate::rollforward::Ratio;

/// `1 payment`, `1,200 payments`
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", with_thousands(number.into()), if number == 1 { one } else { many })
}

/// `was` or `were`, `is` or `are`: the first for one thing.
pub(super) fn verb(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// `3 of 1,200`
pub(super) fn parts(share: Ratio) -> String {
    format!(
        "{} of {}",
        with_thousands(share.numerator.unsigned_abs()),
        with_thousands(share.denominator.unsigned_abs())
    )
}

/// `64.0 %`, a half to the even neighbour; `n/a` where it is undefined.
pub(super) fn percent(share: Ratio) -> String {
    tenths(share).map_or_else(|| "n/a".to_owned(), |tenths| format!("{} %", decimal(&tenths)))
}

/// `+5.0 %` or `-20.7 %`
pub(super) fn signed_percent(share: Ratio) -> String {
    let plus = if share.numerator > 0 { "+" } else { "" };
    format!("{plus}{}", percent(share))
}

/// `12.5 points`: the difference of two percentages as they are shown.
pub(super) fn points(shares: Compared<Ratio>) -> String {
    match (tenths(shares.current), tenths(shares.previous)) {
        (Some(current), Some(previous)) => format!("{} points", decimal(&(current - previous).abs())),
        _ => "n/a".to_owned(),
    }
}

/// `the 30 days before`
pub(super) fn days_before(days: u32) -> String {
    if days == 1 {
        "the day before".to_owned()
    } else {
        format!("the {} days before", with_thousands(days.into()))
    }
}

/// `3 hours`, or days from two on: `4 days`.
pub(super) fn duration(hours: u64) -> String {
    if hours < 48 { counted(hours, "hour", "hours") } else { counted(hours / 24, "day", "days") }
}

/// Whether an id that came from outside is one, and no text.
pub(super) fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.len() <= 100 && text.bytes().all(fits)
}

/// Tenths of a percent, a half to the even neighbour.
fn tenths(ratio: Ratio) -> Option<BigInt> {
    if ratio.denominator == 0 {
        return None;
    }
    let below = BigInt::from(ratio.denominator.unsigned_abs());
    let above = BigInt::from(ratio.numerator) * 1000_u32 * ratio.denominator.signum();
    let size = above.abs();
    let (whole, twice) = (&size / &below, (&size % &below) * 2_u32);
    let up = twice > below || (twice == below && &whole % 2_u32 == BigInt::from(1));
    let rounded = whole + u32::from(up);
    Some(if above.is_negative() { -rounded } else { rounded })
}

fn decimal(tenths: &BigInt) -> String {
    let sign = if tenths.is_negative() { "-" } else { "" };
    let size = tenths.abs();
    let whole = (&size / 10_u32).to_u128().map_or_else(|| (&size / 10_u32).to_string(), with_thousands);
    format!("{sign}{whole}.{}", size % 10_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i128, denominator: i128) -> Ratio {
        Ratio { numerator, denominator }
    }

    #[test]
    fn percentages_round_half_to_even_on_both_sides_of_zero() {
        for (numerator, denominator, text) in [
            (1, 400, "0.2 %"),
            (3, 400, "0.8 %"),
            (-1, 400, "-0.2 %"),
            (2, 3, "66.7 %"),
            (-24, 116, "-20.7 %"),
            (1, -4, "-25.0 %"),
            (12_345, 100, "12,345.0 %"),
            (1, 0, "n/a"),
        ] {
            assert_eq!(percent(ratio(numerator, denominator)), text);
        }
        assert!(percent(ratio(i128::MIN, -1)).ends_with(".0 %"));
        assert_eq!(signed_percent(ratio(1, 4)), "+25.0 %");
    }

    #[test]
    fn things_are_counted_in_singular_and_plural() {
        assert_eq!(counted(1, "user", "users"), "1 user");
        assert_eq!(counted(1_200, "user", "users"), "1,200 users");
        assert_eq!(counted(0, "user", "users"), "0 users");
        assert_eq!((days_before(1), days_before(30)), ("the day before".into(), "the 30 days before".into()));
        assert_eq!(
            (duration(1), duration(47), duration(73)),
            ("1 hour".into(), "47 hours".into(), "3 days".into())
        );
    }

    #[test]
    fn points_are_the_difference_of_what_is_shown() {
        let shares = Compared { current: ratio(1, 5), previous: ratio(13, 40) };
        assert_eq!(points(shares), "12.5 points");
    }

    #[test]
    fn text_from_outside_is_no_id() {
        assert!(is_id("cus_NffrFeUfNV2Hib"));
        for text in ["", "a b", "cus-1", "<b>", "{x}", "cus_1\n"] {
            assert!(!is_id(text), "{text:?}");
        }
    }
}
