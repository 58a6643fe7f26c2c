//! Reading Stripe's API: one object or list at a time, within its limits.
//!
//! A [`Client`] asks for what `growth-stripe` can read and gives it back as
//! the JSON that Stripe answered. It keeps to a rate, tries again what is worth
//! trying again, and tells what went wrong by what the caller can do about it.
//!
//! Requests and the API version are those of async-stripe. Its own HTTP client
//! is not used: it keeps the headers of an answer to itself, `Retry-After`
//! among them, and the status of an answer that is no JSON, and it opens a
//! connection for every request.
//!
//! What this crate refuses to do: it changes nothing at Stripe, reads no
//! environment, and stores nothing. It tells the server's time, not its own.
//!
//! Invariants:
//!
//! * The secret key is in no error, log line or `Debug` text.
//! * Every request ends: there is a limit to its time, to the size of its
//!   answer and to how often it is tried.

mod client;
mod error;
mod limiter;
mod secret;
mod settings;
mod transport;

pub use client::{Client, Page};
pub use error::Error;
pub use secret::{SecretError, SecretKey};
pub use settings::{Retries, Settings, SettingsError};
