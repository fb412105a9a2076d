-- What the judge is given: the topics as a read_committed consumer sees them, nothing derived.
CREATE TABLE rules (window_ms INTEGER, lag_ms INTEGER, lateness_ms INTEGER, ahead_ms INTEGER, currency TEXT, may_be_late TEXT, orders_topic TEXT);
-- `value` is TEXT where the bytes are UTF-8, BLOB where they are not, NULL for a tombstone.
CREATE TABLE orders_log (partition INTEGER, offset INTEGER, timestamp INTEGER, key BLOB, value, PRIMARY KEY (partition, offset)) WITHOUT ROWID;
-- `kind` is `late` or `dlq`; the headers are as written, `source_partition` and `source_offset` as numbers.
CREATE TABLE rejects (kind TEXT, offset INTEGER, source_topic TEXT, source_partition INTEGER, source_offset INTEGER, source_timestamp INTEGER, truncated INTEGER, error TEXT, key BLOB, value);
CREATE TABLE results (offset INTEGER PRIMARY KEY, key TEXT, value TEXT);
-- The job's progress records as they stand in their topic, one a commit.
CREATE TABLE progress_log (offset INTEGER PRIMARY KEY, value TEXT);
CREATE TABLE parquet (window_start_ms INTEGER, window_end_ms INTEGER, order_count INTEGER, total_revenue TEXT, total_items INTEGER, unique_users INTEGER, average_order_value TEXT, revision INTEGER, file TEXT);
-- Windows whose records retention took while they could still be revised: orders for them go to the late topic.
CREATE TABLE frozen (window_start_ms INTEGER PRIMARY KEY);
CREATE TABLE totals (consumed INTEGER, accepted INTEGER, duplicate INTEGER, ignored INTEGER, late INTEGER, invalid INTEGER);
