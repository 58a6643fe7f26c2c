//! Parts of lists, each from one second to another, which are read side by side.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::lists::List;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// What was created in a list from one second to another, both included. It is read from the newest to the oldest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) list: List,
    /// Its number in the list, from 0.
    pub(crate) number: i64,
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    /// The last object that was read, and when it was created.
    pub(crate) after: Option<(String, DateTime<Utc>)>,
    pub(crate) done: bool,
}

impl Slice {
    /// A part of a list of which nothing was read yet; `None` where it has no second.
    pub(crate) fn new(list: List, number: i64, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Self> {
        (from <= until).then_some(Self { list, number, from, until, after: None, done: false })
    }

    /// The newest second that may hold something that was not read yet.
    pub(crate) fn position(&self) -> DateTime<Utc> {
        self.after.as_ref().map_or(self.until, |(_, at)| *at)
    }

    /// How much of its time is left, in seconds.
    pub(crate) fn left(&self) -> i64 {
        if self.done { 0 } else { (self.position() - self.from).num_seconds() + 1 }
    }

    /// Gives its older part away, as slices of equal time: as many as there are hands free, but no more than it has
    /// pages left at the density of the last page, which took `page` of time.
    ///
    /// What shares the second of the last object stays here.
    pub(crate) fn share(&mut self, hands: usize, page: TimeDelta, numbers: &mut Numbers) -> Vec<Self> {
        let until = self.position() - SECOND;
        let seconds = (until - self.from).num_seconds() + 1;
        let pages = seconds / page.num_seconds().max(1);
        let parts = i64::try_from(hands).unwrap_or(i64::MAX).min(pages).min(seconds);
        if parts < 1 {
            return Vec::new();
        }
        // One of the equal parts stays here too, the newest.
        let length = seconds / (parts + 1);
        if length < 1 {
            return Vec::new();
        }
        let mut given = Vec::new();
        let mut from = self.from;
        for _ in 0..parts {
            let end = from + TimeDelta::seconds(length) - SECOND;
            given.extend(Self::new(self.list, numbers.next(self.list), from, end));
            from = end + SECOND;
        }
        self.from = from;
        given
    }
}

/// How much of a list's time is read, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
pub(crate) fn share_read(slices: &[Slice], list: List) -> f64 {
    let of_list = || slices.iter().filter(|slice| slice.list == list);
    let all = of_list().map(|slice| slice.until).max().zip(of_list().map(|slice| slice.from).min());
    let all = all.map_or(1, |(until, from)| (until - from).num_seconds() + 1);
    let left: i64 = of_list().map(Slice::left).sum();
    1.0 - left as f64 / all as f64
}

/// How many slices of each list there are.
#[derive(Debug, Default)]
pub(crate) struct Numbers(BTreeMap<List, i64>);

impl Numbers {
    /// Goes on with those of slices that are there.
    pub(crate) fn after(slices: &[Slice]) -> Self {
        let mut numbers = Self::default();
        for Slice { list, number, .. } in slices {
            let next = numbers.0.entry(*list).or_default();
            *next = (*next).max(number + 1);
        }
        numbers
    }

    /// The number of the next slice of a list.
    pub(crate) fn next(&mut self, list: List) -> i64 {
        let next = self.0.entry(list).or_default();
        *next += 1;
        *next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn seconds(slices: &[Slice]) -> Vec<i64> {
        let mut all: Vec<i64> =
            slices.iter().flat_map(|s| s.from.timestamp()..=s.position().timestamp()).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_second_belongs_to_one_slice() {
        for (until, last, hands, page) in
            [(1000, 990, 3, 10), (1000, 999, 7, 1), (20, 12, 50, 1), (5, 3, 8, 1), (1000, 1, 4, 2)]
        {
            let mut slice = Slice::new(List::Charges, 0, at(1), at(until)).unwrap();
            slice.after = Some(("ch_1".to_owned(), at(last)));
            let given = slice.share(hands, TimeDelta::seconds(page), &mut Numbers::default());
            assert!(given.len() <= hands);
            let numbers: Vec<i64> = given.iter().map(|slice| slice.number).collect();
            assert_eq!(numbers, (0..).take(given.len()).collect::<Vec<i64>>());
            let all = [vec![slice.clone()], given].concat();
            assert_eq!(seconds(&all), (1..=last).collect::<Vec<i64>>(), "{all:?}");
            assert!(slice.position() == at(last) && slice.from <= at(last));
        }
    }

    #[test]
    fn what_is_on_the_next_page_anyway_is_not_given_away() {
        let mut slice = Slice::new(List::Charges, 0, at(0), at(1000)).unwrap();
        slice.after = Some(("ch_1".to_owned(), at(500)));
        assert_eq!(slice.share(4, TimeDelta::seconds(600), &mut Numbers::default()), []);
    }
}
