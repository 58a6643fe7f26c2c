//! The collector by its routes, on a real database.

#![cfg(test)]

mod bad_input;
mod calls;
mod place;
mod protocol;
