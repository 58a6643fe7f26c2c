//! Product events as an application tells them: mostly work with the product, by users of whom some do much.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use crate::arguments::Lines;

/// The names of events, as often as they are.
const NAMES: [&str; 16] = [
    "page_viewed",
    "page_viewed",
    "page_viewed",
    "page_viewed",
    "search_performed",
    "search_performed",
    "search_performed",
    "enrichment_started",
    "enrichment_completed",
    "enrichment_completed",
    "feature_used",
    "feature_used",
    "export_csv_completed",
    "api_request",
    "user_logged_in",
    "pitch_generated",
];
/// 2026-07-01T00:00:00Z, the first of the 90 days.
const BEGIN: i64 = 1_782_864_000;
const MICROSECONDS: u64 = 90 * 24 * 3600 * 1_000_000;

/// Writes a file of events, in the order of their times.
pub(crate) fn write(lines: &Lines) -> Result<Value> {
    let shown = lines.file.display();
    let file = File::create(&lines.file).with_context(|| format!("cannot write {shown}"))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    for number in 0..lines.count {
        let mut random = Random(number);
        let at = MICROSECONDS / lines.count * number;
        let event = Event::new(&mut random, lines.users);
        let line = json!({
            "id": format!("e-{number:09}"),
            "event": event.name,
            "user": event.user,
            "at": instant(at + random.below(1_000)),
            "app": event.app,
            "session": event.session,
            "duration_ms": event.duration_ms,
            "properties": event.properties,
        });
        serde_json::to_writer(&mut file, &line).with_context(|| format!("cannot write {shown}"))?;
        file.write_all(b"\n").with_context(|| format!("cannot write {shown}"))?;
    }
    file.flush().with_context(|| format!("cannot write {shown}"))?;
    Ok(json!({"events": lines.count}))
}

/// What happened.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) user: String,
    pub(crate) app: &'static str,
    pub(crate) session: String,
    pub(crate) duration_ms: u64,
    pub(crate) properties: Value,
}

impl Event {
    pub(crate) fn new(random: &mut Random, users: u64) -> Self {
        // The square makes a few users busy and most of them rare.
        let part = random.below(1 << 20);
        let user = (((part * part) >> 20) * users) >> 20;
        let name = pick(random, &NAMES);
        let plan = pick(random, &["free", "pro", "label"]);
        let mut properties = json!({"plan": plan, "page": random.below(400)});
        if name == "enrichment_completed" {
            properties["contacts"] = random.below(50).into();
        }
        Self {
            name,
            user: format!("user-{user:07}"),
            app: pick(random, &["enrich", "tracker"]),
            session: format!("s-{user}-{}", random.below(20)),
            duration_ms: random.below(3_000),
            properties,
        }
    }
}

fn pick(random: &mut Random, words: &[&'static str]) -> &'static str {
    usize::try_from(random.below(words.len() as u64))
        .ok()
        .and_then(|n| words.get(n))
        .copied()
        .unwrap_or_default()
}

/// So many microseconds after the beginning.
pub(crate) fn instant(microseconds: u64) -> String {
    let begin = DateTime::from_timestamp(BEGIN, 0).unwrap_or_default();
    let since = TimeDelta::microseconds(i64::try_from(microseconds).unwrap_or_default());
    (begin + since).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Numbers that look like chance and are the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}
