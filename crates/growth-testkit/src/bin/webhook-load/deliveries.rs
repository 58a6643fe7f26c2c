//! The order in which events are sent: seeded, wild, with some of them several times.

/// How often one event is sent at most without any failure.
const COPIES: u64 = 4;

/// Returns the numbers of the events in the order in which they are sent.
///
/// An event is sent up to a quarter of the whole history late. Of a hundred, so many as `duplicates` are sent again at
/// some other place, before or after.
pub(crate) fn order(events: usize, random: &mut Random, duplicates: u64) -> Vec<usize> {
    let window = (events / 4).max(16) as u64;
    let mut places = Vec::with_capacity(events * 2);
    for event in 0..events {
        for copy in 0..COPIES {
            if copy > 0 && random.below(100) >= duplicates {
                break;
            }
            places.push((event as u64 + random.below(window), random.next(), event));
        }
    }
    places.sort_unstable();
    places.into_iter().map(|(_, _, event)| event).collect()
}

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below a limit above 0; how slightly uneven it is does not matter here.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[cfg(test)]
mod tests {
    use super::{COPIES, Random, order};

    #[test]
    fn every_event_is_sent_and_some_are_sent_again() {
        let sent = order(1_000, &mut Random(1), 20);
        let mut times = [0; 1_000];
        for event in &sent {
            times[*event] += 1;
        }
        assert!(times.iter().all(|n| (1..=COPIES).contains(n)));
        assert!((1_150..1_350).contains(&sent.len()), "{}", sent.len());
        let far = sent.iter().enumerate().filter(|(place, event)| place.abs_diff(**event) > 50).count();
        assert!(far > 500, "{far}");
    }

    #[test]
    fn without_duplicates_it_is_a_permutation() {
        let mut sent = order(500, &mut Random(2), 0);
        assert_ne!(sent, (0..500).collect::<Vec<_>>());
        sent.sort_unstable();
        assert_eq!(sent, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn a_seed_tells_the_order() {
        assert_eq!(order(100, &mut Random(3), 30), order(100, &mut Random(3), 30));
        assert_ne!(order(100, &mut Random(3), 30), order(100, &mut Random(4), 30));
        assert_eq!(order(1, &mut Random(5), 100), [0; 4]);
    }
}
