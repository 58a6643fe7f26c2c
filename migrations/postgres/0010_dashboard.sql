-- Who may look at the dashboard.

-- Tokens of admins. id is the part of a token that may be seen; hash is argon2id of the rest, in PHC form.
CREATE TABLE admin_tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);

-- Who is signed in. digest is SHA-256 of what the browser keeps; a session is of a token, or of a user who is an admin, or
-- of the link that the server printed (neither). It ends at ends_at, or earlier when nobody was there for long.
CREATE TABLE dashboard_sessions (
    digest     TEXT NOT NULL PRIMARY KEY,
    token_id   TEXT,
    user_id    BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL,
    ends_at    TIMESTAMPTZ NOT NULL,
    CHECK (token_id IS NULL OR user_id IS NULL)
);
CREATE INDEX dashboard_sessions_end ON dashboard_sessions (ends_at);
