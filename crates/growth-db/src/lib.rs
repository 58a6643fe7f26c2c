//! growth-db.
