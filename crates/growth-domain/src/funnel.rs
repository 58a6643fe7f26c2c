//! The ordered funnel of one user in a conversion window.
//!
//! A user reaches step k when some of their events in a row, in order of time
//! and then of arrival, fill the steps from the first to the k-th, with no more
//! than the window from the first of these events to the last. One event fills
//! one step only. A user may enter several times, and the entry that leads
//! furthest counts; of entries that lead equally far, the earliest. From an
//! entry on, each step is filled by the first event that can: waiting for a
//! later one never leads further. The definition is that of `docs/METRICS.md`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::window::Window;

/// Steps of a funnel that one event can fill, the first step being 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Steps(u64);

impl Steps {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// How many steps a funnel has at most.
    pub const MOST: usize = 64;

    /// This step alone; none where it is not below [`Steps::MOST`].
    pub fn only(step: usize) -> Self {
        Self::NONE.and(step)
    }

    /// These and one more.
    #[must_use]
    pub fn and(self, step: usize) -> Self {
        let bit = u32::try_from(step).ok().and_then(|step| 1_u64.checked_shl(step));
        Self(self.0 | bit.unwrap_or(0))
    }

    /// Tells whether a step is one of them.
    pub fn contain(self, step: usize) -> bool {
        self.0 & Self::only(step).0 != 0
    }
}

/// An event of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The steps that it can fill; it fills one of them at most.
    pub fills: Steps,
}

/// Steps in order, and the time that they may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// How many steps there are, at most [`Steps::MOST`].
    pub steps: usize,
    /// From the event of the first step to that of the last, inclusive.
    pub within: TimeDelta,
}

/// How far a user got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The instant of each step that was reached, the first one being the entry; never empty.
    at: Vec<DateTime<Utc>>,
}

impl Journey {
    /// How many steps were reached, at least 1.
    pub fn reached(&self) -> usize {
        self.at.len()
    }

    /// When the user entered.
    pub fn entered_at(&self) -> DateTime<Utc> {
        self.at[0]
    }

    /// When a step was reached; the first step is 0.
    pub fn at(&self, step: usize) -> Option<DateTime<Utc>> {
        self.at.get(step).copied()
    }

    /// How long a step took, counted from the entry.
    pub fn time_to(&self, step: usize) -> Option<TimeDelta> {
        self.at(step).map(|at| at - self.entered_at())
    }
}

impl Funnel {
    /// Finds how far one user gets; `None` where the user does not enter.
    ///
    /// The events are in order of time, those of one instant in order of arrival. With a span, only
    /// entries inside it count, while later steps may come after it. Takes a time of entries times
    /// steps times the logarithm of the number of events.
    pub fn furthest(&self, events: &[Event], entry: Option<Window>) -> Option<Journey> {
        debug_assert!(events.is_sorted_by_key(|event| event.at), "events come in order of time");
        let filling = |step: usize| {
            let can_fill = events.iter().enumerate().filter(move |(_, event)| event.fills.contain(step));
            can_fill.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let places: Vec<Vec<usize>> = (0..self.steps).map(filling).collect();
        let (entries, later_steps) = places.split_first()?;
        let mut furthest: Option<Journey> = None;
        for &place in entries {
            let entered_at = events[place].at;
            if entry.is_some_and(|span| !span.contains(entered_at)) {
                continue;
            }
            let journey = self.follow(events, place, later_steps);
            if furthest.as_ref().is_none_or(|furthest| journey.reached() > furthest.reached()) {
                let is_whole = journey.reached() == self.steps;
                furthest = Some(journey);
                if is_whole {
                    break;
                }
            }
        }
        furthest
    }

    /// Fills each later step with the first event after that of the step before.
    fn follow(&self, events: &[Event], entry: usize, later_steps: &[Vec<usize>]) -> Journey {
        let entered_at = events[entry].at;
        let mut journey = Journey { at: vec![entered_at] };
        let mut last = entry;
        for places in later_steps {
            let next = places.get(places.partition_point(|&place| place <= last));
            match next {
                Some(&next) if events[next].at - entered_at <= self.within => last = next,
                _ => break,
            }
            journey.at.push(events[last].at);
        }
        journey
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + day * 86_400, 0).unwrap()
    }

    fn event(on: i64, steps: &[usize]) -> Event {
        Event { at: day(on), fills: steps.iter().fold(Steps::NONE, |fills, &step| fills.and(step)) }
    }

    fn funnel(steps: usize, days: i64) -> Funnel {
        Funnel { steps, within: TimeDelta::days(days) }
    }

