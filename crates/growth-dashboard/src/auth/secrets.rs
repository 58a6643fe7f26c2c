//! Random texts, their digests, and comparing those.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// SHA-256 of a secret.
pub(crate) type Print = [u8; 32];

/// What is known of a secret without knowing it.
pub(crate) fn print(secret: &str) -> Print {
    Sha256::digest(secret).into()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// So many random bytes of the system.
///
/// # Panics
///
/// Where the system has none: what is secret must not be guessed.
pub(crate) fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Whether two digests are the same, in a time that tells nothing of where they differ.
pub(crate) fn same(a: &Print, b: &Print) -> bool {
    a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// Whether a text is hexadecimal in lower case, of this length.
pub(crate) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
