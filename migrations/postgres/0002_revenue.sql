-- Revenue: what Stripe's facts fold into. Every key begins with (account, livemode),
-- so that connected accounts and test data never mix. No foreign keys: facts come in any order.

-- A row here is the latest state by (stamp_at, stamp_rank, stamp_event), never by arrival.
CREATE TABLE customers (
    account       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    stamp_at      TIMESTAMPTZ NOT NULL,
    stamp_rank    BIGINT NOT NULL,
    stamp_event   TEXT COLLATE "C" NOT NULL,
    created_at    TIMESTAMPTZ,
    email         TEXT COLLATE "C",
    name          TEXT,
    deleted       BOOLEAN NOT NULL,
    user_id       BIGINT,
    attributed_by TEXT,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX customers_user ON customers (user_id);

-- Who a customer is in the application, as each of Stripe's objects tells it.
CREATE TABLE customer_claims (
    account             TEXT COLLATE "C" NOT NULL,
    livemode            BOOLEAN NOT NULL,
    source              TEXT COLLATE "C" NOT NULL,
    customer            TEXT COLLATE "C" NOT NULL,
    stamp_at            TIMESTAMPTZ NOT NULL,
    stamp_rank          BIGINT NOT NULL,
    stamp_event         TEXT COLLATE "C" NOT NULL,
    client_reference_id TEXT,
    user_reference      TEXT,
    email               TEXT COLLATE "C",
    PRIMARY KEY (account, livemode, source)
);
CREATE INDEX customer_claims_customer ON customer_claims (account, livemode, customer);
CREATE INDEX customer_claims_client_reference ON customer_claims (client_reference_id);
CREATE INDEX customer_claims_user_reference ON customer_claims (user_reference);
CREATE INDEX customer_claims_email ON customer_claims (lower(email));

CREATE TABLE products (
    account     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    stamp_at    TIMESTAMPTZ NOT NULL,
    stamp_rank  BIGINT NOT NULL,
    stamp_event TEXT COLLATE "C" NOT NULL,
    name        TEXT,
    deleted     BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, id)
);

-- tiers stand apart from terms: most payloads leave them out, and leaving out is not removing.
CREATE TABLE prices (
    account     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    stamp_at    TIMESTAMPTZ NOT NULL,
    stamp_rank  BIGINT NOT NULL,
    stamp_event TEXT COLLATE "C" NOT NULL,
    terms       JSONB NOT NULL,
    tiers       JSONB,
    deleted     BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, id)
);

CREATE TABLE coupons (
    account     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    stamp_at    TIMESTAMPTZ NOT NULL,
    stamp_rank  BIGINT NOT NULL,
    stamp_event TEXT COLLATE "C" NOT NULL,
    terms       JSONB NOT NULL,
    deleted     BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, id)
);

-- A coupon's use. of_customer: by the customer as a whole, not by one subscription, item or invoice.
CREATE TABLE discounts (
    account     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    stamp_at    TIMESTAMPTZ NOT NULL,
    stamp_rank  BIGINT NOT NULL,
    stamp_event TEXT COLLATE "C" NOT NULL,
    customer    TEXT COLLATE "C",
    of_customer BOOLEAN NOT NULL,
    terms       JSONB NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX discounts_customer ON discounts (account, livemode, customer);

-- Which customers are priced again when a price, discount or coupon arrives late.
CREATE TABLE pricing_references (
    account   TEXT COLLATE "C" NOT NULL,
    livemode  BOOLEAN NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    customer  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, livemode, reference, customer)
);
CREATE INDEX pricing_references_customer ON pricing_references (account, livemode, customer);

-- The history of subscriptions: append-only, one row for each event that told of a state.
CREATE TABLE subscription_changes (
    account      TEXT COLLATE "C" NOT NULL,
    livemode     BOOLEAN NOT NULL,
    subscription TEXT COLLATE "C" NOT NULL,
    event_id     TEXT COLLATE "C" NOT NULL,
    customer     TEXT COLLATE "C" NOT NULL,
    stamp_at     TIMESTAMPTZ NOT NULL,
    stamp_rank   BIGINT NOT NULL,
    from_event   BOOLEAN NOT NULL,
    event_type   TEXT NOT NULL,
    status       TEXT NOT NULL,
    state        JSONB NOT NULL,
    PRIMARY KEY (account, livemode, subscription, event_id)
);
CREATE INDEX subscription_changes_customer ON subscription_changes (account, livemode, customer);

