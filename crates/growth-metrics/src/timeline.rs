//! A sum that changes over time, at some instants.

use std::ops::AddAssign;

use chrono::{DateTime, Utc};

/// What changes come to before each of some instants, which are in order.
#[derive(Debug)]
pub(crate) struct Timeline<'a, T> {
    instants: &'a [DateTime<Utc>],
    changes: Vec<T>,
}

impl<'a, T: AddAssign + Copy + Default> Timeline<'a, T> {
    pub(crate) fn new(instants: &'a [DateTime<Utc>]) -> Self {
        Self { instants, changes: vec![T::default(); instants.len()] }
    }

    /// Adds a change; one at an instant or after the last one is not before it.
    pub(crate) fn add(&mut self, at: DateTime<Utc>, change: T) {
        let next = self.instants.partition_point(|instant| *instant <= at);
        if let Some(sum) = self.changes.get_mut(next) {
            *sum += change;
        }
    }

    pub(crate) fn instants(&self) -> &'a [DateTime<Utc>] {
        self.instants
    }

    /// The sum before each instant.
    pub(crate) fn sums(&self) -> Vec<T> {
        let mut sum = T::default();
        let add = |change: &T| {
            sum += *change;
            sum
        };
        self.changes.iter().map(add).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use growth_domain::money::Micros;

    use super::*;

    #[test]
    fn a_change_counts_from_the_first_instant_after_it() {
        let at = |hour| DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
        let instants = [at(1), at(2), at(3)];
        let mut timeline = Timeline::new(&instants);
        for (hour, change) in [(0, 5), (1, 7), (2, -2), (3, 100)] {
            timeline.add(at(hour), Micros(change));
        }
        assert_eq!(timeline.sums(), [Micros(5), Micros(12), Micros(10)]);
    }
}
