//! What a run cost, as one JSON object.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The unit of the times in `/proc`, which is the same on every architecture that Linux runs on.
const TICKS_PER_SECOND: u64 = 100;

/// What one of several tasks saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    latencies: Vec<Duration>,
    outcomes: BTreeMap<String, u64>,
}

impl Seen {
    /// Counts something that was begun at a time and has ended now.
    pub(crate) fn count(&mut self, begun: Instant, outcome: impl Into<String>) {
        self.latencies.push(begun.elapsed());
        *self.outcomes.entry(outcome.into()).or_default() += 1;
    }

    /// Adds what another task saw.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (outcome, n) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += n;
        }
    }
}

/// The clock and the processor's time at the start of a run.
pub(crate) struct Stopwatch {
    start: Instant,
    cpu: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu() }
    }

    /// Sums a run up that ends now.
    pub(crate) fn stop(&self, seen: Seen) -> Value {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = cpu().zip(self.cpu).map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        let Seen { mut latencies, outcomes } = seen;
        latencies.sort_unstable();
        let at = |percent| quantile(&latencies, percent).map(|latency| latency.as_secs_f64() * 1e3);
        json!({
            "requests": latencies.len(),
            "statuses": outcomes,
            "seconds": seconds,
            "p50_ms": at(50),
            "p99_ms": at(99),
            "max_ms": at(100),
            "cpu_seconds": cpu,
        })
    }
}

/// The smallest value that so many of a hundred do not exceed.
fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Reads the processor time of this process; only on Linux.
fn cpu() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold anything; utime and stime are the 12th and 13th
    // field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Seen, Stopwatch, quantile};

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let hundred: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&hundred, 50), Some(Duration::from_millis(50)));
        assert_eq!(quantile(&hundred, 99), Some(Duration::from_millis(99)));
        assert_eq!(quantile(&hundred[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn tasks_add_up() {
        let stopwatch = Stopwatch::start();
        let (mut seen, mut other) = (Seen::default(), Seen::default());
        seen.count(Instant::now(), "200");
        other.count(Instant::now(), "200");
        other.count(Instant::now(), "503");
        seen.add(other);
        let result = stopwatch.stop(seen);
        assert_eq!(
            (&result["requests"], &result["statuses"]["200"], &result["statuses"]["503"]),
            (&3.into(), &2.into(), &1.into())
        );
    }
}
