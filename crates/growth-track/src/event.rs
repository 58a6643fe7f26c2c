//! What the product tells: events, who people are, and usage counters.

use chrono::{DateTime, NaiveDate, Utc};
use growth_domain::catalogue::EventStatus;
use serde_json::{Map, Value};

/// One product event.
///
/// ```
/// use growth_track::Event;
///
/// let at = "2026-07-01T12:00:00Z".parse().unwrap();
/// let event = Event::new("search_performed", at).user("ann").app("finder").property("results", 12);
/// assert_eq!(event.status, "success");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The client's message id, unique within `source`; a second event with the same id changes nothing.
    pub message_id: Option<String>,
    /// Who sends it, for instance `demo` or an import's name.
    pub source: String,
    /// The application's user id; `None` for events without a user.
    pub user: Option<String>,
    /// Tells visitors without a user apart. Their events become those of the user whom an [`Identity`] names.
    pub anonymous_id: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// A name of the catalogue or a custom one in `snake_case`, see [`growth_domain::catalogue`].
    pub name: String,
    /// One of the six categories; `None` for the catalogue's own, which is `user_action` for a custom name.
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
    /// The request in which it happened.
    pub context: Context,
    /// Whether it shows that the user is there. One that is told by a server's job counts as an event, and makes
    /// nobody an active user.
    pub active: bool,
}

/// The request in which an event happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The client's address. Only a hash of it is stored, whose salt lives for a day, unless the settings say otherwise.
    pub ip: Option<String>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The page before.
    pub referrer: Option<String>,
}

impl Event {
    /// Makes an event with this name that happened at `at`: a success, of nobody.
    pub fn new(name: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self {
            message_id: None,
            source: String::new(),
            user: None,
            anonymous_id: None,
            at,
            name: name.into(),
            category: None,
            app: String::new(),
            session_id: None,
            properties: Value::Object(Map::new()),
            duration_ms: None,
            status: EventStatus::Success.as_str().to_owned(),
            error_message: None,
            context: Context::default(),
            active: true,
        }
    }

    /// Says whose it is, by the application's user id.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Says which application of the product it happened in.
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = app.into();
        self
    }

    /// Adds a property. Where `properties` was made something else than an object, it becomes one.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Value::Object(properties) = &mut self.properties {
            properties.insert(name.into(), value.into());
        } else {
            self.properties = Value::Object(Map::from_iter([(name.into(), value.into())]));
        }
        self
    }

    /// Says how long it took, in milliseconds.
    #[must_use]
    pub fn duration_ms(mut self, duration_ms: i64) -> Self {
        self.duration_ms = Some(duration_ms);
        self
    }

    /// Says how it ended.
    #[must_use]
    pub fn status(mut self, status: EventStatus) -> Self {
        status.as_str().clone_into(&mut self.status);
        self
    }

    /// Makes it a failure, and says why.
    #[must_use]
    pub fn failed(mut self, why: impl Into<String>) -> Self {
        self.error_message = Some(why.into());
        self.status(EventStatus::Failed)
    }

    /// Gives it an id by which a retry is known: unique within `source`.
    #[must_use]
    pub fn message_id(mut self, source: impl Into<String>, id: impl Into<String>) -> Self {
        (self.source, self.message_id) = (source.into(), Some(id.into()));
        self
    }

    /// Says in which request it happened.
    #[must_use]
    pub fn context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }
}

/// A user of the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The application's user id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
    /// Whether the user may see everything.
    pub is_admin: bool,
}

/// What an application tells of one person: who a visitor is, or what is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The client's message id, unique within `source`.
    pub message_id: Option<String>,
    /// Who tells it.
    pub source: String,
    /// The application's user id.
    pub user: String,
    /// The visitor that the user was so far.
    pub anonymous_id: Option<String>,
    /// When it was told; a user whom nobody named before is as old.
    pub at: DateTime<Utc>,
    /// E-mail address; `None` leaves a known one as it is.
    pub email: Option<String>,
    /// When the user signed up; `None` leaves what is known as it is.
    pub created_at: Option<DateTime<Utc>>,
}

/// An increment of a user's usage counters on one local day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The client's message id, unique within `source`; a second increment with the same id changes nothing.
    pub message_id: Option<String>,
    /// Who sends it.
    pub source: String,
    /// The application's user id.
    pub user: String,
    /// The local day.
    pub date: NaiveDate,
    /// Which application of the product.
    pub app: String,
    /// By how much.
    pub counters: Counters,
}

/// Declares the counters once, with their names.
macro_rules! counters {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        /// Usage counters, or an increment of them.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$meta])* pub $name: i64,)+
        }

        impl Counters {
            /// The names of all counters.
            pub const NAMES: [&'static str; 9] = [$(stringify!($name)),+];

            /// All counters in the order of their names.
            pub fn values(&self) -> [i64; 9] {
                [$(self.$name),+]
            }

            /// The counter of this name, to be set.
            pub fn by_name(&mut self, name: &str) -> Option<&mut i64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            pub(crate) fn add_to(self, row: &mut growth_db::rows::UsageRow) {
                $(row.$name += self.$name;)+
            }
        }
    };
}

counters! {
    /// Contacts enriched.
    enrichments,
    /// Searches made.
    searches,
    /// Files exported.
    exports,
    /// Pitches generated.
    pitches_generated,
    /// E-mails sent.
    emails_sent,
    /// Campaigns created.
    campaigns_created,
    /// Contacts added.
    contacts_added,
    /// Sessions begun.
    sessions,
    /// Time in sessions, in milliseconds.
    session_duration_ms,
}
