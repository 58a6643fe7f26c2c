//! The collector by its routes, on a real database.

mod bad_input;
mod calls;
mod place;
mod protocol;
