//! What the tables hold.

use std::collections::BTreeMap;

use growth_db::rows::StripeEventRow;
use growth_db::table::Table;
use growth_db::{AssertSqlSafe, Db, query};
use growth_testkit::tables::{Dump, dump, revenue_by_account, select};

/// The rows of one table in one account and mode, by their keys.
pub(crate) async fn rows_in<T: Table>(db: &Db, account: &str, livemode: bool) -> Vec<T> {
    let sql =
        format!("{} WHERE account = $1 AND livemode = $2 ORDER BY {}", select::<T>(), T::KEY.join(", "));
    query(db, AssertSqlSafe(sql)).bind(account).bind(livemode).fetch_all().await.unwrap()
}

/// The rows of one table in the own account and live mode, by their keys.
pub(crate) async fn rows<T: Table>(db: &Db) -> Vec<T> {
    rows_in(db, "", true).await
}

/// The one row that a table has in the own account and live mode.
pub(crate) async fn only<T: Table + std::fmt::Debug>(db: &Db) -> T {
    let mut rows = rows::<T>(db).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

/// One event of the inbox.
pub(crate) async fn stored_event(db: &Db, id: &str) -> StripeEventRow {
    let sql = format!("{} WHERE id = $1", select::<StripeEventRow>());
    query(db, AssertSqlSafe(sql)).bind(id).fetch_one().await.unwrap()
}

/// How many events are in each state.
pub(crate) async fn states(db: &Db) -> BTreeMap<String, i64> {
    let sql = "SELECT state, COUNT(*) AS n FROM stripe_events GROUP BY state";
    query(db, sql).fetch_all::<(String, i64)>().await.unwrap().into_iter().collect()
}

/// Everything that came of Stripe: the inbox, and the tables that it folds into.
pub(crate) async fn everything(db: &Db) -> Dump {
    let mut lines = revenue_by_account(db).await;
    dump::<StripeEventRow>(db, None, &mut lines).await;
    for lines in lines.values_mut() {
        lines.sort();
    }
    lines
}
