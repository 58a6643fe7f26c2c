-- Backfills: which of Stripe's lists were read how far, so that an interrupted one goes on where it was.

CREATE TABLE backfill_runs (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    started_at  TEXT NOT NULL,
    from_at     TEXT NOT NULL,
    until_at    TEXT NOT NULL,
    finished_at TEXT,
    PRIMARY KEY (account, livemode, started_at)
) STRICT;

-- A part of a list: what was created from from_at to until_at, both included. It is read from the newest to the
-- oldest; after_id is the last object that was stored, and after_at its time.
CREATE TABLE backfill_slices (
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    list       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    from_at    TEXT NOT NULL,
    until_at   TEXT NOT NULL,
    after_id   TEXT,
    after_at   TEXT,
    done       INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, started_at, list, number)
) STRICT;
