//! growth-stripe.
