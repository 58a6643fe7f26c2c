//! growth-metrics.
