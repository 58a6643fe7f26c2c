-- What an update of a subscription replaced, as it was before: how it is seen that another update is missing.
-- NULL where the event does not say, as in rows from before this migration.

ALTER TABLE subscription_changes ADD COLUMN replaced JSONB;
