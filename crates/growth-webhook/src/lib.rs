//! Receives Stripe's webhooks: durable before the answer, applied right after it.
//!
//! [`Server`] answers `POST /webhooks/stripe` and `POST /api/webhooks/stripe`,
//! `GET /healthz` and `GET /readyz`, and, on an address of its own, `GET /metrics`.
//! Behind it, writers store what came, and a projector applies what is stored.
//!
//! What this crate refuses to do: it reads no clock, no environment and no
//! file, it opens no listener and installs no logger; the caller hands them in.
//!
//! Invariants:
//!
//! * 200 means that the event is committed. Nothing stands between an event and
//!   its commit but its signature: no call over the network, no projection.
//! * A body counts only after its signature over the raw bytes was verified.
//! * No secret, signature or body is ever logged or sent.
//! * Memory is bounded: by the connections, the bytes of bodies, and the queue.
//! * Trouble with the database is answered with 503, so that Stripe sends again,
//!   and ends nothing.

mod health;
mod metrics;
mod projector;
mod refusal;
mod server;
mod signature;
mod webhook;
mod writers;

pub use metrics::Metrics;
pub use server::{Clock, Listeners, Server, Settings};
pub use signature::{SecretError, Secrets};
