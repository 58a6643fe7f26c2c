//! Events, users and usage on both engines.

#![cfg(test)]

mod batches;
mod concurrency;
mod forgetting;
mod rollups;
mod samples;
mod time_zone;
mod tracker;
mod usage;
mod users;
mod visitors;
