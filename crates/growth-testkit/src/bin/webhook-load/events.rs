//! Recorded events, one JSON object a line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use growth_db::rows::{EventState, StripeEventRow};
use hyper::body::Bytes;
use serde_json::Value;

/// Reads the first lines of a file, or all.
pub(crate) fn read(file: &Path, limit: Option<usize>) -> Result<Vec<Bytes>> {
    let text = Bytes::from(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events: Vec<Bytes> =
        lines.map(|line| text.slice_ref(line)).take(limit.unwrap_or(usize::MAX)).collect();
    let wanted = limit.unwrap_or(1);
    ensure!(events.len() >= wanted, "{} holds {} of {wanted} events", file.display(), events.len());
    Ok(events)
}

/// Parses an event.
pub(crate) fn parse(event: &[u8]) -> Result<Value> {
    serde_json::from_slice(event).context("an event is no JSON")
}

/// Returns an event's id.
pub(crate) fn id(event: &[u8]) -> Result<String> {
    let event = parse(event)?;
    event["id"].as_str().map(str::to_owned).context("an event has no id")
}

/// Returns the event as if its object were of another kind.
pub(crate) fn about(kind: &str, event: &[u8]) -> Result<Bytes> {
    let mut event = parse(event)?;
    event["type"] = format!("{kind}.updated").into();
    event["data"]["object"]["object"] = kind.into();
    Ok(event.to_string().into())
}

/// Returns the row under which an event waits for being applied.
pub(crate) fn row(event: &[u8], received_at: DateTime<Utc>) -> Result<StripeEventRow> {
    let payload = str::from_utf8(event).context("an event is no UTF-8")?.to_owned();
    let event = parse(event)?;
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    let created = event["created"].as_i64().and_then(|at| DateTime::from_timestamp(at, 0));
    Ok(StripeEventRow {
        account: text("account").unwrap_or_default(),
        livemode: event["livemode"].as_bool().context("an event does not say whether it is live")?,
        id: text("id").context("an event has no id")?,
        event_type: text("type").context("an event has no type")?,
        created: created.context("an event has no time")?,
        api_version: text("api_version"),
        source: "webhook".to_owned(),
        received_at,
        state: EventState::Pending.as_str().to_owned(),
        attempts: 0,
        last_error: None,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{about, id, parse, read, row};

    const EVENT: &[u8] =
        br#"{"id":"evt_1","object":"event","created":7,"livemode":true,"api_version":null,"type":"invoice.paid"}"#;

    #[test]
    fn an_event_becomes_a_row_that_waits() {
        let row = row(EVENT, DateTime::UNIX_EPOCH).expect("a row");
        assert_eq!((row.id.as_str(), row.account.as_str(), row.livemode), ("evt_1", "", true));
        assert_eq!(
            (row.event_type.as_str(), row.created.timestamp(), row.api_version),
            ("invoice.paid", 7, None)
        );
        assert_eq!((row.state.as_str(), row.payload.as_bytes()), ("pending", EVENT));
    }

    #[test]
    fn the_kind_alone_is_replaced() {
        let other = about("topup", EVENT).expect("an event");
        assert_eq!(id(&other).expect("an id"), "evt_1");
        assert_eq!(row(&other, DateTime::UNIX_EPOCH).expect("a row").event_type, "topup.updated");
        assert_eq!(parse(&other).expect("JSON")["data"]["object"]["object"], "topup");
    }

    #[test]
    fn a_file_with_too_few_events_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("events.ndjson");
        std::fs::write(&file, [EVENT, b"\n", EVENT, b"\n\n"].concat()).expect("a file");
        assert_eq!(read(&file, None).expect("events"), [EVENT, EVENT]);
        assert_eq!(read(&file, Some(1)).expect("events").len(), 1);
        assert!(read(&file, Some(3)).expect_err("too few").to_string().ends_with("holds 2 of 3 events"));
    }
}
