//! The order of facts about one object.
//!
//! State is a fold over facts in this order and never over their arrival, so
//! that any permutation and any duplication of a history ends in the same state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where a fact stands among the facts about its object.
///
/// Orders by Stripe's time, then by meaning inside the same second (see the
/// `rank` functions of each kind of fact), then by event id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The event's `created`, or the time at which a plain object was read.
    pub at: DateTime<Utc>,
    /// How final the fact is, compared within one second only.
    pub rank: i64,
    /// The event's id, or the id made for a plain object.
    pub event_id: String,
}

/// Whose data a fact belongs to: live and test mode and connected accounts never mix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The connected account (`acct_…`), empty for the account's own events.
    pub account: String,
    /// Whether real money moves.
    pub livemode: bool,
}
