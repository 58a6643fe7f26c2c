//! Several kinds of long work side by side: a bar each on a terminal, a line now and then elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, MultiProgress, ProgressBar};

use super::SAY_EVERY;

/// How fine a bar is.
const STEPS: u64 = 1000;
const UNDER_WAY: &str = "{prefix} {bar:24} {percent:>3} %  {msg}, {eta} left";
const AT_END: &str = "{prefix} {bar:24} {percent:>3} %  {msg}";

/// Work that is being told about; the bars are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Board {
    bars: Option<MultiProgress>,
    rows: Vec<Row>,
    width: usize,
    began: Instant,
    said: Option<Instant>,
}

#[derive(Debug)]
struct Row {
    name: String,
    bar: Option<ProgressBar>,
    done: u64,
    share: f64,
}

impl Board {
    /// Of works in their order; each is shown once something is told of it.
    pub(super) fn new(
        names: impl IntoIterator<Item = String>,
        bars: Option<MultiProgress>,
        say: bool,
    ) -> Self {
        let row = |name| Row { name, bar: None, done: 0, share: 0.0 };
        let rows: Vec<Row> = names.into_iter().map(row).collect();
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        let began = Instant::now();
        Self { bars, rows, width, began, said: say.then_some(began) }
    }

    /// Tells that one of them has done `more` units, and which share of it is done, from 0 to 1.
    pub(crate) fn at(&mut self, name: &str, more: u64, share: f64) {
        let Some(index) = self.rows.iter().position(|row| row.name == name) else { return };
        let place = self.rows[..index].iter().filter(|row| row.bar.is_some()).count();
        let (row, elapsed) = (&mut self.rows[index], self.began.elapsed());
        row.done += more;
        row.share = share;
        if let Some(bars) = &self.bars {
            let bar = row.bar.get_or_insert_with(|| {
                let bar = bars.insert(place, ProgressBar::new(STEPS));
                bar.set_style(super::style(UNDER_WAY));
                bar.set_prefix(format!("{:1$}", row.name, self.width));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_position(steps(share));
            bar.set_message(format!(
                "{} found, {}/s",
                HumanCount(row.done),
                HumanCount(rate(row.done, elapsed))
            ));
            if share >= 1.0 {
                bar.set_style(super::style(AT_END));
                bar.disable_steady_tick();
                bar.abandon();
            }
        }
        self.say_now_and_then();
    }

    /// Writes something else beside the bars.
    pub(crate) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn say_now_and_then(&mut self) {
        if self.said.is_some_and(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            let rows = self.rows.iter().filter(|row| row.share > 0.0 || row.done > 0);
            let told = rows
                .map(|row| format!("{} {} ({} %)", HumanCount(row.done), row.name, steps(row.share) / 10));
            let _ = writeln!(std::io::stderr().lock(), "read {}", told.collect::<Vec<_>>().join(", "));
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            // Bars that cannot be taken away are no reason to fail.
            let _ = bars.clear();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a number of steps from 0 to 1000"
)]
fn steps(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * STEPS as f64) as u64
}

fn rate(done: u64, elapsed: Duration) -> u64 {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    done.saturating_mul(1000) / millis
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{rate, steps};

    #[test]
    fn shares_and_rates_are_whole_numbers() {
        assert_eq!([-1.0, 0.0, 0.4999, 1.0, 2.0].map(steps), [0, 0, 499, 1000, 1000]);
        assert_eq!(rate(50, Duration::from_secs(2)), 25);
        assert_eq!(rate(50, Duration::ZERO), 50_000);
    }
}
