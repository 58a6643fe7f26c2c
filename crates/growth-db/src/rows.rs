//! The rows of every table.
//!
//! Each is the table's columns and nothing else; `migrations/` says what they mean.

mod catalog;
mod customers;
pub mod inbox;
mod payments;
mod product;
mod subscriptions;

pub use catalog::{CouponRow, DiscountRow, PriceRow, PricingReferenceRow, ProductRow};
pub use customers::{CustomerClaimRow, CustomerRow};
pub use inbox::{EventState, StripeEventRow};
pub use payments::{DisputeRow, InvoiceRow, PaymentAliasRow, PaymentFactRow, PaymentRow, RefundRow};
pub use product::{ActivityRow, DailyEventRow, EventRow, MilestoneRow, ReceiptRow, UsageRow, UserRow};
pub use subscriptions::{MovementRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow};

use crate::Engine;
use crate::table::statements_of;

/// The statements made for every table, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements(engine: Engine) -> Vec<(String, String)> {
    [
        statements_of::<StripeEventRow>(engine),
        statements_of::<CustomerRow>(engine),
        statements_of::<CustomerClaimRow>(engine),
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
        statements_of::<PaymentRow>(engine),
        statements_of::<RefundRow>(engine),
        statements_of::<DisputeRow>(engine),
        statements_of::<InvoiceRow>(engine),
    ]
    .concat()
}
