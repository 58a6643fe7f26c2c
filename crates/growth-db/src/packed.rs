//! Many rows in one: what a query that streams them would spend on each row is more than reading it takes.
//!
//! A statement packs a column of a part of its rows with `string_agg(CAST(… AS TEXT), ',')`; this is how the texts of
//! both engines are read again.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::Error as SqlError;

/// Reads an instant as the engines write it as text: `2026-06-29T12:00:00.5+00:00` by SQLite, and by Postgres
/// `2026-06-29 12:00:00.5+00`, in the zone of the session.
///
/// # Errors
///
/// [`SqlError::Decode`] for anything else.
pub fn instant(text: &str) -> Result<DateTime<Utc>, SqlError> {
    read(text).ok_or_else(|| SqlError::Decode(format!("{text:?} is no instant").into()))
}

fn read(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, offset) = rest.split_at_checked(rest.rfind(['+', '-'])?)?;
    let [year, month, day] = numbers(date, '-')?;
    let (whole, fraction) = time.get(1..)?.split_once('.').unwrap_or((time.get(1..)?, ""));
    let [hour, minute, second] = numbers(whole, ':')?;
    let fraction: u32 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").parse().ok()? };
    let day = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)?;
    let local = day.and_hms_micro_opt(hour, minute, second, fraction)?.and_utc();
    let east = offset_seconds(&offset[1..])?;
    local.checked_sub_signed(TimeDelta::seconds(if offset.starts_with('-') { -east } else { east }))
}

/// `02`, `05:30` or `05:53:28`, in seconds.
fn offset_seconds(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text.split(':') {
        seconds += unit * i64::from(part.parse::<u8>().ok()?);
        unit /= 60;
    }
    Some(seconds)
}

/// Three whole numbers, one after the other.
fn numbers(text: &str, between: char) -> Option<[u32; 3]> {
    let mut parts = text.split(between).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_of_both_engines_are_read() {
        let noon = DateTime::from_timestamp(1_782_734_400, 0).unwrap();
        for text in [
            "2026-06-29T12:00:00+00:00",
            "2026-06-29 12:00:00+00",
            "2026-06-29 17:30:00+05:30",
            "2026-06-29 08:30:00-03:30",
        ] {
            assert_eq!(instant(text).unwrap(), noon, "{text}");
        }
        assert_eq!(instant("2026-06-29 12:00:00.25+00").unwrap(), noon + TimeDelta::milliseconds(250));
        for text in [
            "",
            "infinity",
            "2026-06-29",
            "2026-06-29 12:00:00",
            "2026-06-29 12:00+00",
            "2026-13-29 12:00:00+00",
            "2026-06-29 12:00:00+9223372036854775807",
            "262142-12-31 00:00:00-23",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_as_sqlite_has_it_is_read_exactly(seconds in 0_i64..4_102_444_800, micros in 0_u32..1_000_000) {
            let at = DateTime::from_timestamp(seconds, micros * 1000).unwrap();
            prop_assert_eq!(instant(&at.to_rfc3339()).unwrap(), at);
        }

        #[test]
        fn any_text_is_read_or_is_none(text in "[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9:.]{0,20}[-+][0-9:]{0,25}|.*") {
            let _ = instant(&text);
        }
    }
}
