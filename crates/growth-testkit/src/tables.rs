//! What the tables of Stripe's data hold, and waiting for it.

use std::collections::BTreeMap;
use std::time::Duration;

use growth_db::rows::{
    CouponRow, CustomerClaimRow, CustomerRow, DiscountRow, DisputeRow, InvoiceRow, MovementRow,
    PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, PriceRow, PricingReferenceRow,
    ProductRow, RefundRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::table::Table;
use growth_db::{AssertSqlSafe, Db, query};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Lines of text by account.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Asks again and again until there is something, and returns it.
///
/// # Panics
///
/// Where there is nothing within 40 seconds; `what` says what was waited for.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not in time");
        sleep(LOOK_AGAIN).await;
    }
}

/// Writes `SELECT` with the columns of a table, for a condition to follow.
pub fn select<T: Table>() -> String {
    let columns: Vec<&str> = T::COLUMNS.iter().map(|(name, _)| *name).collect();
    format!("SELECT {} FROM {}", columns.join(", "), T::NAME)
}

/// Reads the rows of one table and account, in both modes, by their keys.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn all<T: Table>(db: &Db, account: &str) -> Vec<T> {
    let sql = format!("{} WHERE account = $1 ORDER BY {}", select::<T>(), T::KEY.join(", "));
    query(db, AssertSqlSafe(sql)).bind(account).fetch_all().await.expect("the rows of an account")
}

/// Reads every row of every table that facts fold into, as sorted text without the account.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn revenue_by_account(db: &Db) -> Dump {
    revenue_of(db, None).await
}

/// Reads what [`revenue_by_account`] gives for one account, so that two accounts with the same history have the
/// same text.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn revenue(db: &Db, account: &str) -> Vec<String> {
    revenue_of(db, Some(account)).await.remove(account).unwrap_or_default()
}

/// Adds every row of one table, of one account or of all, to a dump.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn dump<T: Table>(db: &Db, account: Option<&str>, into: &mut Dump) {
    let rows: Vec<T> = match account {
        Some(account) => all(db, account).await,
        None => query(db, AssertSqlSafe(select::<T>())).fetch_all().await.expect("the rows of a table"),
    };
    for row in rows {
        let mut row = serde_json::to_value(&row).expect("rows are JSON");
        let Value::String(account) = row["account"].take() else { panic!("{} has no account", T::NAME) };
        into.entry(account).or_default().push(format!("{} {row}", T::NAME));
    }
}

async fn revenue_of(db: &Db, account: Option<&str>) -> Dump {
    let mut lines = Dump::new();
    macro_rules! add {
        ($($row:ty),+) => { $( dump::<$row>(db, account, &mut lines).await; )+ };
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
    for lines in lines.values_mut() {
        lines.sort();
    }
    lines
}
