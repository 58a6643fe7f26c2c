//! The snapshot's statements and figures on real databases.

mod statements;
