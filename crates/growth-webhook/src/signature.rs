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
        let signed_at = signed_at(header).ok_or(Refusal::MalformedSignature)?;
        let mut refusal = Refusal::WrongSignature;
        for secret in &self.0 {
            match Webhook::construct_event_with_timestamp(body, header, secret, now) {
                // Signature and time are looked at before the body is read, and the body is read by ourselves.
                Ok(_) | Err(WebhookError::BadParse(_)) => return Ok(()),
                Err(WebhookError::BadTimestamp(_)) if signed_at > now => refusal = Refusal::FutureSignature,
                Err(WebhookError::BadTimestamp(_)) => refusal = Refusal::OldSignature,
                Err(WebhookError::BadSignature | WebhookError::BadKey) => {}
                Err(WebhookError::BadHeader(_)) => return Err(Refusal::MalformedSignature),
            }
        }
        Err(refusal)
    }
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
