//! Who may look: admins, by a token of theirs or by the sign-in of the application.

use axum::http::HeaderMap;
use growth_db::Db;
use growth_http::Peer;

use crate::Clock;

/// What sign-in keeps to.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The name of the token, or the application's id of the user, or that it is whoever has the printed link.
    pub name: String,
}

/// Why somebody may not look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in.
    #[error("sign in first: send an admin token, or a token of your sign-in, as `Authorization: Bearer …`")]
    SignedOut,
    /// The token, the session or the link is none, or not any more.
    #[error("this token is not accepted: it is unknown, expired or revoked")]
    Wrong,
    /// It is known who asks, and that is no admin.
    #[error("you are signed in, but you are no admin: `growthctl users import` says who is one")]
    NotAdmin,
    /// A page of another site sent it.
    #[error("this request came from another site")]
    CrossSite,
    /// Too many attempts failed.
    #[error("too many attempts failed: try again in {seconds} seconds")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
    /// The database cannot say who is signed in.
    #[error("the database cannot be reached: the server's log says why")]
    Unavailable,
}

impl Denied {
    /// The name of the reason, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Wrong => "wrong_token",
            Self::NotAdmin => "not_admin",
            Self::CrossSite => "cross_site",
            Self::TooMany { .. } => "too_many_attempts",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Says who may look.
pub struct Auth {}

impl Auth {
    pub(crate) fn new(_db: Db, _settings: Settings, _clock: Clock) -> Self {
        Self {}
    }

    /// Who sent a request, by its `Authorization` or else by its session.
    ///
    /// # Errors
    ///
    /// Why whoever it is may not look.
    pub(crate) async fn viewer(&self, _headers: &HeaderMap, _peer: Option<Peer>) -> Result<Viewer, Denied> {
        Err(Denied::SignedOut)
    }
}
