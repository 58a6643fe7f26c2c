//! Receives Stripe's webhooks.
