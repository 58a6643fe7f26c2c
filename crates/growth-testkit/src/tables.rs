//! What the tables of Stripe's data hold, and waiting for it.

use std::collections::BTreeMap;
use std::time::Duration;

use growth_db::rows::{
    CouponRow, CustomerClaimRow, CustomerRow, DiscountRow, DisputeRow, InvoiceRow, MovementRow,
    PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, PriceRow, PricingReferenceRow,
    ProductRow, RefundRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::table::Table;
use growth_db::{AssertSqlSafe, Db, Engine, query};
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

/// Reads every row of every table of the product, whatever is in them, as sorted text.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn whole(db: &Db) -> Vec<String> {
    let names = match db.engine() {
        Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        Engine::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    let names: Vec<(String,)> = query(db, names).fetch_all().await.expect("the names of the tables");
    let mut lines = Vec::new();
    for (name,) in names {
        let row = match db.engine() {
            Engine::Sqlite => {
                let columns = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
                let columns: Vec<(String,)> =
                    query(db, columns).bind(&name).fetch_all().await.expect("the columns of a table");
                let columns: Vec<String> =
                    columns.into_iter().map(|(column,)| format!("quote({column})")).collect();
                format!("json_array({})", columns.join(", "))
            }
            Engine::Postgres => "CAST(t AS TEXT)".to_owned(),
        };
        let rows = AssertSqlSafe(format!("SELECT {row} AS line FROM {name} AS t"));
        let rows: Vec<(String,)> = query(db, rows).fetch_all().await.expect("the rows of a table");
        lines.extend(rows.into_iter().map(|(line,)| format!("{name} {line}")));
    }
    lines.sort();
    lines
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