-- The latest state of each subscription. unpriced: why its price is not known, NULL when it is.
CREATE TABLE subscriptions (
    account              TEXT COLLATE "C" NOT NULL,
    livemode             BOOLEAN NOT NULL,
    id                   TEXT COLLATE "C" NOT NULL,
    customer             TEXT COLLATE "C" NOT NULL,
    currency             TEXT NOT NULL,
    status               TEXT NOT NULL,
    price                TEXT COLLATE "C",
    plan_name            TEXT,
    quantity             BIGINT,
    created_at           TIMESTAMPTZ,
    trial_end            TIMESTAMPTZ,
    period_start         TIMESTAMPTZ,
    period_end           TIMESTAMPTZ,
    cancel_at_period_end BOOLEAN NOT NULL,
    cancel_at            TIMESTAMPTZ,
    canceled_at          TIMESTAMPTZ,
    ended_at             TIMESTAMPTZ,
    paused               BOOLEAN NOT NULL,
    mrr_micros           BIGINT NOT NULL,
    unpriced             TEXT,
    reconstructed        BOOLEAN NOT NULL,
    stamp_at             TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX subscriptions_customer ON subscriptions (account, livemode, customer);

-- What each subscription is worth from `at` until its next row. Amounts are micro-minor units
-- (1e-6 of a minor unit) a month.
CREATE TABLE subscription_mrr (
    account         TEXT COLLATE "C" NOT NULL,
    livemode        BOOLEAN NOT NULL,
    subscription    TEXT COLLATE "C" NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    customer        TEXT COLLATE "C" NOT NULL,
    currency        TEXT NOT NULL,
    status          TEXT NOT NULL,
    counted         BOOLEAN NOT NULL,
    list_micros     BIGINT NOT NULL,
    discount_micros BIGINT NOT NULL,
    net_micros      BIGINT NOT NULL,
    at_risk         BOOLEAN NOT NULL,
    ending          BOOLEAN NOT NULL,
    unpriced        TEXT,
    reason          TEXT,
    reconstructed   BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, subscription, at)
);
CREATE INDEX subscription_mrr_customer ON subscription_mrr (account, livemode, customer, subscription, at);

-- The ledger: each change of one customer's MRR in one currency. kind: new, reactivation,
-- expansion, contraction, churn. mrr_micros is the MRR after the change.
CREATE TABLE mrr_movements (
    account       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    customer      TEXT COLLATE "C" NOT NULL,
    currency      TEXT NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    kind          TEXT NOT NULL,
    reason        TEXT,
    delta_micros  BIGINT NOT NULL,
    mrr_micros    BIGINT NOT NULL,
    reconstructed BOOLEAN NOT NULL,
    PRIMARY KEY (account, livemode, customer, currency, at)
);
CREATE INDEX mrr_movements_at ON mrr_movements (account, livemode, at);

-- What each event says about payments. Facts whose objects link to each other share a group
-- and are folded together.
CREATE TABLE payment_facts (
    account   TEXT COLLATE "C" NOT NULL,
    livemode  BOOLEAN NOT NULL,
    event_id  TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    group_id  TEXT COLLATE "C" NOT NULL,
    fact      JSONB NOT NULL,
    PRIMARY KEY (account, livemode, event_id, object_id)
);
CREATE INDEX payment_facts_group ON payment_facts (account, livemode, group_id);

-- Every id that names something of a group: cs_, pi_, ch_, in_, inpay_, re_, dp_.
CREATE TABLE payment_aliases (
    account  TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    alias    TEXT COLLATE "C" NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, livemode, alias)
);
CREATE INDEX payment_aliases_group ON payment_aliases (account, livemode, group_id);

