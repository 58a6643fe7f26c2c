//! What was asked for in vain, and when it is worth asking again.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::missing::Kind;

/// What is missing: kind, connected account, id.
pub(crate) type Key = (Kind, String, String);

/// The memory of a resolver; it forgets when the program ends.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    made: HashMap<Key, Attempt>,
    /// Until when a part of the API is not asked for data of an account.
    closed: HashMap<(&'static str, String), DateTime<Utc>>,
}

#[derive(Debug)]
struct Attempt {
    times: u32,
    next: DateTime<Utc>,
}

const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(1);
/// Some 4 MB. Beyond it things are asked for too early at worst.
const CAPACITY: usize = 20_000;

impl Attempts {
    /// Whether it is worth asking for now.
    pub(crate) fn may(&self, key: &Key, endpoint: &'static str, now: DateTime<Utc>) -> bool {
        self.made.get(key).is_none_or(|attempt| attempt.next <= now) && self.is_open(endpoint, &key.1, now)
    }

    /// Whether our key may read this part of the API for an account, for all that is known.
    pub(crate) fn is_open(&self, endpoint: &'static str, account: &str, now: DateTime<Utc>) -> bool {
        self.closed.get(&(endpoint, account.to_owned())).is_none_or(|until| *until <= now)
    }

    /// Remembers that it was asked for; the pauses grow until it is missing no longer.
    pub(crate) fn made(&mut self, key: Key, now: DateTime<Utc>) {
        self.make_room(now);
        let attempt = self.made.entry(key).or_insert(Attempt { times: 0, next: now });
        let doubled = FIRST_PAUSE * 2_i32.pow(attempt.times.min(12));
        attempt.times += 1;
        attempt.next = now + doubled.min(LONGEST_PAUSE);
    }

    /// Remembers that there is no such object for our key.
    pub(crate) fn in_vain(&mut self, key: Key, now: DateTime<Utc>) {
        self.make_room(now);
        self.made.insert(key, Attempt { times: 0, next: now + LONGEST_PAUSE });
    }

    /// Remembers that our key may not read a part of the API for an account.
    pub(crate) fn close(&mut self, endpoint: &'static str, account: &str, now: DateTime<Utc>) {
        self.closed.retain(|_, until| *until > now);
        self.closed.insert((endpoint, account.to_owned()), now + LONGEST_PAUSE);
    }

    /// Forgets what is due anyway; where nothing is, the half that is due first.
    fn make_room(&mut self, now: DateTime<Utc>) {
        if self.made.len() < CAPACITY {
            return;
        }
        self.made.retain(|_, attempt| attempt.next > now);
        if self.made.len() >= CAPACITY {
            let mut due: Vec<DateTime<Utc>> = self.made.values().map(|attempt| attempt.next).collect();
            due.sort_unstable();
            let median = due[due.len() / 2];
            self.made.retain(|_, attempt| attempt.next > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, CAPACITY};
    use crate::missing::Kind;
    use chrono::{DateTime, TimeDelta, Utc};

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn key(id: &str) -> (Kind, String, String) {
        (Kind::Fee, String::new(), id.to_owned())
    }

    #[test]
    fn pauses_grow_up_to_a_day() {
        let mut attempts = Attempts::default();
        let mut now = NOW;
        for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440, 1440] {
            assert!(attempts.may(&key("a"), "charges", now));
            attempts.made(key("a"), now);
            let due = now + TimeDelta::minutes(minutes);
            assert!(!attempts.may(&key("a"), "charges", due - TimeDelta::microseconds(1)), "{minutes}");
            assert!(attempts.may(&key("b"), "charges", now));
            now = due;
        }
    }

    #[test]
    fn what_is_not_there_is_left_alone_for_a_day() {
        let mut attempts = Attempts::default();
        attempts.in_vain(key("a"), NOW);
        assert!(!attempts.may(&key("a"), "charges", NOW + TimeDelta::hours(23)));
        assert!(attempts.may(&key("a"), "charges", NOW + TimeDelta::days(1)));
    }

    #[test]
    fn a_closed_part_is_closed_for_one_account() {
        let mut attempts = Attempts::default();
        attempts.close("charges", "acct_1", NOW);
        let of_account = |account: &str| (Kind::Fee, account.to_owned(), "a".to_owned());
        assert!(!attempts.may(&of_account("acct_1"), "charges", NOW));
        assert!(attempts.may(&of_account("acct_1"), "payment_intents", NOW));
        assert!(attempts.may(&of_account(""), "charges", NOW));
        assert!(attempts.may(&of_account("acct_1"), "charges", NOW + TimeDelta::days(1)));
    }

    #[test]
    fn the_memory_has_an_end() {
        let mut attempts = Attempts::default();
        for n in 0..3 * CAPACITY {
            attempts.in_vain(key(&n.to_string()), NOW + TimeDelta::milliseconds(i64::try_from(n).unwrap()));
        }
        assert!(attempts.made.len() <= CAPACITY);
        assert!(
            !attempts.may(&key(&(3 * CAPACITY - 1).to_string()), "charges", NOW),
            "the last is remembered"
        );
        let same = || (0..3 * CAPACITY).map(|n| key(&n.to_string()));
        same().for_each(|key| attempts.in_vain(key, NOW));
        assert!(attempts.made.len() <= CAPACITY);
    }
}
