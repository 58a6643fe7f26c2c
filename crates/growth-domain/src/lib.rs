//! The pure rules of growthctl: what money, MRR, a movement, a payment and an
//! attribution are.
//!
//! This crate knows no SQL, HTTP, clock or terminal. Everything here is a
//! function of its arguments.

pub mod attribution;
pub mod catalogue;
pub mod facts;
pub mod funnel;
pub mod fx;
pub mod goal;
pub mod insights;
pub mod interval;
pub mod money;
pub mod movements;
pub mod payments;
pub mod pricing;
pub mod rank;
pub mod rollforward;
pub mod stamp;
pub mod timeline;
pub mod window;
