-- Revenue: what Stripe's facts fold into. Every key begins with (account, livemode),
-- so that connected accounts and test data never mix. No foreign keys: facts come in any order.

-- A row here is the latest state by (stamp_at, stamp_rank, stamp_event), never by arrival.
CREATE TABLE customers (
    account       TEXT NOT NULL,
    livemode      INTEGER NOT NULL,
    id            TEXT NOT NULL,
    stamp_at      TEXT NOT NULL,
    stamp_rank    INTEGER NOT NULL,
    stamp_event   TEXT NOT NULL,
    created_at    TEXT,
    email         TEXT,
    name          TEXT,
    deleted       INTEGER NOT NULL,
    user_id       INTEGER,
    attributed_by TEXT,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX customers_user ON customers (user_id);

-- Who a customer is in the application, as each of Stripe's objects tells it.
CREATE TABLE customer_claims (
    account             TEXT NOT NULL,
    livemode            INTEGER NOT NULL,
    source              TEXT NOT NULL,
    customer            TEXT NOT NULL,
    stamp_at            TEXT NOT NULL,
    stamp_rank          INTEGER NOT NULL,
    stamp_event         TEXT NOT NULL,
    client_reference_id TEXT,
    user_reference      TEXT,
    email               TEXT,
    PRIMARY KEY (account, livemode, source)
) STRICT;
CREATE INDEX customer_claims_customer ON customer_claims (account, livemode, customer);
CREATE INDEX customer_claims_client_reference ON customer_claims (client_reference_id);
CREATE INDEX customer_claims_user_reference ON customer_claims (user_reference);
CREATE INDEX customer_claims_email ON customer_claims (lower(email));

CREATE TABLE products (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    id          TEXT NOT NULL,
    stamp_at    TEXT NOT NULL,
    stamp_rank  INTEGER NOT NULL,
    stamp_event TEXT NOT NULL,
    name        TEXT,
    deleted     INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;

-- tiers stand apart from terms: most payloads leave them out, and leaving out is not removing.
CREATE TABLE prices (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    id          TEXT NOT NULL,
    stamp_at    TEXT NOT NULL,
    stamp_rank  INTEGER NOT NULL,
    stamp_event TEXT NOT NULL,
    terms       TEXT NOT NULL,
    tiers       TEXT,
    deleted     INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;

CREATE TABLE coupons (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    id          TEXT NOT NULL,
    stamp_at    TEXT NOT NULL,
    stamp_rank  INTEGER NOT NULL,
    stamp_event TEXT NOT NULL,
    terms       TEXT NOT NULL,
    deleted     INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;

-- A coupon's use. of_customer: by the customer as a whole, not by one subscription, item or invoice.
CREATE TABLE discounts (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    id          TEXT NOT NULL,
    stamp_at    TEXT NOT NULL,
    stamp_rank  INTEGER NOT NULL,
    stamp_event TEXT NOT NULL,
    customer    TEXT,
    of_customer INTEGER NOT NULL,
    terms       TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX discounts_customer ON discounts (account, livemode, customer);

-- Which customers are priced again when a price, discount or coupon arrives late.
CREATE TABLE pricing_references (
    account   TEXT NOT NULL,
    livemode  INTEGER NOT NULL,
    reference TEXT NOT NULL,
    customer  TEXT NOT NULL,
    PRIMARY KEY (account, livemode, reference, customer)
) STRICT;
CREATE INDEX pricing_references_customer ON pricing_references (account, livemode, customer);

-- The history of subscriptions: append-only, one row for each event that told of a state.
CREATE TABLE subscription_changes (
    account      TEXT NOT NULL,
    livemode     INTEGER NOT NULL,
    subscription TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    customer     TEXT NOT NULL,
    stamp_at     TEXT NOT NULL,
    stamp_rank   INTEGER NOT NULL,
    from_event   INTEGER NOT NULL,
    event_type   TEXT NOT NULL,
    status       TEXT NOT NULL,
    state        TEXT NOT NULL,
    PRIMARY KEY (account, livemode, subscription, event_id)
) STRICT;
CREATE INDEX subscription_changes_customer ON subscription_changes (account, livemode, customer);

-- The latest state of each subscription. unpriced: why its price is not known, NULL when it is.
CREATE TABLE subscriptions (
    account              TEXT NOT NULL,
    livemode             INTEGER NOT NULL,
    id                   TEXT NOT NULL,
    customer             TEXT NOT NULL,
    currency             TEXT NOT NULL,
    status               TEXT NOT NULL,
    price                TEXT,
    plan_name            TEXT,
    quantity             INTEGER,
    created_at           TEXT,
    trial_end            TEXT,
    period_start         TEXT,
    period_end           TEXT,
    cancel_at_period_end INTEGER NOT NULL,
    cancel_at            TEXT,
    canceled_at          TEXT,
    ended_at             TEXT,
    paused               INTEGER NOT NULL,
    mrr_micros           INTEGER NOT NULL,
    unpriced             TEXT,
    reconstructed        INTEGER NOT NULL,
    stamp_at             TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX subscriptions_customer ON subscriptions (account, livemode, customer);

-- What each subscription is worth from `at` until its next row. Amounts are micro-minor units
-- (1e-6 of a minor unit) a month.
CREATE TABLE subscription_mrr (
    account         TEXT NOT NULL,
    livemode        INTEGER NOT NULL,
    subscription    TEXT NOT NULL,
    at              TEXT NOT NULL,
    customer        TEXT NOT NULL,
    currency        TEXT NOT NULL,
    status          TEXT NOT NULL,
    counted         INTEGER NOT NULL,
    list_micros     INTEGER NOT NULL,
    discount_micros INTEGER NOT NULL,
    net_micros      INTEGER NOT NULL,
    at_risk         INTEGER NOT NULL,
    ending          INTEGER NOT NULL,
    unpriced        TEXT,
    reason          TEXT,
    reconstructed   INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, subscription, at)
) STRICT;
CREATE INDEX subscription_mrr_customer ON subscription_mrr (account, livemode, customer, subscription, at);

-- The ledger: each change of one customer's MRR in one currency. kind: new, reactivation,
-- expansion, contraction, churn. mrr_micros is the MRR after the change.
CREATE TABLE mrr_movements (
    account       TEXT NOT NULL,
    livemode      INTEGER NOT NULL,
    customer      TEXT NOT NULL,
    currency      TEXT NOT NULL,
    at            TEXT NOT NULL,
    kind          TEXT NOT NULL,
    reason        TEXT,
    delta_micros  INTEGER NOT NULL,
    mrr_micros    INTEGER NOT NULL,
    reconstructed INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, customer, currency, at)
) STRICT;
CREATE INDEX mrr_movements_at ON mrr_movements (account, livemode, at);

-- What each event says about payments. Facts whose objects link to each other share a group
-- and are folded together.
CREATE TABLE payment_facts (
    account   TEXT NOT NULL,
    livemode  INTEGER NOT NULL,
    event_id  TEXT NOT NULL,
    object_id TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    fact      TEXT NOT NULL,
    PRIMARY KEY (account, livemode, event_id, object_id)
) STRICT;
CREATE INDEX payment_facts_group ON payment_facts (account, livemode, group_id);

-- Every id that names something of a group: cs_, pi_, ch_, in_, inpay_, re_, dp_.
CREATE TABLE payment_aliases (
    account  TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    alias    TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (account, livemode, alias)
) STRICT;
CREATE INDEX payment_aliases_group ON payment_aliases (account, livemode, group_id);

-- One row for each payment, whatever number of events told of it. Amounts are minor units.
-- event_id: the earliest event that tells of it. fee: NULL where it is not known.
CREATE TABLE payments (
    account          TEXT NOT NULL,
    livemode         INTEGER NOT NULL,
    id               TEXT NOT NULL,
    group_id         TEXT NOT NULL,
    event_id         TEXT NOT NULL,
    payment_intent   TEXT,
    charge           TEXT,
    invoice          TEXT,
    checkout_session TEXT,
    subscription     TEXT,
    customer         TEXT,
    user_id          INTEGER,
    attributed_by    TEXT,
    user_reference   TEXT,
    email            TEXT,
    amount           INTEGER NOT NULL,
    currency         TEXT NOT NULL,
    status           TEXT NOT NULL,
    price            TEXT,
    plan_name        TEXT,
    billing_period   TEXT,
    method           TEXT,
    failure_code     TEXT,
    failure_reason   TEXT,
    refunded_at      TEXT,
    refund_amount    INTEGER NOT NULL,
    refund_reason    TEXT,
    fee              INTEGER,
    fee_currency     TEXT,
    paid_at          TEXT,
    created_at       TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id),
    UNIQUE (account, livemode, event_id)
) STRICT;
CREATE INDEX payments_group ON payments (account, livemode, group_id);
CREATE INDEX payments_customer ON payments (account, livemode, customer);
CREATE INDEX payments_paid_at ON payments (account, livemode, paid_at);
CREATE INDEX payments_at ON payments (account, livemode, COALESCE(paid_at, created_at));
CREATE INDEX payments_failed ON payments (account, livemode, created_at) WHERE status = 'failed';
CREATE INDEX payments_user ON payments (user_id, created_at);

-- Which payments are attributed again when a user arrives late: user:<id>, email:<address in lower case>.
CREATE TABLE payment_references (
    account   TEXT NOT NULL,
    livemode  INTEGER NOT NULL,
    reference TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    PRIMARY KEY (account, livemode, reference, group_id)
) STRICT;
CREATE INDEX payment_references_reference ON payment_references (reference);
CREATE INDEX payment_references_group ON payment_references (account, livemode, group_id);

-- counted: whether the amount went back; a failed or canceled refund gives it back, and what was never
-- captured is none. origin: `refund`, or `charge` for the parts of a charge's amount_refunded that no refund
-- told of: they have the charge's id, with #2, #3 … for the later ones.
CREATE TABLE refunds (
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    id         TEXT NOT NULL,
    group_id   TEXT NOT NULL,
    payment    TEXT,
    charge     TEXT,
    amount     INTEGER NOT NULL,
    currency   TEXT NOT NULL,
    status     TEXT NOT NULL,
    counted    INTEGER NOT NULL,
    origin     TEXT NOT NULL,
    reason     TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX refunds_group ON refunds (account, livemode, group_id);
CREATE INDEX refunds_created_at ON refunds (account, livemode, created_at);

CREATE TABLE disputes (
    account       TEXT NOT NULL,
    livemode      INTEGER NOT NULL,
    id            TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    payment       TEXT,
    charge        TEXT,
    amount        INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    status        TEXT NOT NULL,
    reason        TEXT,
    withdrawn     INTEGER NOT NULL,
    withdrawn_at  TEXT,
    reinstated    INTEGER NOT NULL,
    reinstated_at TEXT,
    fee           INTEGER,
    created_at    TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX disputes_group ON disputes (account, livemode, group_id);

-- lines: what a subscription's items cost, for prices that their payload does not tell.
CREATE TABLE invoices (
    account         TEXT NOT NULL,
    livemode        INTEGER NOT NULL,
    id              TEXT NOT NULL,
    group_id        TEXT NOT NULL,
    customer        TEXT,
    subscription    TEXT,
    status          TEXT NOT NULL,
    amount_due      INTEGER NOT NULL,
    amount_paid     INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    billing_reason  TEXT,
    attempt_count   INTEGER,
    first_failed_at TEXT,
    paid_at         TEXT,
    created_at      TEXT NOT NULL,
    lines           TEXT NOT NULL,
    PRIMARY KEY (account, livemode, id)
) STRICT;
CREATE INDEX invoices_group ON invoices (account, livemode, group_id);
CREATE INDEX invoices_subscription ON invoices (account, livemode, subscription);
