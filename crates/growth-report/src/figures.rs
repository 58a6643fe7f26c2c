//! Figures in words: counts, percentages, money, and how they changed.
//!
//! A change is the difference of the two values as they are shown, so that a
//! reader can check it. Where there is no percentage it says why.

use growth_domain::money::{Micros, format_minor, with_thousands};
use growth_domain::rollforward::Ratio;
use growth_metrics::{Money, Periods};

/// Takes one figure out of both periods.
pub fn both<T, U>(periods: &Periods<T>, of: impl Fn(&T) -> U) -> Periods<U> {
    Periods { current: of(&periods.current), previous: of(&periods.previous) }
}

/// `1,234`
pub fn count(number: u64) -> String {
    with_thousands(number.into())
}

/// `1 payment`, `12 payments`
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `3 of 1,200`, for a ratio of counts.
pub fn parts(ratio: Ratio) -> String {
    format!(
        "{} of {}",
        with_thousands(ratio.numerator.unsigned_abs()),
        with_thousands(ratio.denominator.unsigned_abs())
    )
}

/// `64.0 %`, or `None` where the ratio is undefined.
pub fn percent(ratio: Ratio) -> Option<String> {
    scaled(ratio, 1000).map(|tenths| format!("{} %", decimal(tenths, 1)))
}

/// `1.79`, or `None` where the ratio is undefined.
pub fn times(ratio: Ratio) -> Option<String> {
    scaled(ratio, 100).map(|hundredths| decimal(hundredths, 2))
}

/// `44.6`, or `None` where there is nothing to take a mean of.
pub fn mean(ratio: Ratio) -> Option<String> {
    scaled(ratio, 10).map(|tenths| decimal(tenths, 1))
}

/// `43 %`, with a decimal only where there would be nothing but 0, or `None` where the ratio is undefined.
pub fn whole_percent(ratio: Ratio) -> Option<String> {
    let whole = scaled(ratio, 100)?;
    if whole == 0 && ratio.numerator != 0 { percent(ratio) } else { Some(format!("{} %", decimal(whole, 0))) }
}

/// How money changed, in minor units: `GBP +35.00 (+12.3 %)`.
pub(crate) fn money_change(periods: Periods<i128>, currency: &str) -> String {
    change(periods, |delta| signed_money(delta, currency))
}

/// How money changed that is not known in every period.
pub(crate) fn known_money_change(periods: Periods<Option<i128>>, currency: &str) -> String {
    match (periods.current, periods.previous) {
        (Some(current), Some(previous)) => money_change(Periods { current, previous }, currency),
        _ => NOTHING_TO_COMPARE.to_owned(),
    }
}

/// How a count changed: `+5 (+4.3 %)`.
pub(crate) fn count_change(periods: Periods<u64>) -> String {
    change(both(&periods, |number| i128::from(*number)), |delta| {
        let size = u64::try_from(delta.unsigned_abs()).unwrap_or(u64::MAX);
        format!("{}{}", if delta < 0 { '-' } else { '+' }, count(size))
    })
}

/// How a rate changed, in percentage points: `-0.8 points`.
pub(crate) fn percent_change(periods: Periods<Ratio>) -> String {
    ratio_change(periods, 1000, |tenths| format!("{} points", signed_decimal(tenths, 1)))
}

/// How a plain ratio changed: `+0.40`.
pub fn times_change(periods: Periods<Ratio>) -> String {
    ratio_change(periods, 100, |hundredths| signed_decimal(hundredths, 2))
}

/// How a mean changed: `+1.4`.
pub fn mean_change(periods: Periods<Ratio>) -> String {
    ratio_change(periods, 10, |tenths| signed_decimal(tenths, 1))
}

/// Puts spaces that break no line between a currency and its amount, and a number and its percent sign.
pub fn glued(text: &str) -> String {
    let is_code = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let begins = |word: &str| word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    let mut glued = String::with_capacity(text.len());
    let mut before = "";
    for (index, word) in text.split(' ').enumerate() {
        let code = before.trim_start_matches('(');
        let belongs = is_code(code) && begins(word) || word.starts_with('%') && !before.is_empty();
        if index > 0 {
            glued.push(if belongs { '\u{a0}' } else { ' ' });
        }
        glued.push_str(word);
        before = word;
    }
    glued
}

