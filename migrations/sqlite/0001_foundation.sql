-- What everything stands on: settings, the directory of users, the raw inbox of Stripe's events.

-- The policy and time zone that stored figures were built with.
CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO settings (key, value) VALUES ('policy', 'stripe'), ('timezone', 'UTC');

-- Ids begin at 1 and none is ever given again: user 0 is nobody.
-- known_from_events: only events named the user, and created_at is the earliest of them.
CREATE TABLE users (
    id                INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    external_id       TEXT NOT NULL UNIQUE,
    email             TEXT,
    created_at        TEXT NOT NULL,
    is_admin          INTEGER NOT NULL DEFAULT 0,
    known_from_events INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX users_email ON users (lower(email));
CREATE INDEX users_created_at ON users (created_at);

-- Stripe's events as they came. state: pending, applied, ignored, failed.
CREATE TABLE stripe_events (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    id          TEXT NOT NULL,
    event_type  TEXT NOT NULL,
    created     TEXT NOT NULL,
    api_version TEXT,
    source      TEXT NOT NULL,
    received_at TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT,
    payload     TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX stripe_events_state ON stripe_events (account, livemode, state, created);
CREATE INDEX stripe_events_received ON stripe_events (account, livemode, received_at);
