-- What Stripe's events did not tell of payments: how to find it among millions that are complete.

CREATE INDEX payments_without_fee ON payments (livemode, created_at, account, id)
    WHERE status = 'succeeded' AND fee IS NULL;
CREATE INDEX payments_by_invoice_only ON payments (livemode, created_at, account, id)
    WHERE status = 'succeeded' AND id = invoice;
