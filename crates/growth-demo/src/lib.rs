//! growth-demo.
