//! Faults by chance, the same ones for the same seed.

use super::Fault;

/// The odds, and where chance stands.
#[derive(Debug)]
pub(super) struct Weather {
    state: u64,
    faults: Vec<(u64, Fault)>,
}

impl Weather {
    pub(super) fn new(seed: u64, faults: &[(u64, Fault)]) -> Self {
        Self { state: seed, faults: faults.to_vec() }
    }

    /// What goes wrong with the next request, if anything.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let mut drawn = self.draw() % 100;
        for (percent, fault) in &self.faults {
            if drawn < *percent {
                return Some(fault.clone());
            }
            drawn -= percent;
        }
        None
    }

    /// The next number of the sequence that is known as `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