/// Rounds micros to the minor units that are shown.
pub fn shown(micros: Micros) -> i128 {
    micros.to_minor_rounded()
}

/// The three cells of a figure: now, before, and how it changed.
pub fn cells(shown: Periods<String>, change: String) -> [String; 3] {
    [shown.current, shown.previous, change]
}

/// The cells of a count.
pub fn count_cells(counts: Periods<u64>) -> [String; 3] {
    cells(both(&counts, |number| count(*number)), count_change(counts))
}

/// The cells of an amount in minor units.
pub fn money_cells(amounts: Periods<i128>, currency: &str) -> [String; 3] {
    cells(both(&amounts, |amount| format_minor(*amount, currency)), money_change(amounts, currency))
}

/// The cells of an amount in minor units that is not always known, else why.
pub fn known_money_cells(amounts: Periods<Option<i128>>, currency: &str, unknown: &str) -> [String; 3] {
    let shown = both(&amounts, |amount| match amount {
        Some(amount) => format_minor(*amount, currency),
        None => format!("n/a: {unknown}"),
    });
    cells(shown, known_money_change(amounts, currency))
}

/// The cells of a sum of money, with the number of things that it is the sum of.
pub fn sum_cells(sums: Periods<Money>, currency: &str, one: &str, many: &str) -> [String; 3] {
    let shown = both(&sums, |sum| {
        let amount = format_minor(sum.amount.into(), currency);
        if *sum == Money::default() { amount } else { format!("{amount}, {}", counted(sum.count, one, many)) }
    });
    cells(shown, money_change(both(&sums, |sum| sum.amount.into()), currency))
}

/// The cells of a rate: its percentage with what it is made of, or why there is none.
pub fn rate_cells(rates: Periods<Ratio>, made_of: impl Fn(Ratio) -> String, undefined: &str) -> [String; 3] {
    let shown = both(&rates, |rate| match percent(*rate) {
        Some(percent) => format!("{percent} ({})", made_of(*rate)),
        None => format!("n/a: {undefined}"),
    });
    cells(shown, percent_change(rates))
}

const NOTHING_TO_COMPARE: &str = "n/a: nothing to compare";
const UNCHANGED: &str = "unchanged";

fn change(periods: Periods<i128>, signed: impl Fn(i128) -> String) -> String {
    let delta = periods.current - periods.previous;
    if delta == 0 {
        return UNCHANGED.to_owned();
    }
    let relative = match periods.previous {
        0 => "n/a: was 0".to_owned(),
        ..0 => "n/a: was below 0".to_owned(),
        previous => match scaled(Ratio { numerator: delta, denominator: previous }, 1000) {
            Some(tenths) if tenths != 0 => format!("{} %", signed_decimal(tenths, 1)),
            _ => "less than 0.1 %".to_owned(),
        },
    };
    format!("{} ({relative})", signed(delta))
}

fn ratio_change(periods: Periods<Ratio>, scale: i128, signed: impl Fn(i128) -> String) -> String {
    match (scaled(periods.current, scale), scaled(periods.previous, scale)) {
        (Some(current), Some(previous)) if current == previous => UNCHANGED.to_owned(),
        (Some(current), Some(previous)) => signed(current - previous),
        _ => NOTHING_TO_COMPARE.to_owned(),
    }
}

/// The ratio times `scale`, rounded half to even.
fn scaled(ratio: Ratio, scale: i128) -> Option<i128> {
    let sign = ratio.denominator.signum();
    let (above, below) = (ratio.numerator * sign * scale, ratio.denominator * sign);
    let (whole, rest) = (above.checked_div_euclid(below)?, above.checked_rem_euclid(below)?);
    let up = match (rest * 2).cmp(&below) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    Some(whole + i128::from(up))
}

fn decimal(number: i128, digits: usize) -> String {
    let scale = (0..digits).fold(1_u128, |scale, _| scale * 10);
    let size = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let whole = with_thousands(size / scale);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{:0digits$}", size % scale) }
}

fn signed_decimal(number: i128, digits: usize) -> String {
    format!("{}{}", if number > 0 { "+" } else { "" }, decimal(number, digits))
}

