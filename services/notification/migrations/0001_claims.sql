CREATE TABLE claims (
    event_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    sent_at_ms BIGINT,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (event_id, recipient)
);
CREATE INDEX claims_by_expiry ON claims (expires_at_ms);
CREATE TABLE newest (
    subject TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX newest_by_expiry ON newest (expires_at_ms);
