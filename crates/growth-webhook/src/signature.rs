//! Whether a body is Stripe's: its signature by one of our secrets, over the raw bytes, lately.

use std::fmt;

use stripe_webhook::{Webhook, WebhookError};

use crate::refusal::Refusal;

/// Signing secrets of webhook endpoints; never empty, and none of them blank.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

/// Why a text holds no secrets; it never shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none, or one between two commas is blank: it would accept what anybody signs.
    #[error("secret {position} of {count} is blank")]
    Blank {
        /// Which one, from 1.
        position: usize,
        /// How many there are.
        count: usize,
    },
    /// It is one of the other secrets that Stripe gives.
    #[error(
        "secret {position} of {count} is an API key: a webhook endpoint's signing secret begins with whsec_"
    )]
    ApiKey {
        /// Which one, from 1.
        position: usize,
        /// How many there are.
        count: usize,
    },
}

/// How Stripe's other keys begin.
const API_KEYS: [&str; 3] = ["sk_", "rk_", "pk_"];

/// How deeply the JSON of an event may be nested. Those that Stripe sends are not half as deep; the library that
/// verifies signatures reads what is signed into types of its own, and needs more stack for each level than a thread
/// has for very many.
const DEEPEST: usize = 32;

/// How many seconds a signature may be old, or early.
const TOLERANCE: u64 = 300;

/// Seconds that no clock shows. Inside of them, no difference between two times overflows.
const FAR: i64 = 1 << 40;

impl Secrets {
    /// Reads secrets that are separated by commas.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let secrets: Vec<String> = text.split(',').map(|secret| secret.trim().to_owned()).collect();
        let count = secrets.len();
        for (secret, position) in secrets.iter().zip(1..) {
            if secret.is_empty() {
                return Err(SecretError::Blank { position, count });
            }
            if API_KEYS.iter().any(|prefix| secret.starts_with(prefix)) {
                return Err(SecretError::ApiKey { position, count });
            }
        }
        Ok(Self(secrets))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Refuses a body that none of the secrets signed within five minutes of `now`, in unix seconds.
    pub(crate) fn verify(&self, body: &str, header: &str, now: i64) -> Result<(), Refusal> {
        if depth(body) > DEEPEST {
            return Err(Refusal::TooDeep);
        }
        let mut refusal = Refusal::WrongSignature;
        for secret in &self.0 {
            match Webhook::construct_event_with_timestamp(body, header, secret, now) {
                // Signature and time are looked at before the body is read, and the body is read by ourselves.
                Ok(_) | Err(WebhookError::BadParse(_)) => return Ok(()),
                // Its time was looked at before, but it is for the library to say which signatures count.
                Err(WebhookError::BadTimestamp(_)) => refusal = Refusal::OldSignature,
                Err(WebhookError::BadSignature | WebhookError::BadKey) => {}
                Err(WebhookError::BadHeader(_)) => return Err(Refusal::MalformedSignature),
            }
        }
        Err(refusal)
    }
}

/// Refuses a header that no body could go with: one that is not of the form of a signature, or not of this time.
pub(crate) fn look_at(header: &str, now: i64) -> Result<(), Refusal> {
    let signed_at = signed_at(header).ok_or(Refusal::MalformedSignature)?;
    if signed_at.abs_diff(now) <= TOLERANCE {
        Ok(())
    } else if signed_at > now {
        Err(Refusal::FutureSignature)
    } else {
        Err(Refusal::OldSignature)
    }
}

/// How deeply a text is nested that may be JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// When the header says it was made; nothing for a header that is not of the form `t=…,v1=…`.
fn signed_at(header: &str) -> Option<i64> {
    let mut at = None;
    let mut signed = false;
    for pair in header.split(',') {
        match pair.split_once('=')? {
            ("t", time) => at = Some(time.parse::<i64>().ok().filter(|time| (-FAR..FAR).contains(time))?),
            ("v1", _) => signed = true,
            _ => {}
        }
    }
    at.filter(|_| signed)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        for (text, expected) in [
            ("", 0),
            ("{}", 1),
            (r#"{"a":[{"b":1},[[]]]}"#, 4),
            (r#"{"[[[[":"{{{{\"[[["}"#, 1),
            (r#"{"a\\":[]}"#, 2),
            ("]]]][[", 2),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
