//! Ids that look like Stripe's and never repeat.

use chrono::{DateTime, Utc};

use crate::random::Random;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many values five digits have, and so how many ids one world can make.
const SEQUENCES: u64 = 62_u64.pow(5);

/// Has no factor in common with [`SEQUENCES`], so that multiplying by it scatters the sequence without a repeat.
const SCATTER: u64 = 387_420_491;

/// The source of one account's ids.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    random: Random,
    account: String,
    offset: u64,
    used: u64,
}

impl Ids {
    pub(super) fn new(mut random: Random) -> Self {
        let account = digits(&mut random, 10);
        let offset = random.below(SEQUENCES);
        Self { random, account, offset, used: 0 }
    }

    /// Makes an id like `in_1SRzqxKXBGcbgpbZOY0ZtMPY`: generation, time, account, then what makes it unique.
    ///
    /// The unique part lies within the first 25 characters of an invoice's id,
    /// which is as much as `payment_details.order_reference` keeps.
    pub(super) fn stamped(&mut self, prefix: &str, generation: char, at: DateTime<Utc>) -> String {
        let time = u64::try_from(at.timestamp()).unwrap_or(0) % SEQUENCES;
        let unique = self.unique();
        let tail = digits(&mut self.random, 3);
        format!("{prefix}_{generation}{}{}{unique}{tail}", number(time), self.account)
    }

    /// Makes an id like `cus_TOnR0Lf2celqmf`.
    pub(super) fn short(&mut self, prefix: &str) -> String {
        let head = digits(&mut self.random, 9);
        format!("{prefix}_{head}{}", self.unique())
    }

    /// Makes an id of a checkout session, like `cs_live_a1` and 56 more characters.
    pub(super) fn session(&mut self, livemode: bool) -> String {
        let mode = if livemode { "live" } else { "test" };
        let head = digits(&mut self.random, 51);
        format!("cs_{mode}_a1{head}{}", self.unique())
    }

    /// Makes a number of an invoice, like `A1B2C3D4-0007`.
    pub(super) fn invoice_number(&mut self) -> String {
        let head = digits(&mut self.random, 8).to_uppercase();
        format!("{head}-{:04}", self.random.between(1, 30))
    }

    fn unique(&mut self) -> String {
        self.used += 1;
        number((self.used * SCATTER + self.offset) % SEQUENCES)
    }
}

/// Writes a number below [`SEQUENCES`] with five digits.
fn number(mut value: u64) -> String {
    let mut text = [b'0'; 5];
    for place in text.iter_mut().rev() {
        *place = DIGITS[usize::try_from(value % 62).unwrap_or(0)];
        value /= 62;
    }
    text.iter().map(|digit| char::from(*digit)).collect()
}

fn digits(random: &mut Random, length: usize) -> String {
    (0..length).map(|_| char::from(random.pick(DIGITS))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn invoice_ids_are_unique_in_their_first_25_characters() {
        let mut ids = Ids::new(Random::new(3));
        let made: Vec<String> =
            (0..50_000).map(|_| ids.stamped("in", '1', DateTime::<Utc>::default())).collect();
        assert!(made.iter().all(|id| id.len() == 27));
        let heads: BTreeSet<&str> = made.iter().map(|id| &id[..25]).collect();
        assert_eq!(heads.len(), made.len());
    }

    #[test]
    fn ids_have_stripes_lengths() {
        let mut ids = Ids::new(Random::new(3));
        assert_eq!(ids.short("cus").len(), 18);
        assert_eq!(ids.session(true).len(), 66);
    }
}
