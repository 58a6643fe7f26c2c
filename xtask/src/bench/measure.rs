//! What one run of a program costs: time, processor and memory.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process;

/// The unit of the times in `/proc`, which is the same on every architecture that Linux runs on.
const TICKS_PER_SECOND: u64 = 100;
const SAMPLING: Duration = Duration::from_millis(20);

/// The cost of one run.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// From its start to its end.
    pub(super) elapsed: Duration,
    /// User and system time of the program and its children; only on Linux.
    pub(super) cpu: Option<Duration>,
    /// The most memory it was resident with, of what was sampled every 20 ms; only on Linux.
    pub(super) peak_kib: Option<u64>,
}

/// Runs a program and measures it; one that fails is an error with what it said.
pub(super) fn run(command: &mut Command) -> Result<Cost> {
    run_and_read(command).map(|(cost, _)| cost)
}

/// Runs a program and measures it, and returns what it wrote to standard output.
pub(super) fn run_and_read(command: &mut Command) -> Result<(Cost, String)> {
    let shown = process::shown(command);
    let before = cpu_of_children();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{shown}`"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pid = child.id();
    let ended = AtomicBool::new(false);
    let (elapsed, status, written, said, peak_kib) = thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = None;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(resident_kib(pid));
                thread::sleep(SAMPLING);
            }
            peak
        });
        let written = scope.spawn(|| stdout.map_or(Ok(String::new()), std::io::read_to_string));
        let said = scope.spawn(|| stderr.map_or(Ok(String::new()), std::io::read_to_string));
        let status = child.wait();
        let elapsed = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        (elapsed, status, written.join(), said.join(), sampler.join())
    });
    let [written, said] = [written, said].map(|text| text.ok().and_then(Result::ok).unwrap_or_default());
    if !status?.success() {
        bail!("`{shown}` failed: {}", said.trim());
    }
    let cpu = cpu_of_children().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok((Cost { elapsed, cpu, peak_kib: peak_kib.ok().flatten() }, written))
}

/// Returns the run of the middle time.
pub(super) fn median(costs: Vec<Cost>) -> Option<Cost> {
    middle(costs, |cost| cost.elapsed.as_secs_f64())
}

/// Returns the one of the middle value.
pub(super) fn middle<T>(mut runs: Vec<T>, value: impl Fn(&T) -> f64) -> Option<T> {
    runs.sort_by(|one, other| value(one).total_cmp(&value(other)));
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle)
}

/// Reads the high-water mark of a process's memory; only on Linux.
pub(super) fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Reads the processor time of all children that have ended.
fn cpu_of_children() -> Option<Duration> {
    cpu("self", CHILDREN)
}

/// Reads the processor time that a process has used so far, without its children; only on Linux.
pub(super) fn cpu_of(pid: u32) -> Option<Duration> {
    cpu(&pid.to_string(), OWN)
}

/// Where utime and stime stand behind the name of the program, and where cutime and cstime.
const OWN: usize = 11;
const CHILDREN: usize = 13;

fn cpu(process: &str, fields_before: usize) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(fields_before);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Cost, cpu_of, median, resident_kib, run};

    #[test]
    fn a_busy_program_costs_time_and_processor() {
        let cost = run(Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]));
        let cost = cost.expect("sh runs");
        assert!(cost.elapsed > Duration::from_millis(20), "{:?}", cost.elapsed);
        if cfg!(target_os = "linux") {
            assert!(cost.cpu > Some(Duration::ZERO) && cost.peak_kib > Some(100));
        }
    }

    #[test]
    fn a_running_program_is_looked_into() {
        if cfg!(target_os = "linux") {
            let own = std::process::id();
            assert!(cpu_of(own).is_some() && resident_kib(own) > Some(100));
        }
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let error = run(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).err();
        assert!(error.expect("an error").to_string().ends_with("failed: no such thing"));
    }

    #[test]
    fn the_median_is_one_of_the_runs() {
        let costs =
            [30, 10, 20].map(|ms| Cost { elapsed: Duration::from_millis(ms), cpu: None, peak_kib: None });
        assert_eq!(median(costs.to_vec()).expect("one").elapsed, Duration::from_millis(20));
        assert!(median(Vec::new()).is_none());
    }
}
