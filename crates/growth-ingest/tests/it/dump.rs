//! What the tables of revenue hold, as text that two databases can be compared by.

use growth_db::rows::{
    CouponRow, CustomerClaimRow, CustomerRow, DiscountRow, DisputeRow, InvoiceRow, MovementRow,
    PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, PriceRow, PricingReferenceRow,
    ProductRow, RefundRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::table::Table;
use growth_db::{Db, query};

/// Every row of every table that facts fold into, sorted, for one connected account.
///
/// The account itself is left out, so that two accounts with the same history have the same text.
pub(crate) async fn revenue(db: &Db, account: &str) -> Vec<String> {
    let mut lines = Vec::new();
    macro_rules! add {
        ($($row:ty),+) => { $( rows::<$row>(db, account, &mut lines).await; )+ };
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
    lines.sort();
    lines
}

/// The rows of one table and account.
pub(crate) async fn all<T: Table>(db: &Db, account: &str) -> Vec<T> {
    let columns = T::COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {columns} FROM {} WHERE account = $1 ORDER BY {}", T::NAME, T::KEY.join(", "));
    query(db, growth_db::AssertSqlSafe(sql)).bind(account).fetch_all().await.unwrap()
}

async fn rows<T: Table>(db: &Db, account: &str, lines: &mut Vec<String>) {
    for row in all::<T>(db, account).await {
        let text = serde_json::to_string(&row).unwrap();
        lines.push(format!("{} {}", T::NAME, text.replace(&format!("\"account\":\"{account}\""), "")));
    }
}
