//! The databases that tests are given.

mod databases;
