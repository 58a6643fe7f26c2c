//! Payments and everything that belongs to them.

use chrono::{DateTime, Utc};
use growth_domain::facts::{InvoiceLine, PaymentFact};
use sqlx::types::Json;

table! {
    /// What one event says about one object of a payment.
    pub struct PaymentFactRow: "payment_facts" ("account", "livemode", "event_id", "object_id") ["group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The event.
        event_id: String,
        /// The object.
        object_id: String,
        /// The facts that are folded together.
        group_id: String,
        /// What it says.
        fact: Json<PaymentFact>,
    }
}

table! {
    /// An id that names something of a group.
    pub struct PaymentAliasRow: "payment_aliases" ("account", "livemode", "alias") ["alias", "group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `cs_…`, `pi_…`, `ch_…`, `in_…`, `inpay_…`, `re_…` or `dp_…`.
        alias: String,
        /// The facts that are folded together.
        group_id: String,
    }
}

table! {
    /// What a user who arrives late can find a group's payments by.
    pub struct PaymentReferenceRow: "payment_references" ("account", "livemode", "reference", "group_id") ["group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `user:` and the application's user id, or `email:` and the address in lower case.
        reference: String,
        /// The facts that are folded together.
        group_id: String,
    }
}

table! {
    /// A payment.
    pub struct PaymentRow: "payments" ("account", "livemode", "id") ["customer", "group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The payment intent, else the charge, else the invoice, else the checkout session.
        id: String,
        /// The facts it is folded from.
        group_id: String,
        /// The earliest event that tells of it.
        event_id: String,
        /// `pi_…`
        payment_intent: Option<String>,
        /// `ch_…`
        charge: Option<String>,
        /// `in_…`
        invoice: Option<String>,
        /// `cs_…`
        checkout_session: Option<String>,
        /// `sub_…`
        subscription: Option<String>,
        /// `cus_…`
        customer: Option<String>,
        /// `users.id`
        user_id: Option<i64>,
        /// By which link of the chain the user is known.
        attributed_by: Option<String>,
        /// The application's user id as Stripe's objects give it.
        user_reference: Option<String>,
        /// The payer's e-mail address.
        email: Option<String>,
        /// Minor units.
        amount: i64,
        /// Lower-case currency code.
        currency: String,
        /// `succeeded`, `failed`, `pending` or `canceled`.
        status: String,
        /// The price of the main invoice line.
        price: Option<String>,
        /// What was bought, in words.
        plan_name: Option<String>,
        /// `day`, `week`, `month`, `year` or a multiple as `3 months`.
        billing_period: Option<String>,
        /// `card`, …; `out_of_band` for an invoice paid outside Stripe.
        method: Option<String>,
        /// Why it failed, as a code.
        failure_code: Option<String>,
        /// Why it failed, in words.
        failure_reason: Option<String>,
        /// When it was last refunded.
        refunded_at: Option<DateTime<Utc>>,
        /// Minor units given back.
        refund_amount: i64,
        /// Why it was refunded.
        refund_reason: Option<String>,
        /// Minor units of `fee_currency`, where known.
        fee: Option<i64>,
        /// Lower-case currency code.
        fee_currency: Option<String>,
        /// When it succeeded.
        paid_at: Option<DateTime<Utc>>,
        /// When it was begun.
        created_at: DateTime<Utc>,
    }
}

table! {
    /// A refund.
    pub struct RefundRow: "refunds" ("account", "livemode", "id") ["group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `re_…`, or the charge's id for a part that no refund told of.
        id: String,
        /// The facts it is folded from.
        group_id: String,
        /// The payment, once it is known.
        payment: Option<String>,
        /// `ch_…`
        charge: Option<String>,
        /// Minor units.
        amount: i64,
        /// Lower-case currency code.
        currency: String,
        /// Stripe's status.
        status: String,
        /// Whether the amount went back.
        counted: bool,
        /// `refund` or `charge`.
        origin: String,
        /// Why.
        reason: Option<String>,
        /// When.
        created_at: DateTime<Utc>,
    }
}

table! {
    /// A dispute.
    pub struct DisputeRow: "disputes" ("account", "livemode", "id") ["group_id"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `dp_…`
        id: String,
        /// The facts it is folded from.
        group_id: String,
        /// The payment, once it is known.
        payment: Option<String>,
        /// `ch_…`
        charge: Option<String>,
        /// Minor units.
        amount: i64,
        /// Lower-case currency code.
        currency: String,
        /// Stripe's status.
        status: String,
        /// Why.
        reason: Option<String>,
        /// Minor units taken so far.
        withdrawn: i64,
        /// When they were taken.
        withdrawn_at: Option<DateTime<Utc>>,
        /// Minor units given back so far.
        reinstated: i64,
        /// When they were given back.
        reinstated_at: Option<DateTime<Utc>>,
        /// Minor units of fees, where known.
        fee: Option<i64>,
        /// When it was opened.
        created_at: DateTime<Utc>,
    }
}

table! {
    /// An invoice.
    pub struct InvoiceRow: "invoices" ("account", "livemode", "id") ["group_id", "subscription"] {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// `in_…`
        id: String,
        /// The facts it is folded from.
        group_id: String,
        /// `cus_…`
        customer: Option<String>,
        /// `sub_…`
        subscription: Option<String>,
        /// Stripe's status.
        status: String,
        /// Minor units.
        amount_due: i64,
        /// Minor units.
        amount_paid: i64,
        /// Lower-case currency code.
        currency: String,
        /// Why it was made.
        billing_reason: Option<String>,
        /// How often a payment was tried.
        attempt_count: Option<i64>,
        /// When an attempt first failed.
        first_failed_at: Option<DateTime<Utc>>,
        /// When it was paid.
        paid_at: Option<DateTime<Utc>>,
        /// When it was created.
        created_at: DateTime<Utc>,
        /// Its subscription lines.
        lines: Json<Vec<InvoiceLine>>,
    }
}
