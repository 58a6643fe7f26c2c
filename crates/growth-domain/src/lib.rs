//! The pure rules of growthctl: what money, MRR, a movement, a payment and an
//! attribution are.
//!
//! This crate knows no SQL, HTTP, clock or terminal. Everything here is a
//! function of its arguments.

pub mod facts;
pub mod stamp;
