//! The questions put to the evidence: each is one `SELECT` whose every row is a fault, as one line of text.

/// One question; rows of its `sql` are faults.
pub(crate) struct Check {
    /// Short name, stable: tests of the judge name it.
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// Orders that are missing from the results or from the topic of what they were rejected for.
pub(crate) const LOST: &str = "
    SELECT coalesce((SELECT sum(max(0, expected.order_count - coalesce(latest.order_count, 0)))
                     FROM expected LEFT JOIN latest USING (window_start_ms)), 0)
         + (SELECT count(*) FROM parsed WHERE verdict IN ('invalid', 'future') AND NOT EXISTS
             (SELECT 1 FROM rejects WHERE kind = 'dlq' AND source_partition = partition AND source_offset = parsed.offset))";

/// Orders counted more often than once, windows published twice with one revision, records rejected twice.
pub(crate) const DOUBLED: &str = "
    SELECT coalesce((SELECT sum(max(0, latest.order_count - coalesce(expected.order_count, 0)))
                     FROM latest LEFT JOIN expected USING (window_start_ms)), 0)
         + coalesce((SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM published GROUP BY window_start_ms, revision)), 0)
         + coalesce((SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM rejects GROUP BY kind, source_partition, source_offset)), 0)";

/// Results that are compared with SQL as of their own commit.
pub(crate) const BY_COMMIT: &str = "SELECT count(*) FROM committed WHERE sequence IS NOT NULL";

