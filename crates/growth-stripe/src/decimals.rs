//! Decimal numbers as text, the way Stripe writes percents and fractions of a minor unit.

use serde_json::Value;

/// Digits after the point that [`sum`] can hold; Stripe writes at most twelve.
const PLACES: usize = 12;

/// Reads a decimal number from text or from a JSON number; `None` when it is neither.
pub(crate) fn read(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => is_decimal(text).then(|| text.clone()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(|float| float.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Adds decimal numbers exactly; `None` when one of them has too many digits.
pub(crate) fn sum(terms: &[String]) -> Option<String> {
    let mut total = 0_i128;
    for term in terms {
        total = total.checked_add(scaled(term)?)?;
    }
    let sign = if total < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", total.unsigned_abs(), width = PLACES + 1);
    let (whole, fraction) = digits.split_at(digits.len() - PLACES);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

fn scaled(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > PLACES {
        return None;
    }
    format!("{whole}{fraction:0<PLACES$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_and_numbers_are_decimals_and_words_are_not() {
        for (value, expected) in [
            (json!("0.5"), Some("0.5")),
            (json!("-12"), Some("-12")),
            (json!(25.5), Some("25.5")),
            (json!(50.0), Some("50")),
            (json!(20), Some("20")),
            (json!(""), None),
            (json!("1e3"), None),
            (json!("1."), None),
            (json!(".5"), None),
            (json!("12,5"), None),
            (json!(true), None),
        ] {
            assert_eq!(read(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let sum = |terms: &[&str]| sum(&terms.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(sum(&["0.1", "0.2"]).as_deref(), Some("0.3"));
        assert_eq!(sum(&["7.25", "8.875", "-0.125"]).as_deref(), Some("16"));
        assert_eq!(sum(&["-0.5"]).as_deref(), Some("-0.5"));
        assert_eq!(sum(&[]).as_deref(), Some("0"));
        assert_eq!(sum(&["0.0000000000001"]), None);
        assert_eq!(sum(&["9".repeat(60).as_str()]), None);
    }
}
