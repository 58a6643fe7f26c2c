//! Days brought together to spans, so that a chart of any window has few enough points to be read.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Datelike, NaiveDate};

/// The longest window whose days are shown one by one.
const MOST_DAYS: usize = 31;
/// The longest one that is shown by spans of seven days.
const MOST_WEEKS: usize = 26;
/// Up to so many points each has its month beside the day.
const FEW: usize = 10;
/// So many points have to lie between two names with a month.
const APART: usize = 3;

/// How long the spans are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Day,
    /// Seven days that end with the last day or whole weeks before it.
    Week,
    /// Calendar months.
    Month,
}

/// One or more days in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Which of the days, by their place.
    pub(crate) days: Range<usize>,
    /// A short name that no other span has, for the foot of a chart.
    pub(crate) label: String,
    /// A short name that makes sense where not every span is named.
    pub(crate) tick: String,
    /// A name that says all.
    pub(crate) name: String,
}

impl Length {
    /// `day by day`
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Day => "day by day",
            Self::Week => "by spans of seven days, each named by its last day; the first one may be shorter",
            Self::Month => "by month; the first and the last may be cut",
        }
    }
}

/// Brings days in a row together.
pub(crate) fn spans(days: &[NaiveDate]) -> (Length, Vec<Span>) {
    let length = match days.len() {
        0..=MOST_DAYS => Length::Day,
        many if many.div_ceil(7) <= MOST_WEEKS => Length::Week,
        _ => Length::Month,
    };
    let mut starts: Vec<usize> = match length {
        Length::Day => (0..days.len()).collect(),
        Length::Week => (0..days.len()).filter(|day| (days.len() - day).is_multiple_of(7)).collect(),
        Length::Month => (0..days.len()).filter(|day| days[*day].day() == 1).collect(),
    };
    if starts.first() != Some(&0) && !days.is_empty() {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([days.len()]);
    let ranges: Vec<Range<usize>> = starts.iter().zip(ends).map(|(start, end)| *start..end).collect();
    let mut taken = BTreeSet::new();
    let spans = ranges.iter().enumerate().map(|(index, range)| {
        let last = days[range.end - 1];
        let (short, long, tick, name) = match length {
            Length::Day => ("%-d", "%-d %b", "%-d %b", "%-d %B %Y"),
            Length::Week => ("%-d %b", "%-d %b %Y", "%-d %b", "%-d %B %Y"),
            Length::Month => ("%b %Y", "%b %Y", "%b %Y", "%B %Y"),
        };
        let month_begins_soon = days.iter().take(APART).skip(1).any(|day| day.day() == 1);
        let is_first = index == 0 && !month_begins_soon;
        let says_month = ranges.len() <= FEW || is_first || last.day() == 1;
        let mut label =
            last.format(if says_month && length == Length::Day { long } else { short }).to_string();
        if !taken.insert(label.clone()) {
            label = last.format(long).to_string();
            taken.insert(label.clone());
        }
        let written = |format: &str| last.format(format).to_string();
        Span { days: range.clone(), label, tick: written(tick), name: written(name) }
    });
    let spans = spans.collect();
    (length, spans)
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;

    fn from(first: &str, number: u64) -> (Length, Vec<Span>) {
        let first: NaiveDate = first.parse().unwrap();
        spans(&(0..number).map(|day| first + Days::new(day)).collect::<Vec<_>>())
    }

    fn labels(spans: &[Span]) -> Vec<&str> {
        spans.iter().map(|span| span.label.as_str()).collect()
    }

    #[test]
    fn a_week_shows_its_days_with_their_month() {
        let (length, spans) = from("2026-06-29", 4);
        assert_eq!((length, labels(&spans)), (Length::Day, vec!["29 Jun", "30 Jun", "1 Jul", "2 Jul"]));
        assert_eq!(spans[0].name, "29 June 2026");
    }

    #[test]
    fn a_month_says_its_months_once() {
        let (_, spans) = from("2026-05-30", 31);
        assert_eq!(labels(&spans)[..5], ["30", "31", "1 Jun", "2", "3"]);
        let (_, spans) = from("2026-05-20", 31);
        assert_eq!(labels(&spans)[..3], ["20 May", "21", "22"]);
        let (_, spans) = from("2026-01-31", 31);
        assert_eq!(labels(&spans)[28..], ["28", "1 Mar", "2 Mar"], "there is a 2 already");
    }

    #[test]
    fn long_windows_are_shown_by_weeks_and_longer_ones_by_months() {
        let (length, weeks) = from("2026-04-01", 90);
        assert_eq!((length, weeks.len(), weeks[0].days.len()), (Length::Week, 13, 6));
        assert_eq!(weeks[12].label, "29 Jun");
        let (length, months) = from("2025-06-22", 365);
        assert_eq!((length, months.len()), (Length::Month, 13));
        assert_eq!([&months[0].label, &months[12].label], ["Jun 2025", "Jun 2026"]);
    }

    #[test]
    fn spans_hold_every_day_once_and_no_two_have_one_label() {
        for number in 0..400 {
            let (_, spans) = from("2026-01-31", number);
            let days: Vec<usize> = spans.iter().flat_map(|span| span.days.clone()).collect();
            assert_eq!(days, (0..usize::try_from(number).unwrap()).collect::<Vec<_>>());
            assert!(spans.len() <= 31);
            let different: BTreeSet<&str> = labels(&spans).into_iter().collect();
            assert_eq!(different.len(), spans.len(), "{number} days");
        }
    }
}