/// Orders whose window was final by the least stamp they can have had.
pub(crate) const LATE_BY_OWN_PARTITION: &str =
    "SELECT count(*) FROM stamped, rules WHERE window_start_ms + window_ms + lateness_ms <= least_stamp_ms";

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "invalid record stands in the dead letters once",
        sql: "SELECT printf('%s record %d/%d stands in the dead letters %d times', verdict, partition, offset, n) FROM (
                SELECT verdict, partition, offset, (SELECT count(*) FROM rejects WHERE kind = 'dlq' AND source_partition = partition
                       AND source_offset = parsed.offset) AS n FROM parsed WHERE verdict IN ('invalid', 'future')) WHERE n <> 1",
    },
    Check {
        name: "dead letters hold only what is invalid",
        sql: "SELECT printf('%d/%d is in the dead letters (%s) and is %s', source_partition, source_offset, error, coalesce(verdict, 'no record of the topic'))
              FROM rejects LEFT JOIN parsed ON partition = source_partition AND parsed.offset = source_offset
              WHERE kind = 'dlq' AND coalesce(verdict, '') NOT IN ('invalid', 'future')",
    },
    Check {
        name: "late topic holds each order once",
        sql: "SELECT printf('%d/%d stands in the late topic %d times', source_partition, source_offset, count(*)) FROM rejects WHERE kind = 'late'
              GROUP BY source_partition, source_offset HAVING count(*) > 1",
    },
    Check {
        name: "late topic holds only orders that were made late",
        sql: "SELECT printf('%d/%d is in the late topic and is %s', source_partition, source_offset, coalesce(verdict || ' ' || order_id, 'no record of the topic'))
              FROM rejects LEFT JOIN parsed ON partition = source_partition AND parsed.offset = source_offset, rules
              WHERE kind = 'late' AND (verdict IS NOT 'order' OR (order_id NOT GLOB may_be_late AND window_start_ms NOT IN (SELECT window_start_ms FROM frozen)))",
    },
    Check {
        name: "what is late by its own partition is in the late topic",
        sql: "SELECT printf('order %s at %d/%d was late by its own partition and is not in the late topic', order_id, partition, stamped.offset)
              FROM stamped, rules WHERE window_start_ms + window_ms + lateness_ms <= least_stamp_ms AND NOT EXISTS
                (SELECT 1 FROM rejects WHERE kind = 'late' AND source_partition = partition AND source_offset = stamped.offset)",
    },
    Check {
        name: "rejected record carries its bytes, key and headers",
        // What was cut keeps its key and begins as it began; `truncated` is the size of key and value together.
        sql: "SELECT printf('%s: %d/%d: %s', kind, source_partition, source_offset, wrong) FROM (
                SELECT rejects.*, CASE
                    WHEN CAST(rejects.key AS BLOB) IS NOT CAST(orders_log.key AS BLOB) THEN 'another key'
                    WHEN truncated IS NULL AND CAST(rejects.value AS BLOB) IS NOT CAST(orders_log.value AS BLOB) THEN 'other bytes'
                    WHEN truncated IS NOT NULL AND truncated <> coalesce(length(CAST(orders_log.key AS BLOB)), 0) + length(CAST(orders_log.value AS BLOB))
                      THEN 'truncated says ' || truncated
                    WHEN truncated < 900000 THEN 'cut at ' || truncated || ' bytes, which fit'
                    WHEN truncated IS NOT NULL AND CAST(rejects.value AS BLOB) IS NOT substr(CAST(orders_log.value AS BLOB), 1, length(CAST(rejects.value AS BLOB)))
                      THEN 'another beginning'
                    WHEN source_topic IS NOT orders_topic THEN 'source_topic says ' || coalesce(source_topic, 'nothing')
                    WHEN source_timestamp IS NOT timestamp THEN 'source_timestamp says ' || coalesce(source_timestamp, 'nothing')
                    WHEN coalesce(error, '') = '' THEN 'no error' END AS wrong
                FROM rejects JOIN orders_log ON partition = source_partition AND orders_log.offset = source_offset JOIN rules)
              WHERE wrong IS NOT NULL",
    },
    Check {
        name: "result reads as the contract says",
        sql: "SELECT printf('result at %d: key %s, %s', offset, key, coalesce(window_start || ' revision ' || revision, 'not JSON')) FROM published
              WHERE key IS NOT window_start OR window_start_ms IS NULL OR window_end_ms IS NULL OR revenue_type IS NOT 'text' OR average_type IS NOT 'text'
                 OR typeof(order_count) <> 'integer' OR typeof(total_items) <> 'integer' OR typeof(unique_users) <> 'integer' OR typeof(revision) <> 'integer'
                 OR window_start <> strftime('%Y-%m-%dT%H:%M:%SZ', window_start_ms / 1000, 'unixepoch')
                 OR window_end <> strftime('%Y-%m-%dT%H:%M:%SZ', window_end_ms / 1000, 'unixepoch')",
    },
    Check {
        name: "revisions count from zero without gap or repetition",
        sql: "SELECT printf('window %s: revision %d at %d where %d was due', window_start, revision, offset, due) FROM (
                SELECT window_start, revision, offset, row_number() OVER (PARTITION BY window_start_ms ORDER BY offset) - 1 AS due FROM published)
              WHERE revision IS NOT due",
    },
    Check {
        name: "every revision has more orders than the one before",
        sql: "SELECT printf('window %s: revision %d has %d orders, the one before %d', window_start, revision, order_count, before) FROM (
                SELECT window_start, revision, order_count, lag(order_count) OVER (PARTITION BY window_start_ms ORDER BY offset) AS before FROM published)
              WHERE before IS NOT NULL AND order_count <= before",
    },
    Check {
        name: "no revision has less revenue, fewer items or fewer users than the one before",
        // Amounts have two decimals and no leading zeros: the longer text is the larger amount.
        sql: "SELECT printf('window %s: revision %d has revenue %s, %d items, %d users; the one before %s, %d, %d', window_start, revision,
                     total_revenue, total_items, unique_users, revenue_before, items_before, users_before)
              FROM (SELECT *, lag(total_revenue) OVER earlier AS revenue_before, lag(total_items) OVER earlier AS items_before,
                           lag(unique_users) OVER earlier AS users_before
                    FROM published WINDOW earlier AS (PARTITION BY window_start_ms ORDER BY offset))
              WHERE total_items < items_before OR unique_users < users_before
                 OR (length(total_revenue), total_revenue) < (length(revenue_before), revenue_before)",
    },
    Check {
        name: "result belongs to a commit",
        sql: "SELECT printf('window %s: no progress record is that of revision %d at %d', window_start, revision, offset)
              FROM published JOIN committed ON result = offset WHERE sequence IS NULL",
    },
    Check {
        name: "every revision is what SQL says of its commit",
        sql: "SELECT printf('window %s: SQL says %s of commit %d, revision %d at %d is %s', window_start, coalesce(of_sql, 'no order'), sequence, revision, offset, of_job) FROM (
                SELECT published.offset, window_start, revision, sequence,
                       concat_ws(' ', published.window_end_ms, published.order_count, published.total_revenue, published.total_items, published.unique_users, published.average_order_value) AS of_job,
                       wanted.window_end_ms || ' ' || concat_ws(' ', wanted.order_count, wanted.total_revenue, wanted.total_items, wanted.unique_users, wanted.average_order_value) AS of_sql
                FROM published JOIN committed ON committed.result = published.offset LEFT JOIN wanted_by_commit AS wanted ON wanted.result = published.offset
                WHERE sequence IS NOT NULL)
              WHERE of_job IS NOT of_sql",
    },
    Check {
        name: "last revision of every window is what SQL says",
        sql: "SELECT printf('window %s: SQL says %s, published is %s', strftime('%Y-%m-%dT%H:%M:%SZ', window_start_ms / 1000, 'unixepoch'),
                     coalesce(group_concat(CASE side WHEN 'sql' THEN line END), 'no such window'), coalesce(group_concat(CASE side WHEN 'job' THEN line END), 'nothing'))
              FROM (SELECT 'sql' AS side, window_start_ms, line FROM (SELECT window_start_ms, concat_ws(' ', window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value) AS line FROM wanted
                      EXCEPT SELECT window_start_ms, concat_ws(' ', window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value) FROM latest)
                    UNION ALL
                    SELECT 'job', window_start_ms, line FROM (SELECT window_start_ms, concat_ws(' ', window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value) AS line FROM latest
                      EXCEPT SELECT window_start_ms, concat_ws(' ', window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value) FROM wanted))
              GROUP BY window_start_ms",
    },
];

