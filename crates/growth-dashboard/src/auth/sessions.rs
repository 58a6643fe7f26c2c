//! Who is signed in: by what a browser keeps, of which only a digest is stored.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use growth_db::Db;
use growth_db::rows::dashboard_sessions::{self, Owner};
use tokio::time::timeout;

use super::secrets::{Print, hex, is_hex, print, random};
use super::{BELIEVED, Who, site};

/// How often it is written that somebody is there.
const SEEN: TimeDelta = TimeDelta::minutes(1);
/// How long whoever looks waits for that to be written: the embedded database may have a long import to write first.
const SEEN_PATIENCE: Duration = Duration::from_secs(1);
/// How many sessions are remembered.
const REMEMBERED: usize = 1000;
/// A session has 256 random bits.
const BYTES: usize = 32;

/// The name over TLS: browsers take it from this very host only, and only with `Secure` and `Path=/`.
const NAME: &str = "__Host-growthctl";
/// How the name begins on this machine itself, where there is no TLS. Cookies are of a machine and not of a port, so the
/// port stands in the name: two dashboards side by side do not sign each other's viewers out.
const LOOPBACK_NAME: &str = "growthctl";

fn name(headers: &HeaderMap) -> String {
    match site::port(headers) {
        _ if site::is_secure(headers) => NAME.to_owned(),
        Some(port) => format!("{LOOPBACK_NAME}-{port}"),
        None => LOOPBACK_NAME.to_owned(),
    }
}

/// What a browser keeps.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Cookie(String);

impl Cookie {
    /// The session of a request. One that is given twice is none: it is not known which the server gave.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let name = name(headers);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut values = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
            let (given, value) = cookie.trim().split_once('=')?;
            (given == name).then_some(value)
        });
        match (values.next(), values.next()) {
            (Some(value), None) if is_hex(value, 2 * BYTES) => Some(Self(value.to_owned())),
            _ => None,
        }
    }

    fn new() -> Self {
        Self(hex(&random::<BYTES>()))
    }

    fn print(&self) -> Print {
        print(&self.0)
    }

    /// What a browser is told to keep, for as long as this.
    pub(crate) fn kept(&self, headers: &HeaderMap, lifetime: Duration) -> Option<HeaderValue> {
        set(headers, &self.0, lifetime.as_secs())
    }
}

/// What a browser is told to keep no more.
pub(crate) fn forgotten(headers: &HeaderMap) -> Option<HeaderValue> {
    set(headers, "", 0)
}

