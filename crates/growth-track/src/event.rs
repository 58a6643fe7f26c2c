//! What the product tells: events, users and usage counters.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One product event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The client's message id, unique within `source`; a second event with the same id changes nothing.
    pub message_id: Option<String>,
    /// Who sends it, for instance `demo` or an import's name.
    pub source: String,
    /// The application's user id; `None` for events without a user.
    pub user: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// A name of the catalogue or a custom one in `snake_case`, see [`growth_domain::catalogue`].
    pub name: String,
    /// One of the six categories; `None` for the catalogue's own, which is `user_action` for a custom name.
    #[serde(default)]
    pub category: Option<String>,
    /// Which application of the product it happened in.
    pub app: String,
    /// The session it belongs to.
    pub session_id: Option<String>,
    /// Anything else worth keeping: a JSON object.
    pub properties: Value,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// `success`, `failed` or `pending`.
    pub status: String,
    /// What went wrong.
    pub error_message: Option<String>,
}

/// A user of the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The application's user id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
    /// Whether the user may see everything.
    #[serde(default)]
    pub is_admin: bool,
}

/// An increment of a user's usage counters on one local day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// The application's user id.
    pub user: String,
    /// The local day.
    pub date: NaiveDate,
    /// Which application of the product.
    pub app: String,
    /// Contacts enriched.
    pub enrichments: i64,
    /// Searches made.
    pub searches: i64,
    /// Files exported.
    pub exports: i64,
    /// Pitches generated.
    pub pitches_generated: i64,
    /// E-mails sent.
    pub emails_sent: i64,
    /// Campaigns created.
    pub campaigns_created: i64,
    /// Contacts added.
    pub contacts_added: i64,
    /// Sessions begun.
    pub sessions: i64,
    /// Time in sessions, in milliseconds.
    pub session_duration_ms: i64,
}
