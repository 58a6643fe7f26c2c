//! What the crate reads of Stripe's documents, one file per behaviour.

mod catalog;
mod customers;
mod documents;
mod hostile;
mod invoices;
mod payments;
mod recorded;
mod samples;
mod stamps;
mod subscriptions;
