CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    currency TEXT NOT NULL,
    total BIGINT CHECK (total >= 0),
    address TEXT NOT NULL,
    method TEXT,
    own_payment_id TEXT NOT NULL,
    payment_id TEXT,
    until_ms BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    cancel_requested BIGINT NOT NULL,
    cancel_reason TEXT,
    cancelled_at_ms BIGINT,
    created_at_ms BIGINT,
    updated_at_ms BIGINT NOT NULL,
    scope TEXT,
    dues BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    attend_at_ms BIGINT,
    lines TEXT NOT NULL
);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_to_attend ON orders (attend_at_ms) WHERE attend_at_ms IS NOT NULL;
CREATE INDEX orders_under_way ON orders (state) WHERE state IN ('pending', 'reserved', 'paying', 'paid');
