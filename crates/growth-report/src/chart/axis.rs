//! Numbers and scales of charts, exact in whole numbers.

use growth_domain::money::with_thousands;

/// About how many steps a scale has.
const STEPS: i128 = 4;

/// A scale whose ends and steps are round numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) low: i128,
    pub(crate) high: i128,
    pub(crate) step: i128,
}

impl Axis {
    /// A scale on which both values have their place, and zero has.
    pub(crate) fn with_zero(low: i128, high: i128) -> Self {
        Self::around(low.min(0), high.max(0))
    }

    /// A scale for lines: without zero where that would make them flat.
    pub(crate) fn for_lines(low: i128, high: i128) -> Self {
        if low > high / 2 && low < high { Self::around(low, high) } else { Self::with_zero(low, high) }
    }

    fn around(low: i128, high: i128) -> Self {
        let step = round_step((high - low).max(1));
        let (low, high) = (low.div_euclid(step) * step, -(-high).div_euclid(step) * step);
        Self { low, high: high.max(low + step), step }
    }

    pub(crate) fn ticks(self) -> impl Iterator<Item = i128> {
        (0..=(self.high - self.low) / self.step).map(move |tick| self.low + tick * self.step)
    }

    /// Where a value lies, in so many parts of the way from the low to the high end.
    pub(crate) fn place(self, value: i128, parts: i128) -> i128 {
        (value - self.low) * parts / (self.high - self.low)
    }
}

/// 1, 2 or 5 with zeros.
fn round_step(range: i128) -> i128 {
    let mut ten = 1;
    loop {
        for step in [ten, 2 * ten, 5 * ten] {
            if step * STEPS >= range {
                return step;
            }
        }
        ten *= 10;
    }
}

/// `-1234.5`: for programs, without thousands and without zeros at the end.
pub(crate) fn plain(value: i128, decimals: u32) -> String {
    let (whole, rest) = parts(value, decimals);
    trimmed(format!("{}{whole}", sign(value)), &rest)
}

/// `1,234.50`
pub(crate) fn grouped(value: i128, decimals: u32) -> String {
    let (whole, rest) = parts(value, decimals);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{}{}{point}{rest}", sign(value), with_thousands(whole))
}

/// `1.2k`, `35M`: for the steps of a scale.
pub(crate) fn compact(value: i128, decimals: u32) -> String {
    let size = value.unsigned_abs();
    let one = 10_u128.saturating_pow(decimals);
    let suffixes = [(9, "bn"), (6, "M"), (3, "k"), (0, "")];
    let fits = |zeros: u32| size >= one.saturating_mul(10_u128.pow(zeros));
    let (zeros, suffix) = suffixes.into_iter().find(|(zeros, _)| fits(*zeros)).unwrap_or((0, ""));
    format!("{}{suffix}", plain(value, decimals + zeros))
}

fn sign(value: i128) -> &'static str {
    if value < 0 { "-" } else { "" }
}

fn parts(value: i128, decimals: u32) -> (u128, String) {
    let (size, scale) = (value.unsigned_abs(), 10_u128.saturating_pow(decimals));
    let width = decimals as usize;
    let rest = if decimals == 0 { String::new() } else { format!("{:0width$}", size % scale) };
    (size / scale, rest)
}

fn trimmed(whole: String, rest: &str) -> String {
    match rest.trim_end_matches('0') {
        "" => whole,
        rest => format!("{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: i128, high: i128, step: i128) -> Axis {
        Axis { low, high, step }
    }

    #[test]
    fn scales_end_at_round_numbers_beyond_the_values() {
        assert_eq!(Axis::with_zero(0, 32_000), axis(0, 40_000, 10_000));
        assert_eq!(Axis::with_zero(-700, 1_500), axis(-1_000, 2_000, 1_000));
        assert_eq!(Axis::with_zero(0, 1), axis(0, 1, 1));
        assert_eq!(Axis::for_lines(28_500, 32_000), axis(28_000, 32_000, 1_000));
        assert_eq!(Axis::for_lines(10_000, 32_000), axis(0, 40_000, 10_000));
        assert_eq!(Axis::for_lines(5, 5), axis(0, 6, 2));
        assert_eq!(axis(-1_000, 2_000, 1_000).ticks().collect::<Vec<_>>(), [-1_000, 0, 1_000, 2_000]);
    }

    #[test]
    fn every_value_has_its_place_on_its_scale() {
        for (low, high) in [(0, 0), (3, 17), (-17, -3), (-5, 999_999), (1_000, 1_001)] {
            for axis in [Axis::with_zero(low, high), Axis::for_lines(low, high)] {
                assert!(axis.low <= low && axis.high >= high && axis.ticks().count() <= 7, "{axis:?}");
                assert!((0..=1_000).contains(&axis.place(high, 1_000)));
            }
        }
    }

    #[test]
    fn numbers_are_exact_in_every_way_they_are_written() {
        assert_eq!(plain(32_050, 2), "320.5");
        assert_eq!(plain(-5, 3), "-0.005");
        assert_eq!(plain(1_234_500, 2), "12345");
        assert_eq!(grouped(123_450, 2), "1,234.50");
        assert_eq!(grouped(-1_204, 0), "-1,204");
        for (value, decimals, text) in
            [(0, 2, "0"), (50, 2, "0.5"), (150_000, 2, "1.5k"), (35_000_000, 0, "35M"), (-2_000, 0, "-2k")]
        {
            assert_eq!(compact(value, decimals), text);
        }
    }
}
