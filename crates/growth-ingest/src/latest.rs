//! The gate for objects whose latest fact is their whole state.

use std::collections::BTreeMap;

use growth_db::table::{self, Table};
use growth_db::{Error, Tx};
use growth_domain::stamp::{Scope, Stamp};

/// A row that is the latest fact about one object.
pub(crate) trait Latest: Table + Clone + PartialEq {
    /// The column that names the object inside its scope.
    const ID: &'static str;
    /// The object's id.
    fn id(&self) -> &str;
    /// Of the fact that this row is from.
    fn stamp(&self) -> Stamp;
    /// The same row with another stamp.
    #[must_use]
    fn stamped(self, stamp: Stamp) -> Self;
    /// What this row keeps of an older or newer one, because leaving it out is not removing it.
    #[must_use]
    fn keeping(self, other: &Self) -> Self {
        let _ = other;
        self
    }
}

/// Implements [`Latest`] for a row with the columns of a stamp, named by the given column.
macro_rules! stamped {
    ($row:ident by $id:ident $(, $keeping:item)?) => {
        impl $crate::latest::Latest for $row {
            const ID: &'static str = stringify!($id);
            fn id(&self) -> &str {
                &self.$id
            }
            fn stamp(&self) -> growth_domain::stamp::Stamp {
                growth_domain::stamp::Stamp {
                    at: self.stamp_at,
                    rank: self.stamp_rank,
                    event_id: self.stamp_event.clone(),
                }
            }
            fn stamped(self, stamp: growth_domain::stamp::Stamp) -> Self {
                Self { stamp_at: stamp.at, stamp_rank: stamp.rank, stamp_event: stamp.event_id, ..self }
            }
            $($keeping)?
        }
    };
}
pub(crate) use stamped;

/// A row that changed, as it was and as it is.
pub(crate) struct Changed<T> {
    pub(crate) before: Option<T>,
    pub(crate) after: T,
}

/// Lets the rows through the gate: stores those that are newer than what is there, in any
/// combination of old and new, and returns what changed.
pub(crate) async fn store<T: Latest>(
    tx: &mut Tx,
    scope: &Scope,
    rows: Vec<T>,
) -> Result<Vec<Changed<T>>, Error> {
    let mut newest: BTreeMap<String, T> = BTreeMap::new();
    for row in rows {
        let merged = match newest.remove(row.id()) {
            Some(other) => merge(other, row),
            None => row,
        };
        newest.insert(merged.id().to_owned(), merged);
    }
    let ids: Vec<String> = newest.keys().cloned().collect();
    let mut known: BTreeMap<String, T> = BTreeMap::new();
    for row in table::find::<T>(&mut *tx, scope, T::ID, &ids).await? {
        known.insert(row.id().to_owned(), row);
    }
    let mut changed = Vec::new();
    for (id, row) in newest {
        let before = known.remove(&id);
        let after = match before.clone() {
            Some(before) => merge(before, row),
            None => row,
        };
        if before.as_ref() != Some(&after) {
            changed.push(Changed { before, after });
        }
    }
    let rows: Vec<T> = changed.iter().map(|change| change.after.clone()).collect();
    table::upsert(tx, &rows).await?;
    Ok(changed)
}

/// Of two with one stamp the second counts: it is the same event, read again by a newer program.
pub(crate) fn merge<T: Latest>(a: T, b: T) -> T {
    if b.stamp() >= a.stamp() { b.keeping(&a) } else { a.keeping(&b) }
}
