//! growth-report.