-- One row for each payment, whatever number of events told of it. Amounts are minor units.
-- event_id: the earliest event that tells of it. fee: NULL where it is not known.
CREATE TABLE payments (
    account          TEXT COLLATE "C" NOT NULL,
    livemode         BOOLEAN NOT NULL,
    id               TEXT COLLATE "C" NOT NULL,
    group_id         TEXT COLLATE "C" NOT NULL,
    event_id         TEXT COLLATE "C" NOT NULL,
    payment_intent   TEXT COLLATE "C",
    charge           TEXT COLLATE "C",
    invoice          TEXT COLLATE "C",
    checkout_session TEXT COLLATE "C",
    subscription     TEXT COLLATE "C",
    customer         TEXT COLLATE "C",
    user_id          BIGINT,
    attributed_by    TEXT,
    user_reference   TEXT,
    email            TEXT COLLATE "C",
    amount           BIGINT NOT NULL,
    currency         TEXT NOT NULL,
    status           TEXT NOT NULL,
    price            TEXT COLLATE "C",
    plan_name        TEXT,
    billing_period   TEXT,
    method           TEXT,
    failure_code     TEXT,
    failure_reason   TEXT,
    refunded_at      TIMESTAMPTZ,
    refund_amount    BIGINT NOT NULL,
    refund_reason    TEXT,
    fee              BIGINT,
    fee_currency     TEXT,
    paid_at          TIMESTAMPTZ,
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, livemode, id),
    UNIQUE (account, livemode, event_id)
);
CREATE INDEX payments_group ON payments (account, livemode, group_id);
CREATE INDEX payments_customer ON payments (account, livemode, customer);
CREATE INDEX payments_paid_at ON payments (account, livemode, paid_at);
CREATE INDEX payments_at ON payments (account, livemode, COALESCE(paid_at, created_at));
CREATE INDEX payments_failed ON payments (account, livemode, created_at) WHERE status = 'failed';
CREATE INDEX payments_user ON payments (user_id, created_at);

-- Which payments are attributed again when a user arrives late: user:<id>, email:<address in lower case>.
CREATE TABLE payment_references (
    account   TEXT COLLATE "C" NOT NULL,
    livemode  BOOLEAN NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    group_id  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, livemode, reference, group_id)
);
CREATE INDEX payment_references_reference ON payment_references (reference);
CREATE INDEX payment_references_group ON payment_references (account, livemode, group_id);

-- counted: whether the amount went back; a failed or canceled refund gives it back, and what was never
-- captured is none. origin: `refund`, or `charge` for the parts of a charge's amount_refunded that no refund
-- told of: they have the charge's id, with #2, #3 … for the later ones.
CREATE TABLE refunds (
    account    TEXT COLLATE "C" NOT NULL,
    livemode   BOOLEAN NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    group_id   TEXT COLLATE "C" NOT NULL,
    payment    TEXT COLLATE "C",
    charge     TEXT COLLATE "C",
    amount     BIGINT NOT NULL,
    currency   TEXT NOT NULL,
    status     TEXT NOT NULL,
    counted    BOOLEAN NOT NULL,
    origin     TEXT NOT NULL,
    reason     TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX refunds_group ON refunds (account, livemode, group_id);
CREATE INDEX refunds_created_at ON refunds (account, livemode, created_at);

CREATE TABLE disputes (
    account       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    group_id      TEXT COLLATE "C" NOT NULL,
    payment       TEXT COLLATE "C",
    charge        TEXT COLLATE "C",
    amount        BIGINT NOT NULL,
    currency      TEXT NOT NULL,
    status        TEXT NOT NULL,
    reason        TEXT,
    withdrawn     BIGINT NOT NULL,
    withdrawn_at  TIMESTAMPTZ,
    reinstated    BIGINT NOT NULL,
    reinstated_at TIMESTAMPTZ,
    fee           BIGINT,
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX disputes_group ON disputes (account, livemode, group_id);

-- lines: what a subscription's items cost, for prices that their payload does not tell.
CREATE TABLE invoices (
    account         TEXT COLLATE "C" NOT NULL,
    livemode        BOOLEAN NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    group_id        TEXT COLLATE "C" NOT NULL,
    customer        TEXT COLLATE "C",
    subscription    TEXT COLLATE "C",
    status          TEXT NOT NULL,
    amount_due      BIGINT NOT NULL,
    amount_paid     BIGINT NOT NULL,
    currency        TEXT NOT NULL,
    billing_reason  TEXT,
    attempt_count   BIGINT,
    first_failed_at TIMESTAMPTZ,
    paid_at         TIMESTAMPTZ,
    created_at      TIMESTAMPTZ NOT NULL,
    lines           JSONB NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX invoices_group ON invoices (account, livemode, group_id);
CREATE INDEX invoices_subscription ON invoices (account, livemode, subscription);
