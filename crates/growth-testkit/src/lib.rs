//! growth-testkit.
