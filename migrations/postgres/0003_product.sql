-- The product: events, their rollups, usage counters. Keys contain user_id and nothing joins
-- these tables on other columns, so that they can be distributed by user. Events without a
-- user have user 0. No foreign keys, no triggers.

-- Partitioned by UTC month; whoever stores the first event of a month makes its partition.
CREATE TABLE events (
    user_id        BIGINT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    id             BIGINT NOT NULL,
    event_name     TEXT NOT NULL,
    event_category TEXT NOT NULL,
    app_name       TEXT NOT NULL,
    session_id     TEXT,
    properties     JSONB NOT NULL,
    duration_ms    BIGINT,
    status         TEXT NOT NULL,
    error_message  TEXT,
    ip_hash        TEXT,
    user_agent     TEXT,
    referrer       TEXT,
    PRIMARY KEY (user_id, created_at, id)
) PARTITION BY RANGE (created_at);
CREATE INDEX events_created_at ON events USING brin (created_at);
CREATE INDEX events_name ON events (event_name, created_at);

-- Client message ids, so that a retry changes nothing.
CREATE TABLE event_receipts (
    source      TEXT COLLATE "C" NOT NULL,
    message_id  TEXT COLLATE "C" NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (source, message_id)
);
CREATE INDEX event_receipts_received_at ON event_receipts (received_at);

-- Bit n-1 of days is the n-th local day of the month; month is its first day.
CREATE TABLE user_activity (
    month   DATE NOT NULL,
    user_id BIGINT NOT NULL,
    days    BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (month, user_id)
);

CREATE TABLE daily_event (
    day         DATE NOT NULL,
    event_name  TEXT NOT NULL,
    app_name    TEXT NOT NULL,
    n           BIGINT NOT NULL,
    successes   BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    contacts    BIGINT NOT NULL,
    PRIMARY KEY (day, event_name, app_name)
);

-- activated_at: the first activation event. first_seen_at and last_seen_at: any event.
CREATE TABLE user_milestones (
    user_id       BIGINT NOT NULL PRIMARY KEY,
    first_seen_at TIMESTAMPTZ,
    signed_up_at  TIMESTAMPTZ,
    activated_at  TIMESTAMPTZ,
    last_seen_at  TIMESTAMPTZ
);

CREATE TABLE usage_counters (
    user_id             BIGINT NOT NULL,
    date                DATE NOT NULL,
    app_name            TEXT NOT NULL,
    enrichments         BIGINT NOT NULL,
    searches            BIGINT NOT NULL,
    exports             BIGINT NOT NULL,
    pitches_generated   BIGINT NOT NULL,
    emails_sent         BIGINT NOT NULL,
    campaigns_created   BIGINT NOT NULL,
    contacts_added      BIGINT NOT NULL,
    sessions            BIGINT NOT NULL,
    session_duration_ms BIGINT NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, date, app_name)
);