/// Asked only where the Parquet files were read.
pub(crate) const PARQUET: &[Check] = &[
    Check {
        name: "Parquet holds the last revisions",
        sql: "SELECT printf('%s: %s', side, line) FROM (
                SELECT 'only in the topic' AS side, line FROM (
                  SELECT concat_ws(' ', window_start_ms, window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value, revision) AS line FROM latest
                  EXCEPT SELECT concat_ws(' ', window_start_ms, window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value, revision) FROM parquet)
                UNION ALL
                SELECT 'only in Parquet', line FROM (
                  SELECT concat_ws(' ', window_start_ms, window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value, revision) AS line FROM parquet
                  EXCEPT SELECT concat_ws(' ', window_start_ms, window_end_ms, order_count, total_revenue, total_items, unique_users, average_order_value, revision) FROM latest))",
    },
    Check {
        name: "Parquet has one row a window, in the file of its hour",
        sql: "SELECT printf('window %d: %d rows, in %s', window_start_ms, count(*), group_concat(file)) FROM parquet GROUP BY window_start_ms
              HAVING count(*) > 1 OR min(file) NOT GLOB '*' || strftime('date=%Y-%m-%d/hour=%H/', window_start_ms / 1000, 'unixepoch') || 'windows.parquet'",
    },
];

/// Asked only where the job's totals are known and nothing of the log was lost.
pub(crate) const TOTALS: &[Check] = &[
    Check {
        name: "totals add up",
        sql: "SELECT printf('consumed %d, accepted %d + duplicate %d + ignored %d + late %d + invalid %d', consumed, accepted, duplicate, ignored, late, invalid)
              FROM totals WHERE consumed <> accepted + duplicate + ignored + late + invalid",
    },
    Check {
        name: "totals are what SQL says",
        sql: "SELECT printf('%s: SQL says %d, the job %d', name, of_sql, of_job) FROM (
                SELECT 'consumed' AS name, (SELECT count(*) FROM orders_log) AS of_sql, consumed AS of_job FROM totals
                UNION ALL SELECT 'accepted', (SELECT count(*) FROM accepted), accepted FROM totals
                UNION ALL SELECT 'ignored', (SELECT count(*) FROM parsed WHERE verdict = 'ignored'), ignored FROM totals
                UNION ALL SELECT 'late', (SELECT count(*) FROM rejects WHERE kind = 'late'), late FROM totals
                UNION ALL SELECT 'invalid', (SELECT count(*) FROM parsed WHERE verdict IN ('invalid', 'future')), invalid FROM totals)
              WHERE of_sql <> of_job",
    },
];
