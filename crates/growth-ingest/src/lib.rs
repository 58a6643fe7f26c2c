//! growth-ingest.
