//! Who people are, checked.

use chrono::{DateTime, Utc};
use growth_db::rows::users::IdentifiedUser;

use crate::accepted::{Problem, filled_id, id, told_instant};
use crate::batch::Message;
use crate::event::Identity;

/// An identity that can be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) message: Option<Message>,
    pub(crate) user: String,
    pub(crate) visitor: Option<String>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) email: Option<String>,
    pub(crate) created_at: Option<DateTime<Utc>>,
}

impl Named {
    pub(crate) fn check(identity: &Identity, received_at: DateTime<Utc>) -> Result<Self, Problem> {
        let source = id("source", identity.source.as_str())?;
        let message = identity.message_id.as_deref().map(|text| filled_id("message_id", text)).transpose()?;
        let visitor = identity.anonymous_id.as_deref().map(|text| filled_id("anonymous_id", text));
        let email = identity.email.as_deref().map(|text| id("email", text)).transpose()?;
        Ok(Self {
            message: message.map(|message| (format!("{source} (identify)"), message)),
            user: filled_id("user", identity.user.as_str())?,
            visitor: visitor.transpose()?,
            at: told_instant(identity.at, received_at)?,
            email: email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty()),
            created_at: identity.created_at.map(|at| told_instant(at, received_at)).transpose()?,
        })
    }

    pub(crate) fn as_user(&self) -> IdentifiedUser<'_> {
        IdentifiedUser {
            external_id: &self.user,
            email: self.email.as_deref(),
            signed_up_at: self.created_at,
            told_at: self.at,
        }
    }
}
