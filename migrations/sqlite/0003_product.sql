-- The product: events, their rollups, usage counters. Keys contain user_id and nothing joins
-- these tables on other columns, so that they can be distributed by user. Events without a
-- user have user 0. No foreign keys, no triggers.

CREATE TABLE events (
    user_id        INTEGER NOT NULL,
    created_at     TEXT NOT NULL,
    id             INTEGER NOT NULL,
    event_name     TEXT NOT NULL,
    event_category TEXT NOT NULL,
    app_name       TEXT NOT NULL,
    session_id     TEXT,
    properties     TEXT NOT NULL,
    duration_ms    INTEGER,
    status         TEXT NOT NULL,
    error_message  TEXT,
    ip_hash        TEXT,
    user_agent     TEXT,
    referrer       TEXT,
    PRIMARY KEY (user_id, created_at, id)
) STRICT;
CREATE INDEX events_created_at ON events (created_at);
CREATE INDEX events_name ON events (event_name, created_at);

-- Client message ids, so that a retry changes nothing.
CREATE TABLE event_receipts (
    source      TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (source, message_id)
) STRICT;
CREATE INDEX event_receipts_received_at ON event_receipts (received_at);

-- Bit n-1 of days is the n-th local day of the month; month is its first day.
CREATE TABLE user_activity (
    month   TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    days    INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (month, user_id)
) STRICT;

CREATE TABLE daily_event (
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

-- activated_at: the first activation event. first_seen_at and last_seen_at: any event.
CREATE TABLE user_milestones (
    user_id       INTEGER NOT NULL PRIMARY KEY,
    first_seen_at TEXT,
    signed_up_at  TEXT,
    activated_at  TEXT,
    last_seen_at  TEXT
) STRICT;

CREATE TABLE usage_counters (
    user_id             INTEGER NOT NULL,
    date                TEXT NOT NULL,
    app_name            TEXT NOT NULL,
    enrichments         INTEGER NOT NULL,
    searches            INTEGER NOT NULL,
    exports             INTEGER NOT NULL,
    pitches_generated   INTEGER NOT NULL,
    emails_sent         INTEGER NOT NULL,
    campaigns_created   INTEGER NOT NULL,
    contacts_added      INTEGER NOT NULL,
    sessions            INTEGER NOT NULL,
    session_duration_ms INTEGER NOT NULL,
    updated_at          TEXT NOT NULL,
    PRIMARY KEY (user_id, date, app_name)
) STRICT;
