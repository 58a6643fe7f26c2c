//! Who may look: admins, by a token of theirs or by the sign-in of the application.
//!
//! Invariants:
//!
//! * What lets somebody in is never stored and never logged: of tokens, sessions and links only digests are kept.
//! * An `Authorization: Bearer` is judged for itself and never makes a session; a session is only known by its cookie.
//! * What was read of the database is believed for ten seconds, so whoever is no admin any more is out by then.
//! * Guessing is bounded: by address, and in all by the work that it may cause at a time.

mod attempts;
mod jwt;
mod keys;
pub(crate) mod routes;
mod secrets;
mod sessions;
mod site;
mod tokens;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use growth_db::Db;
use growth_db::rows::{admin_tokens, users};
use growth_http::{Bodies, Peer};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub use jwt::{JwtSettings, SettingsError};
pub use tokens::{AdminToken, TokenError, create_token, list_tokens, revoke_tokens, token_hint};

use self::attempts::{Attempts, Limited};
use self::jwt::{Jwts, LEEWAY, Refused};
use self::secrets::{Print, hex, print, random, same};
use self::sessions::{Cookie, NoSession, Sessions, is_believed};
use self::tokens::Token;
use crate::Clock;

/// For how long what was read is believed.
const BELIEVED: TimeDelta = TimeDelta::seconds(10);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many tokens are remembered.
const REMEMBERED: usize = 1000;
/// How many admin tokens are verified at a time, which takes memory and a processor each.
const TOKENS_AT_A_TIME: usize = 2;
/// How many tokens of the application's sign-in are verified at a time.
const JWTS_AT_A_TIME: usize = 4;
/// How many wait for that at most.
const WAITING: usize = 64;
/// The most bytes of a token.
const LONGEST_TOKEN: usize = 8 << 10;
/// How long the printed link is valid.
const LINK: TimeDelta = TimeDelta::minutes(10);
/// The most bytes of a form, of all forms, and the longest that one may take.
const FORM: usize = 16 << 10;
const FORMS: usize = 1 << 20;
const FORM_PATIENCE: Duration = Duration::from_secs(10);

/// What sign-in keeps to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By what tokens of the application's sign-in are known; none of them are taken when `None`.
    pub jwt: Option<JwtSettings>,
    /// How long a session lasts while nobody is there.
    pub idle: Duration,
    /// How long a session lasts at most.
    pub lifetime: Duration,
    /// Whether all requests come through a proxy, which says in `X-Forwarded-For` from whom.
    pub behind_proxy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jwt: None,
            idle: Duration::from_hours(8),
            lifetime: Duration::from_hours(7 * 24),
            behind_proxy: false,
        }
    }
}

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
    /// It cannot be known now who asks: the database, or where the keys are, does not answer.
    #[error("it cannot be checked now who you are: the server's log says why")]
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

impl From<NoSession> for Denied {
    fn from(none: NoSession) -> Self {
        match none {
            NoSession::Over => Self::Wrong,
            NoSession::Unavailable => Self::Unavailable,
        }
    }
}

/// An admin, by what he or she came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Token { id: String, name: String },
    User { id: i64, name: String },
    Link,
}

impl Who {
    fn kind(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::User { .. } => "user",
            Self::Link => "link",
        }
    }

    fn viewer(&self) -> Viewer {
        let name = match self {
            Self::Token { name, .. } | Self::User { name, .. } => name,
            Self::Link => "the printed link",
        };
        Viewer { name: name.to_owned() }
    }
}

/// Says who may look.
pub struct Auth {
    db: Db,
    settings: Settings,
    clock: Clock,
    jwts: Option<Jwts>,
    attempts: Attempts,
    tokens_at_a_time: Arc<Semaphore>,
    jwts_at_a_time: Arc<Semaphore>,
    waiting: Semaphore,
    remembered: Mutex<HashMap<Print, Verified>>,
    lines: Mutex<HashMap<Print, Weak<AsyncMutex<()>>>>,
    sessions: Sessions,
    link: Mutex<Option<Link>>,
    bodies: Bodies,
}

