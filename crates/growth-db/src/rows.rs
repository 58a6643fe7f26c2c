//! The rows of every table.
//!
//! Each is the table's columns and nothing else; `migrations/` says what they mean.

pub mod admin_tokens;
pub mod backfill;
mod catalog;
mod customers;
pub mod dashboard_sessions;
pub mod events;
pub mod inbox;
mod payments;
mod product;
pub mod settings;
mod subscriptions;
pub mod users;
pub mod visitors;
pub mod write_keys;

pub use backfill::{BackfillRunRow, BackfillSliceRow};
pub use catalog::{CouponRow, DiscountRow, PriceRow, PricingReferenceRow, ProductRow};
pub use customers::{CustomerClaimRow, CustomerRow, ForgottenCustomerRow};
pub use inbox::{EventState, StripeEventRow};
pub use payments::{
    DisputeRow, InvoiceRow, PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, RefundRow,
};
pub use product::{ActivityRow, DailyEventRow, EventRow, MilestoneRow, ReceiptRow, UsageRow};
pub use subscriptions::{MovementRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow};
pub use users::UserRow;

use crate::Engine;
use crate::table::{kept_statements_of, merge_statement_of, statements_of, take_statements_of};

/// The statements made for every table, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(engine: Engine) -> Vec<(String, String)> {
    [
        statements_of::<StripeEventRow>(engine),
        statements_of::<CustomerRow>(engine),
        statements_of::<CustomerClaimRow>(engine),
        statements_of::<ForgottenCustomerRow>(engine),
        statements_of::<ProductRow>(engine),
        statements_of::<PriceRow>(engine),
        statements_of::<CouponRow>(engine),
        statements_of::<DiscountRow>(engine),
        statements_of::<PricingReferenceRow>(engine),
        statements_of::<SubscriptionChangeRow>(engine),
        statements_of::<SubscriptionRow>(engine),
        statements_of::<SubscriptionMrrRow>(engine),
        statements_of::<MovementRow>(engine),
        statements_of::<PaymentFactRow>(engine),
        statements_of::<PaymentAliasRow>(engine),
        statements_of::<PaymentReferenceRow>(engine),
        statements_of::<PaymentRow>(engine),
        statements_of::<RefundRow>(engine),
        statements_of::<DisputeRow>(engine),
        statements_of::<InvoiceRow>(engine),
        statements_of::<EventRow>(engine),
        statements_of::<ReceiptRow>(engine),
        statements_of::<ActivityRow>(engine),
        statements_of::<DailyEventRow>(engine),
        statements_of::<MilestoneRow>(engine),
        statements_of::<UsageRow>(engine),
        statements_of::<BackfillRunRow>(engine),
        statements_of::<BackfillSliceRow>(engine),
        vec![
            merge_statement_of::<ActivityRow>(engine),
            merge_statement_of::<DailyEventRow>(engine),
            merge_statement_of::<MilestoneRow>(engine),
            merge_statement_of::<UsageRow>(engine),
        ],
        kept_statements_of::<ActivityRow>(engine),
        kept_statements_of::<DailyEventRow>(engine),
        kept_statements_of::<MilestoneRow>(engine),
        take_statements_of::<ActivityRow>(engine),
        take_statements_of::<MilestoneRow>(engine),
        backfill::statements(engine),
        events::statements(engine),
        inbox::statements(engine),
        settings::statements(engine),
        users::statements(engine),
        visitors::statements(engine),
    ]
    .concat()
}
