//! Asks Stripe for what its events cannot carry.