/// A token that was verified.
#[derive(Clone)]
struct Verified {
    who: Who,
    at: DateTime<Utc>,
    /// When it expires, in seconds of Unix time.
    expires: Option<f64>,
}

impl Verified {
    fn is_believed(&self, now: DateTime<Utc>) -> bool {
        is_believed(self.at, now) && self.expires.is_none_or(|expires| jwt::seconds(now) < expires + LEEWAY)
    }
}

struct Link {
    code: Print,
    ends_at: DateTime<Utc>,
}

/// Why a token lets nobody in.
enum Failed {
    /// It may be a guess.
    Wrong(&'static str),
    /// It was a good one.
    Expired,
    /// It is a good one, of somebody who is no admin.
    NotAdmin,
    Unavailable,
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong(reason) => Self::Wrong(reason),
            Refused::Expired => Self::Expired,
            Refused::Unavailable => Self::Unavailable,
        }
    }
}

impl Auth {
    pub(crate) fn new(db: Db, settings: Settings, clock: Clock) -> Self {
        Self {
            jwts: settings.jwt.clone().map(Jwts::new),
            attempts: Attempts::default(),
            tokens_at_a_time: Arc::new(Semaphore::new(TOKENS_AT_A_TIME)),
            jwts_at_a_time: Arc::new(Semaphore::new(JWTS_AT_A_TIME)),
            waiting: Semaphore::new(WAITING),
            remembered: Mutex::default(),
            lines: Mutex::default(),
            sessions: Sessions::new(db.clone(), settings.idle, settings.lifetime),
            link: Mutex::default(),
            bodies: Bodies { limit: FORM, patience: FORM_PATIENCE, budget: Arc::new(Semaphore::new(FORMS)) },
            db,
            settings,
            clock,
        }
    }

