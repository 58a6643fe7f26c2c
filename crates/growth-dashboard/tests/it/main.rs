//! The dashboard by its routes, on a real database.

#![cfg(test)]

mod api;
mod attempts;
mod audit;
mod doors;
mod garbage;
mod jwts;
mod place;
mod sessions;
mod signed;
mod tokens;
