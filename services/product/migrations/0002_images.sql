ALTER TABLE products ADD COLUMN image TEXT;
CREATE TABLE unused_files (
    name TEXT PRIMARY KEY,
    remove_at_ms BIGINT NOT NULL,
    is_taken BIGINT NOT NULL
);
CREATE INDEX unused_files_to_remove ON unused_files (remove_at_ms);