fn set(headers: &HeaderMap, value: &str, seconds: u64) -> Option<HeaderValue> {
    let (name, secure) = (name(headers), if site::is_secure(headers) { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Why a session is not known.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// It is none, or it is over.
    Over,
    /// The database does not say.
    Unavailable,
}

/// The sessions of a database.
pub(crate) struct Sessions {
    db: Db,
    idle: TimeDelta,
    lifetime: TimeDelta,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    sessions: HashMap<Print, Session>,
    /// How often sessions were ended: what was read before the last time is not remembered.
    ended: u64,
}

#[derive(Clone)]
struct Session {
    who: Who,
    read_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl Sessions {
    pub(crate) fn new(db: Db, idle: Duration, lifetime: Duration) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let longest = TimeDelta::days(3650);
        Self {
            db,
            idle: delta(idle).min(longest),
            lifetime: delta(lifetime).min(longest),
            remembered: Mutex::default(),
        }
    }

    /// Begins a session, and ends the one that it takes the place of.
    ///
    /// # Errors
    ///
    /// The database's.
    pub(crate) async fn begin(
        &self,
        who: &Who,
        instead_of: Option<&Cookie>,
        now: DateTime<Utc>,
    ) -> Result<Cookie, NoSession> {
        let cookie = Cookie::new();
        let now = now.trunc_subsecs(6);
        let owner = match who {
            Who::Token { id, .. } => Owner::Token(id),
            Who::User { id, .. } => Owner::User(*id),
            Who::Link => Owner::Link,
        };
        let digest = hex(&cookie.print());
        let earlier = instead_of.map(|cookie| hex(&cookie.print()));
        self.asked(async {
            let mut tx = self.db.begin().await?;
            dashboard_sessions::add(&mut tx, &digest, owner, now, now + self.lifetime).await?;
            if let Some(earlier) = &earlier {
                dashboard_sessions::remove(&mut tx, earlier).await?;
            }
            dashboard_sessions::remove_over(&mut tx, now, now - self.idle).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        if let Some(earlier) = instead_of {
            self.forget(earlier);
        }
        Ok(cookie)
    }

    /// Who is signed in.
    ///
    /// # Errors
    ///
    /// That nobody is, or that it is not known.
    pub(crate) async fn who(&self, cookie: &Cookie, now: DateTime<Utc>) -> Result<Who, NoSession> {
        let print = cookie.print();
        let ended = {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            let session = remembered.sessions.get(&print);
            if let Some(session) = session.filter(|session| is_believed(session.read_at, now)) {
                return if self.is_over(session, now) {
                    Err(NoSession::Over)
                } else {
                    Ok(session.who.clone())
                };
            }
            remembered.ended
        };
        let digest = hex(&print);
        let row = self.asked(dashboard_sessions::find(&self.db, &digest)).await?;
        let row = row.ok_or(NoSession::Over)?;
        let who = match (row.token_id, row.user_id) {
            (Some(id), _) => row.token_name.map(|name| Who::Token { id, name }),
            (None, Some(id)) => row.user_name.map(|name| Who::User { id, name }),
            (None, None) => Some(Who::Link),
        };
        let session =
            who.map(|who| Session { who, read_at: now, seen_at: row.seen_at, ends_at: row.ends_at });
        let Some(mut session) = session.filter(|session| !self.is_over(session, now)) else {
            // What is over is over, whether this succeeds or not.
            let _ = self.remove(&digest).await;
            return Err(NoSession::Over);
        };
        if now - session.seen_at >= SEEN
            && let Ok(Ok(())) = timeout(SEEN_PATIENCE, self.see(&digest, now)).await
        {
            session.seen_at = now;
        }
        let who = session.who.clone();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.ended == ended {
            if remembered.sessions.len() >= REMEMBERED {
                remembered.sessions.retain(|_, session| is_believed(session.read_at, now));
            }
            if remembered.sessions.len() < REMEMBERED {
                remembered.sessions.insert(print, session);
            }
        }
        Ok(who)
    }

    /// Ends a session, for this server at once.
    ///
    /// # Errors
    ///
    /// The database's; the session goes on then.
    pub(crate) async fn end(&self, cookie: &Cookie) -> Result<(), NoSession> {
        let removed = self.remove(&hex(&cookie.print())).await;
        self.forget(cookie);
        removed
    }

    fn forget(&self, cookie: &Cookie) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.ended += 1;
        remembered.sessions.remove(&cookie.print());
    }

    fn is_over(&self, session: &Session, now: DateTime<Utc>) -> bool {
        session.ends_at <= now || now - session.seen_at >= self.idle
    }

    async fn see(&self, digest: &str, now: DateTime<Utc>) -> Result<(), NoSession> {
        self.asked(async {
            let mut tx = self.db.begin().await?;
            dashboard_sessions::see(&mut tx, digest, now.trunc_subsecs(6)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn remove(&self, digest: &str) -> Result<(), NoSession> {
        self.asked(async {
            let mut tx = self.db.begin().await?;
            dashboard_sessions::remove(&mut tx, digest).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn asked<T>(
        &self,
        asking: impl Future<Output = Result<T, growth_db::Error>>,
    ) -> Result<T, NoSession> {
        super::asked(asking).await.ok_or(NoSession::Unavailable)
    }
}

/// Whether what was read then is believed now.
pub(crate) fn is_believed(read_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    read_at <= now && now - read_at < BELIEVED
}
