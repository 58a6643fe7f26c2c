//! Customers and who they are in the application.

use chrono::{DateTime, Utc};

table! {
    /// A customer's latest state.
    pub struct CustomerRow: "customers" ("account", "livemode", "id") ["id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `cus_…`
        id: String,
        /// Of the fact this state is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this state is from.
        stamp_rank: i64,
        /// Of the fact this state is from; empty for a customer that only other objects named.
        stamp_event: String,
        /// When Stripe created it.
        created_at: Option<DateTime<Utc>>,
        /// E-mail address.
        email: Option<String>,
        /// Name.
        name: Option<String>,
        /// A tombstone.
        deleted: bool,
        /// `users.id`
        user_id: Option<i64>,
        /// By which link of the chain the user is known.
        attributed_by: Option<String>,
    }
}

table! {
    /// What one object says about who a customer is.
    pub struct CustomerClaimRow: "customer_claims" ("account", "livemode", "source") ["source", "customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The object that makes the claim.
        source: String,
        /// `cus_…`
        customer: String,
        /// Of the fact this claim is from.
        stamp_at: DateTime<Utc>,
        /// Of the fact this claim is from.
        stamp_rank: i64,
        /// Of the fact this claim is from.
        stamp_event: String,
        /// A checkout session's reference.
        client_reference_id: Option<String>,
        /// `metadata.user_id`
        user_reference: Option<String>,
        /// E-mail address.
        email: Option<String>,
    }
}

table! {
    /// A customer who was forgotten.
    pub struct ForgottenCustomerRow: "forgotten_customers" ("account", "livemode", "customer") ["customer"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `cus_…`
        customer: String,
    }
}
