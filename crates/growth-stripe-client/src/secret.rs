//! The key that opens an account.

use std::fmt;
use std::str::FromStr;

/// A secret or restricted key of Stripe's, which no text shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    text: String,
    livemode: bool,
}

/// A text that is no secret key. The text itself is not part of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing but blanks.
    #[error("the Stripe secret key is blank")]
    Blank,
    /// It cannot be sent.
    #[error("the Stripe secret key has characters that no key has")]
    Characters,
    /// It is another kind of key, or none.
    #[error(
        "this is no Stripe secret key: one begins with rk_live_, rk_test_, sk_live_ or sk_test_ \
         (pk_ is a publishable key, whsec_ a webhook's secret)"
    )]
    Kind,
}

impl SecretKey {
    /// Tells whether it opens live data, by its beginning.
    pub fn livemode(&self) -> bool {
        self.livemode
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Takes the key out of a text that somebody else wrote.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.text, REDACTED)
    }
}

const REDACTED: &str = "(secret key)";

impl FromStr for SecretKey {
    type Err = SecretError;

    /// Reads a key; blanks around it, such as the end of a file's line, are no part of it.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Blank);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::Characters);
        }
        let begins_with = |kinds: [&str; 2]| {
            kinds.iter().any(|kind| text.strip_prefix(kind).is_some_and(|rest| !rest.is_empty()))
        };
        let livemode = begins_with(["rk_live_", "sk_live_"]);
        if !livemode && !begins_with(["rk_test_", "sk_test_"]) {
            return Err(SecretError::Kind);
        }
        Ok(Self { text: text.to_owned(), livemode })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
