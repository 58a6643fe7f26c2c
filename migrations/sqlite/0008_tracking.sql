-- Who may send events, how a visitor becomes a user, how a person is forgotten, and what remains of raw events that are gone.

-- active: whether it shows that its user is there; a server's job that tells of one does not.
-- ip: the address itself, only where the settings say so; ip_hash is salted by the day.
ALTER TABLE events ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN ip TEXT;

-- A forgotten person stays a number. external_id is 'erased:' and the SHA-256 of settings.erasure_salt and the former
-- id, in hexadecimal, so that whoever names the person again is recognised and not let in.
ALTER TABLE users ADD COLUMN erased_at TEXT;
INSERT INTO settings (key, value) VALUES
    ('activation_event', ''),
    ('erasure_salt', lower(hex(randomblob(32)))),
    ('pruned_before', '');

-- Stripe's customers who were forgotten: what Stripe tells of them again is stored without what says who they are.
CREATE TABLE forgotten_customers (
    account  TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    customer TEXT NOT NULL,
    PRIMARY KEY (account, livemode, customer)
) STRICT;

-- Visitors without a user. Their events have user_id = -id until one of them tells who they are; then user_id here says it.
CREATE TABLE visitors (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    anonymous_id TEXT NOT NULL UNIQUE,
    user_id      INTEGER
) STRICT;
CREATE INDEX visitors_user ON visitors (user_id) WHERE user_id IS NOT NULL;

-- Keys that applications send events with. Only digests are kept; hint is how the key begins.
CREATE TABLE write_keys (
    digest     TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    hint       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;

-- What addresses of one day are hashed with; gone when the day is over.
CREATE TABLE daily_salts (
    day  TEXT NOT NULL PRIMARY KEY,
    salt TEXT NOT NULL
) STRICT;

-- The part of each rollup that was made of raw events which are gone: pruned, or of people who were forgotten.
-- A rollup is what is here and what the raw events give.
CREATE TABLE kept_activity (
    month   TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    days    INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (month, user_id)
) STRICT;

CREATE TABLE kept_daily_event (
    day         TEXT NOT NULL,
    event_name  TEXT NOT NULL,
    app_name    TEXT NOT NULL,
    n           INTEGER NOT NULL,
    successes   INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    contacts    INTEGER NOT NULL,
    PRIMARY KEY (day, event_name, app_name)
) STRICT;

CREATE TABLE kept_milestones (
    user_id       INTEGER NOT NULL PRIMARY KEY,
    first_seen_at TEXT,
    signed_up_at  TEXT,
    activated_at  TEXT,
    last_seen_at  TEXT
) STRICT;