    #[test]
    fn f1_the_entry_that_leads_furthest_counts() {
        let events = [event(0, &[0]), event(20, &[0]), event(24, &[1])];
        let journey = funnel(2, 7).furthest(&events, None).unwrap();
        assert_eq!(journey.reached(), 2);
        assert_eq!(journey.entered_at(), day(20));
        assert_eq!(journey.time_to(1), Some(TimeDelta::days(4)));
        assert_eq!(journey.at(2), None);
    }

    #[test]
    fn f2_two_events_of_one_day_fill_two_equal_steps() {
        let events = [event(0, &[0]), event(9, &[1, 2]), event(9, &[1, 2]), event(10, &[1, 2])];
        let journey = funnel(3, 10).furthest(&events, None).unwrap();
        assert_eq!(journey.reached(), 3);
        assert_eq!(journey.at(2), Some(day(9)));
    }

    #[test]
    fn f3_one_event_fills_one_step() {
        let journey = funnel(2, 7).furthest(&[event(0, &[0, 1])], None).unwrap();
        assert_eq!(journey.reached(), 1);
    }

    #[test]
    fn the_last_instant_of_the_conversion_window_is_inside() {
        let events = [event(0, &[0]), event(7, &[1])];
        assert_eq!(funnel(2, 7).furthest(&events, None).unwrap().reached(), 2);
        assert_eq!(funnel(2, 6).furthest(&events, None).unwrap().reached(), 1);
    }

    #[test]
    fn an_entry_counts_by_its_own_time_and_later_steps_may_follow_after_the_span() {
        let events = [event(0, &[0]), event(3, &[0]), event(5, &[1])];
        let span = |start, end| Some(Window { start: day(start), end: day(end) });
        let entered = |entry| funnel(2, 7).furthest(&events, entry).map(|journey| journey.entered_at());
        assert_eq!(entered(None), Some(day(0)));
        assert_eq!(entered(span(1, 4)), Some(day(3)));
        assert_eq!(funnel(2, 7).furthest(&events, span(1, 4)).unwrap().reached(), 2);
        assert_eq!(entered(span(1, 3)), None);
        assert_eq!(entered(span(3, 4)), Some(day(3)));
    }

    #[test]
    fn who_does_not_begin_is_not_in_the_funnel() {
        assert_eq!(funnel(2, 7).furthest(&[event(0, &[1])], None), None);
        assert_eq!(funnel(2, 7).furthest(&[], None), None);
        assert_eq!(funnel(0, 7).furthest(&[event(0, &[0])], None), None);
    }

    #[test]
    fn a_step_that_no_funnel_can_have_is_none() {
        assert_eq!(Steps::only(64), Steps::NONE);
        assert!(Steps::only(63).contain(63));
        assert!(!Steps::only(63).contain(64));
    }

    /// Tries every subsequence of the events, the slow way of the definition.
    fn reference(funnel: Funnel, events: &[Event], entry: Option<Window>) -> Option<(usize, DateTime<Utc>)> {
        let mut best: Option<(usize, DateTime<Utc>)> = None;
        for chosen in 1_u32..1 << events.len() {
            let path: Vec<&Event> =
                events.iter().enumerate().filter(|(n, _)| chosen & (1 << n) != 0).map(|(_, e)| e).collect();
            let (first, last) = (path[0], path[path.len() - 1]);
            let fits = path.len() <= funnel.steps
                && path.iter().enumerate().all(|(step, event)| event.fills.contain(step))
                && last.at - first.at <= funnel.within
                && entry.is_none_or(|span| span.contains(first.at));
            let better = |(reached, entered): (usize, DateTime<Utc>)| {
                path.len() > reached || (path.len() == reached && first.at < entered)
            };
            if fits && best.is_none_or(better) {
                best = Some((path.len(), first.at));
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn it_is_what_trying_every_subsequence_finds(
            mut told in proptest::collection::vec((0_i64..12, 0_u64..16), 0..8),
            steps in 1_usize..5,
            days in 0_i64..12,
            span in proptest::option::of((0_i64..12, 0_i64..12)),
        ) {
            told.sort_by_key(|(on, _)| *on);
            let events: Vec<Event> =
                told.iter().map(|&(on, fills)| Event { at: day(on), fills: Steps(fills) }).collect();
            let entry = span.map(|(start, end)| Window { start: day(start), end: day(end) });
            let funnel = funnel(steps, days);
            let journey = funnel.furthest(&events, entry);
            let found = journey.as_ref().map(|journey| (journey.reached(), journey.entered_at()));
            prop_assert_eq!(found, reference(funnel, &events, entry));
            if let Some(journey) = journey {
                prop_assert!(journey.at.is_sorted());
                prop_assert!(journey.time_to(journey.reached() - 1).unwrap() <= funnel.within);
            }
        }
    }
}
