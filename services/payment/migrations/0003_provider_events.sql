CREATE TABLE provider_events (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    intent_id TEXT,
    received_at_ms BIGINT NOT NULL
);
CREATE INDEX provider_events_by_age ON provider_events (received_at_ms);
