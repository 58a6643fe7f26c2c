//! What can go wrong with a request.

use std::time::Duration;

/// A request that failed, by what the caller can do about it.
///
/// Messages are Stripe's own words where there are any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such object for this key: asking again is no use.
    #[error("Stripe has no such object: {message}")]
    NotFound {
        /// Stripe's words.
        message: String,
    },
    /// The key lacks a permission, which the message names, or may not see the account.
    #[error("Stripe forbids it: {message}")]
    Forbidden {
        /// Stripe's words.
        message: String,
    },
    /// The key is not valid, or no longer.
    #[error("Stripe does not accept the secret key: {message}")]
    Unauthorized {
        /// Stripe's words.
        message: String,
    },
    /// Too many requests, still after several tries.
    #[error("Stripe asks for fewer requests: {message}")]
    RateLimited {
        /// Stripe's words.
        message: String,
        /// How long it asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// Stripe did not answer or is out of order, still after several tries.
    #[error("Stripe cannot be reached: {message}")]
    Unavailable {
        /// What happened the last time.
        message: String,
    },
    /// Stripe does not do what it was asked, for another reason.
    #[error("Stripe refuses the request ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// `error.code`, such as `parameter_unknown`.
        code: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// The answer is not what the API answers, so it may come from somebody else.
    #[error("the answer is not one of Stripe's API: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {problem}")]
    Unsendable {
        /// Why.
        problem: String,
    },
}