    /// Whether anybody can sign in without the printed link: there is a token that was not revoked, or the tokens of the
    /// application's sign-in are taken.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn has_a_way_in(&self) -> Result<bool, growth_db::Error> {
        Ok(self.jwts.is_some() || admin_tokens::any_accepted(&self.db).await?)
    }

    /// A path that signs in whoever asks for it first, within ten minutes. The one before is valid no more.
    pub fn one_time_link(&self) -> String {
        let code = hex(&random::<16>());
        let link = Link { code: print(&code), ends_at: self.now() + LINK };
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
        format!("{}?{}={code}", crate::routes::SIGN_IN, routes::CODE)
    }

    /// Who sent a request, by its `Authorization` or else by its session.
    ///
    /// # Errors
    ///
    /// Why whoever it is may not look.
    pub(crate) async fn viewer(&self, headers: &HeaderMap, peer: Option<Peer>) -> Result<Viewer, Denied> {
        let who = match bearer(headers) {
            Some(token) => self.verified(token, self.address(headers, peer)).await?,
            None => self.session(headers).await?,
        };
        Ok(who.viewer())
    }

    /// Who is signed in by the session of a request.
    async fn session(&self, headers: &HeaderMap) -> Result<Who, Denied> {
        let cookie = Cookie::of(headers).ok_or(Denied::SignedOut)?;
        Ok(self.sessions.who(&cookie, self.now()).await?)
    }

    /// Begins a session for whoever has a token, and returns the cookie for it.
    async fn sign_in(
        &self,
        token: &str,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<HeaderValue, Denied> {
        let who = self.verified(token, address).await?;
        self.begin(&who, headers, address).await
    }

    /// Begins a session for whoever has the printed link, and returns the cookie for it.
    async fn use_link(
        &self,
        code: &str,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<HeaderValue, Denied> {
        let now = self.now();
        self.try_once(address, now)?;
        let given = print(code);
        let taken = {
            let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            link.take_if(|link| same(&link.code, &given) && now < link.ends_at)
        };
        let Some(taken) = taken else {
            tracing::info!(target: "audit", reason = "no such link", %address, "sign_in_failed");
            return Err(Denied::Wrong);
        };
        self.attempts.forgive(address, now);
        let begun = self.begin(&Who::Link, headers, address).await;
        if begun.is_err() {
            // It let nobody in, so it is still good, unless there is a newer one.
            self.link.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(taken);
        }
        begun
    }

    async fn begin(&self, who: &Who, headers: &HeaderMap, address: IpAddr) -> Result<HeaderValue, Denied> {
        let earlier = Cookie::of(headers);
        let cookie = self.sessions.begin(who, earlier.as_ref(), self.now()).await?;
        tracing::info!(target: "audit", how = who.kind(), name = ?who.viewer().name, %address, "signed_in");
        cookie.kept(headers, self.settings.lifetime).ok_or(Denied::Unavailable)
    }

    /// Ends the session of a request.
    async fn sign_out(&self, headers: &HeaderMap, address: IpAddr) -> Result<(), Denied> {
        let Some(cookie) = Cookie::of(headers) else { return Ok(()) };
        let who = self.sessions.who(&cookie, self.now()).await;
        if matches!(who, Err(NoSession::Unavailable)) {
            return Err(Denied::Unavailable);
        }
        self.sessions.end(&cookie).await?;
        if let Ok(who) = who {
            tracing::info!(target: "audit", how = who.kind(), name = ?who.viewer().name, %address, "signed_out");
        }
        Ok(())
    }

    /// Whose a token is.
    async fn verified(&self, token: &str, address: IpAddr) -> Result<Who, Denied> {
        let print = print(token);
        if let Some(who) = self.remembered(&print) {
            return Ok(who);
        }
        let is_admin_token = Token::read(token);
        let mut is_known = false;
        if let Err(limited) = self.attempts.check(address, self.now()) {
            // Nobody guesses the id of a token, so whoever names one does not answer for others at the same address.
            is_known = match &is_admin_token {
                Some(token) => {
                    matches!(asked(admin_tokens::accepted(&self.db, &token.id)).await, Some(Some(_)))
                }
                None => false,
            };
            if !is_known {
                return Err(too_many(limited, address));
            }
        }
        // Whoever comes with a token that is being verified waits for that, however many they are; while the database does
        // not answer, no longer than the one who asks it.
        let line = self.line(&print);
        let _first = timeout(PATIENCE, line.lock()).await.map_err(|_| Denied::Unavailable)?;
        if let Some(who) = self.remembered(&print) {
            return Ok(who);
        }
        let at_a_time = if is_admin_token.is_some() { &self.tokens_at_a_time } else { &self.jwts_at_a_time };
        let turn = self.turn(at_a_time).await?;
        let now = self.now();
        // It counts as failed until it is not, so that nobody can break off before it is counted.
        if !is_known {
            self.try_once(address, now)?;
        }
        let verified = match is_admin_token {
            Some(token) => self.verify_token(token, now, turn).await,
            None => self.verify_jwt(token, now).await,
        };
        let (reason, denied) = match verified {
            Ok(verified) => {
                if !is_known {
                    self.attempts.forgive(address, now);
                }
                let who = verified.who.clone();
                self.remember(print, verified, now);
                return Ok(who);
            }
            Err(Failed::Wrong(reason)) => (reason, Denied::Wrong),
            Err(Failed::Expired) => ("it has expired", Denied::Wrong),
            Err(Failed::NotAdmin) => ("no admin", Denied::NotAdmin),
            Err(Failed::Unavailable) => ("it cannot be checked now", Denied::Unavailable),
        };
        if !matches!(verified, Err(Failed::Wrong(_))) {
            // Whoever has a real token is not guessing.
            self.attempts.forgive(address, now);
        }
        tracing::info!(target: "audit", reason, %address, "sign_in_failed");
        Err(denied)
    }

    async fn verify_token(
        &self,
        token: Token,
        now: DateTime<Utc>,
        turn: OwnedSemaphorePermit,
    ) -> Result<Verified, Failed> {
        let unknown = || Failed::Wrong("no such admin token");
        let accepted = asked(admin_tokens::accepted(&self.db, &token.id)).await.ok_or(Failed::Unavailable)?;
        let accepted = accepted.ok_or_else(unknown)?;
        let id = token.id.clone();
        let matching = spawn_blocking(move || {
            let matches = token.matches(&accepted.hash);
            // Held until the work is done, even where nobody waits for it any more.
            drop(turn);
            (matches, accepted.name)
        });
        let (matches, name) = matching.await.map_err(|_| Failed::Unavailable)?;
        if !matches {
            return Err(unknown());
        }
        Ok(Verified { who: Who::Token { id, name }, at: now, expires: None })
    }

    async fn verify_jwt(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Failed> {
        if token.len() > LONGEST_TOKEN {
            return Err(Failed::Wrong("it is too long"));
        }
        let Some(jwts) = &self.jwts else { return Err(Failed::Wrong("it is no admin token")) };
        let subject = jwts.subject(token, now).await?;
        // PostgreSQL has no text with this character in it, and so no user.
        if subject.external_id.contains('\0') {
            return Err(Failed::NotAdmin);
        }
        let user = asked(users::find_admin(&self.db, &subject.external_id)).await;
        match user.ok_or(Failed::Unavailable)? {
            Some((id, true)) => {
                let who = Who::User { id, name: subject.external_id };
                Ok(Verified { who, at: now, expires: Some(subject.expires) })
            }
            Some((_, false)) | None => Err(Failed::NotAdmin),
        }
    }

    /// Waits for a turn, unless too many do already.
    async fn turn(&self, at_a_time: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Denied> {
        let _place = self.waiting.try_acquire().map_err(|_| Denied::TooMany { seconds: 1 })?;
        // The semaphore is never closed.
        Arc::clone(at_a_time).acquire_owned().await.map_err(|_| Denied::Unavailable)
    }

    /// Counts an attempt as failed, unless too many have.
    fn try_once(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), Denied> {
        self.attempts.begin(address, now).map_err(|limited| too_many(limited, address))
    }

    /// Where those wait who come with the same token.
    fn line(&self, print: &Print) -> Arc<AsyncMutex<()>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(print).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        lines.insert(*print, Arc::downgrade(&line));
        line
    }

    fn remembered(&self, print: &Print) -> Option<Who> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = remembered.get(print)?;
        verified.is_believed(self.now()).then(|| verified.who.clone())
    }

    fn remember(&self, print: Print, verified: Verified, now: DateTime<Utc>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, verified| verified.is_believed(now));
        }
        if remembered.len() < REMEMBERED {
            remembered.insert(print, verified);
        }
    }

    fn address(&self, headers: &HeaderMap, peer: Option<Peer>) -> IpAddr {
        attempts::address(headers, peer, self.settings.behind_proxy)
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}

fn too_many(limited: Limited, address: IpAddr) -> Denied {
    let Limited { seconds, is_new } = limited;
    if is_new {
        tracing::info!(target: "audit", %address, seconds, "limited");
    }
    Denied::TooMany { seconds }
}

/// The token of a request, where it has one; of two, and of one that is no text, nothing is left that could be right.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    const SCHEME: &[u8] = b"bearer";
    let mut given = headers.get_all(AUTHORIZATION).iter().filter(|given| {
        let scheme = given.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    });
    let first = given.next()?;
    let token = first.to_str().ok().and_then(|given| given.get(SCHEME.len()..)).unwrap_or_default();
    Some(if given.next().is_some() { "" } else { token.trim() })
}

/// What the database says, in time; the log has why it says nothing.
async fn asked<T>(asking: impl Future<Output = Result<T, growth_db::Error>>) -> Option<T> {
    match timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(error)) => tracing::warn!(problem = causes(&error), "sign-in cannot ask the database"),
        Err(_) => tracing::warn!(patience = ?PATIENCE, "the database does not answer sign-in"),
    }
    None
}

/// An error with what caused it: the first words alone often say no more than that there is one.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ")
}
