-- What waits: events that are stored and not yet applied, users whom payments may have been waiting for.

CREATE INDEX stripe_events_pending ON stripe_events (received_at, account, livemode, id) WHERE state = 'pending';

-- Users who are new or changed their address, until their payments and customers were looked for.
CREATE TABLE users_to_link (
    user_id INTEGER NOT NULL PRIMARY KEY
) STRICT;
