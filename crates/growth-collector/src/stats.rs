//! What the collector counts.

use std::sync::atomic::{AtomicU64, Ordering};

use growth_track::{Recorded, Written};

/// What the collector has counted since its start.
#[derive(Debug, Default)]
pub struct Stats {
    stored: AtomicU64,
    duplicates: AtomicU64,
    erased: AtomicU64,
    rejected: AtomicU64,
    requests: [AtomicU64; OUTCOMES.len()],
}

/// What becomes of a request.
const OUTCOMES: [&str; 8] =
    ["taken", "bad_body", "unknown_key", "too_large", "too_slow", "cut_off", "busy", "not_stored"];

impl Stats {
    /// How many calls there were, by what became of them.
    pub fn calls(&self) -> [(&'static str, u64); 4] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("stored", read(&self.stored)),
            ("duplicate", read(&self.duplicates)),
            ("erased", read(&self.erased)),
            ("rejected", read(&self.rejected)),
        ]
    }

    /// How many requests there were, by what became of them.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.into_iter().zip(self.requests.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(crate) fn add(&self, written: &Written) {
        self.add_recorded(&written.events);
        self.add_recorded(&written.identities);
    }

    fn add_recorded(&self, recorded: &Recorded) {
        let add = |count: &AtomicU64, more: usize| count.fetch_add(more as u64, Ordering::Relaxed);
        add(&self.stored, recorded.stored);
        add(&self.duplicates, recorded.duplicates);
        add(&self.erased, recorded.erased);
        add(&self.rejected, recorded.rejected.len());
    }

    pub(crate) fn reject(&self, calls: usize) {
        self.rejected.fetch_add(calls as u64, Ordering::Relaxed);
    }

    pub(crate) fn request(&self, outcome: &str) {
        let counts = OUTCOMES.into_iter().zip(&self.requests);
        for (_, count) in counts.filter(|(name, _)| *name == outcome) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
