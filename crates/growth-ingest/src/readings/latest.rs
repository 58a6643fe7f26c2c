//! Rows that are the latest fact about one object, and whether another fact would change them.

use std::collections::BTreeMap;

use chrono::DateTime;
use growth_db::{Error, Tx, table};
use growth_domain::stamp::{Scope, Stamp};

use crate::latest::{Latest, merge};

/// Rows by their objects' ids.
pub(super) struct LatestRows<T>(BTreeMap<String, T>);

impl<T: Latest> LatestRows<T> {
    pub(super) async fn load(tx: &mut Tx, scope: &Scope, ids: &[String]) -> Result<Self, Error> {
        let rows = table::find::<T>(tx, scope, T::ID, ids).await?;
        Ok(Self(rows.into_iter().map(|row| (row.id().to_owned(), row)).collect()))
    }

    /// Whether an object was told of, and not only named by others.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|row| row.stamp().at > DateTime::UNIX_EPOCH)
    }

    /// Lets a row through the gate, and tells whether anything but its stamp changed.
    pub(super) fn take(&mut self, row: T) -> bool {
        let id = row.id().to_owned();
        let before = self.0.get(&id).cloned();
        let after = match before.clone() {
            Some(before) => merge(before, row),
            None => row,
        };
        let is_news = before.map(unstamped) != Some(unstamped(after.clone()));
        if is_news {
            self.0.insert(id, after);
        }
        is_news
    }
}

fn unstamped<T: Latest>(row: T) -> T {
    row.stamped(Stamp { at: DateTime::UNIX_EPOCH, rank: 0, event_id: String::new() })
}
