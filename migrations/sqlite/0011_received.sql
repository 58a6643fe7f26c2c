-- When an event last arrived, by each way: where none came by webhook, finding that out took a look at every event.

DROP INDEX stripe_events_received;
CREATE INDEX stripe_events_received ON stripe_events (account, livemode, source, received_at);
