-- Backfills: which of Stripe's lists were read how far, so that an interrupted one goes on where it was.

CREATE TABLE backfill_runs (
    account     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    from_at     TIMESTAMPTZ NOT NULL,
    until_at    TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    PRIMARY KEY (account, livemode, started_at)
);

-- A part of a list: what was created from from_at to until_at, both included. It is read from the newest to the
-- oldest; after_id is the last object that was stored, and after_at its time.
CREATE TABLE backfill_slices (
    account    TEXT COLLATE "C" NOT NULL,
    livemode   BOOLEAN NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    list       TEXT COLLATE "C" NOT NULL,
    number     BIGINT NOT NULL,
    from_at    TIMESTAMPTZ NOT NULL,
    until_at   TIMESTAMPTZ NOT NULL,
    after_id   TEXT COLLATE "C",
    after_at   TIMESTAMPTZ,
    done       BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, started_at, list, number)
);
