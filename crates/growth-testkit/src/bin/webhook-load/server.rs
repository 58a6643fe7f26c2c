//! The server that events are posted to, and the clock that they are signed with.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use growth_testkit::signed;

/// Where a webhook server is, and what it expects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) secret: String,
}

impl Server {
    /// Reads `http://ADDRESS:PORT/PATH`.
    pub(crate) fn parse(url: &str, secret: String) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let slash = rest.find('/')?;
        Some(Self { address: rest[..slash].parse().ok()?, path: rest[slash..].to_owned(), secret })
    }

    /// Signs a body with the time of now.
    pub(crate) fn sign(&self, body: &[u8]) -> String {
        #[expect(clippy::disallowed_methods, reason = "the one place where this program reads the clock")]
        let now = SystemTime::now();
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        signed::signature(&self.secret, i64::try_from(now).unwrap_or(i64::MAX), body)
    }
}