fn signed_money(amount: i128, currency: &str) -> String {
    let text = format_minor(amount, currency);
    match text.split_once(' ') {
        Some((code, number)) if amount > 0 => format!("{code} +{number}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(current: i128, previous: i128) -> String {
        money_change(Periods { current, previous }, "gbp")
    }

    fn ratio(numerator: i128, denominator: i128) -> Ratio {
        Ratio { numerator, denominator }
    }

    #[test]
    fn amounts_and_percentages_are_not_broken() {
        let text = "MRR is GBP 320.00 (GBP +35.00, 12.3 %) of 16 PRO users %";
        assert_eq!(
            glued(text),
            "MRR is GBP\u{a0}320.00 (GBP\u{a0}+35.00, 12.3\u{a0}%) of 16 PRO users\u{a0}%"
        );
        assert_eq!(glued(" a  b "), " a  b ");
    }

    #[test]
    fn a_change_has_its_amount_and_its_percentage() {
        assert_eq!(money(32_000, 28_500), "GBP +35.00 (+12.3 %)");
        assert_eq!(money(28_500, 32_000), "GBP -35.00 (-10.9 %)");
        assert_eq!(count_change(Periods { current: 2_120, previous: 1_000 }), "+1,120 (+112.0 %)");
        assert_eq!(money(1_333_000, 100_000), "GBP +12,330.00 (+1,233.0 %)");
        assert_eq!(count_change(Periods { current: 0, previous: 5 }), "-5 (-100.0 %)");
    }

    #[test]
    fn a_percentage_that_is_undefined_says_why() {
        assert_eq!(money(4_000, 0), "GBP +40.00 (n/a: was 0)");
        assert_eq!(money(4_000, -1_000), "GBP +50.00 (n/a: was below 0)");
        assert_eq!(money(0, 0), "unchanged");
        let half = Periods { current: Some(1), previous: None };
        assert_eq!(known_money_change(half, "gbp"), "n/a: nothing to compare");
        let rates = Periods { current: ratio(1, 2), previous: ratio(0, 0) };
        assert_eq!(percent_change(rates), "n/a: nothing to compare");
    }

    #[test]
    fn a_change_too_small_for_a_decimal_is_not_0() {
        assert_eq!(money(1_000_001, 1_000_000), "GBP +0.01 (less than 0.1 %)");
        assert_eq!(money(999_999, 1_000_000), "GBP -0.01 (less than 0.1 %)");
    }

    #[test]
    fn percentages_round_half_to_even_on_both_sides_of_zero() {
        for (numerator, denominator, text) in [
            (3, 120, "2.5 %"),
            (1, 400, "0.2 %"),
            (3, 400, "0.8 %"),
            (3, 2000, "0.2 %"),
            (-1, 400, "-0.2 %"),
            (-3, 400, "-0.8 %"),
            (2, 3, "66.7 %"),
            (-2, 3, "-66.7 %"),
            (0, 7, "0.0 %"),
        ] {
            assert_eq!(percent(ratio(numerator, denominator)).as_deref(), Some(text));
            assert_eq!(percent(ratio(-numerator, -denominator)).as_deref(), Some(text));
        }
        assert_eq!(percent(ratio(1, 0)), None);
    }

    #[test]
    fn r7_a_quick_ratio_has_two_decimals() {
        assert_eq!(times(ratio(250, 140)).as_deref(), Some("1.79"));
        assert_eq!(times(ratio(250, 0)), None);
        let quick = |current, previous| times_change(Periods { current, previous });
        assert_eq!(quick(ratio(250, 140), ratio(3, 2)), "+0.29");
        assert_eq!(quick(ratio(3, 2), ratio(250, 140)), "-0.29");
        assert_eq!(percent_change(Periods { current: ratio(1, 40), previous: ratio(1, 30) }), "-0.8 points");
    }

    #[test]
    fn counts_have_thousands_and_their_noun() {
        assert_eq!(counted(1, "payment", "payments"), "1 payment");
        assert_eq!(counted(0, "payment", "payments"), "0 payments");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(parts(ratio(3, 1_200)), "3 of 1,200");
    }

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        let change = |currency| money_change(Periods { current: 11_000, previous: 10_000 }, currency);
        assert_eq!(change("jpy"), "JPY +1,000 (+10.0 %)");
        assert_eq!(change("kwd"), "KWD +1.000 (+10.0 %)");
    }
}
