//! What the resolver did so far, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::missing::Kind;

/// Counters that the resolver writes and anybody reads.
#[derive(Debug, Default)]
pub struct Stats {
    kinds: [Counters; Kind::ALL.len()],
    last_error: Mutex<Option<String>>,
}

/// The counters of one kind since the program began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Asked for, each once however often the request was tried.
    pub asked: u64,
    /// Answered, and handed on to be taken in.
    pub answered: u64,
    /// Not there, for this key.
    pub not_found: u64,
    /// Not allowed to this key.
    pub forbidden: u64,
    /// Not answered, or not as it should be.
    pub failed: u64,
    /// Missing in the database when it was last looked for; where there are very many, as of the last minute.
    pub backlog: u64,
}

#[derive(Debug, Default)]
struct Counters {
    asked: AtomicU64,
    answered: AtomicU64,
    not_found: AtomicU64,
    forbidden: AtomicU64,
    failed: AtomicU64,
    backlog: AtomicU64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    NotFound,
    Forbidden,
    Failed,
}

impl Stats {
    /// Reads the counters of one kind.
    pub fn of(&self, kind: Kind) -> Counts {
        let counters = self.counters(kind);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            asked: read(&counters.asked),
            answered: read(&counters.answered),
            not_found: read(&counters.not_found),
            forbidden: read(&counters.forbidden),
            failed: read(&counters.failed),
            backlog: read(&counters.backlog),
        }
    }

    /// Tells what went wrong last, in a sentence that may name a missing permission and never the key.
    pub fn last_error(&self) -> Option<String> {
        self.error().clone()
    }

    pub(crate) fn count(&self, kind: Kind, outcome: Outcome) {
        let counters = self.counters(kind);
        let ended = match outcome {
            Outcome::Answered => &counters.answered,
            Outcome::NotFound => &counters.not_found,
            Outcome::Forbidden => &counters.forbidden,
            Outcome::Failed => &counters.failed,
        };
        counters.asked.fetch_add(1, Ordering::Relaxed);
        ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_backlog(&self, kind: Kind, backlog: u64) {
        self.counters(kind).backlog.store(backlog, Ordering::Relaxed);
    }

    pub(crate) fn set_error(&self, error: String) {
        *self.error() = Some(error);
    }

    fn counters(&self, kind: Kind) -> &Counters {
        &self.kinds[kind as usize]
    }

    fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
