//! What the tables hold.

use std::collections::BTreeMap;

use growth_db::rows::{
    CouponRow, CustomerClaimRow, CustomerRow, DiscountRow, DisputeRow, InvoiceRow, MovementRow,
    PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, PriceRow, PricingReferenceRow,
    ProductRow, RefundRow, StripeEventRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::table::Table;
use growth_db::{AssertSqlSafe, Db, query};

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

/// Every row of every table that facts fold into, by account, as sorted text without the account.
pub(crate) async fn by_account(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut dump = Dump(BTreeMap::new());
    macro_rules! add {
        ($($row:ty),+) => { $( dump.add::<$row>(db).await; )+ };
    }
    add!(
        CustomerRow,
        CustomerClaimRow,
        ProductRow,
        PriceRow,
        CouponRow,
        DiscountRow,
        PricingReferenceRow,
        SubscriptionChangeRow,
        SubscriptionRow,
        SubscriptionMrrRow,
        MovementRow,
        PaymentFactRow,
        PaymentAliasRow,
        PaymentReferenceRow,
        PaymentRow,
        RefundRow,
        DisputeRow,
        InvoiceRow
    );
    dump.0.values_mut().for_each(|lines| lines.sort());
    dump.0
}

/// Everything that came of Stripe: the inbox, and the tables that it folds into.
pub(crate) async fn everything(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut dump = Dump(by_account(db).await);
    dump.add::<StripeEventRow>(db).await;
    dump.0.values_mut().for_each(|lines| lines.sort());
    dump.0
}

struct Dump(BTreeMap<String, Vec<String>>);

impl Dump {
    async fn add<T: Table>(&mut self, db: &Db) {
        for row in query(db, AssertSqlSafe(select::<T>())).fetch_all::<T>().await.unwrap() {
            let mut row = serde_json::to_value(&row).unwrap();
            let account = row["account"].take();
            let lines = self.0.entry(account.as_str().unwrap().to_owned()).or_default();
            lines.push(format!("{} {row}", T::NAME));
        }
    }
}

fn select<T: Table>() -> String {
    let columns: Vec<&str> = T::COLUMNS.iter().map(|(name, _)| *name).collect();
    format!("SELECT {} FROM {}", columns.join(", "), T::NAME)
}
