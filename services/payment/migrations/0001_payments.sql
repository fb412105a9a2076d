CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    status TEXT NOT NULL,
    live BIGINT NOT NULL,
    intent_id TEXT,
    charge_id TEXT,
    next_action TEXT,
    action_until_ms BIGINT,
    told BIGINT NOT NULL,
    cancels_order BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    refund_attempts BIGINT NOT NULL,
    lease TEXT,
    lease_until_ms BIGINT NOT NULL,
    attend_at_ms BIGINT,
    scope TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX payments_live ON payments (order_id) WHERE live = 1;
CREATE UNIQUE INDEX payments_of_intent ON payments (intent_id) WHERE intent_id IS NOT NULL;
CREATE INDEX payments_to_attend ON payments (attend_at_ms) WHERE attend_at_ms IS NOT NULL;
