//! A deterministic sample business: the events that Stripe would send for it
//! and the product events of its users.
//!
//! [`world::World`] simulates one Stripe account. It is driven by operations at
//! given instants, emits Stripe's event envelopes in the shape of an old or a
//! new API version, and keeps the truth about payments and subscriptions by
//! itself, so that tests can compare a database with it. [`business::Business`]
//! drives a world through a year of a small product; [`scaled::stripe_events`]
//! makes as many Stripe events as a benchmark asks for.
//!
//! Nothing here reads a clock or a source of randomness: the same seed and the
//! same end give the same bytes. The truth never goes through the code that it
//! is compared with, so this crate prices subscriptions with its own few lines.

pub mod business;
mod random;
pub mod scaled;
pub mod world;
