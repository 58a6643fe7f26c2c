//! The real binary, as people use it.

mod bad_input;
mod demo;
mod help;
mod migrate;
mod orders;
mod run;
mod settings;
