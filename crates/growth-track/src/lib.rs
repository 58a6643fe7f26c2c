//! growth-track.
