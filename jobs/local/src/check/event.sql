-- Reads raw records {ROWS} by SQLite's own JSON functions. Amounts are read from their digits, times are cut to the
-- second because windows are whole seconds. Each step is materialized, or SQLite would read the JSON again for each use.
INSERT INTO event (kind, window_s, order_id, user_id, cents, items)
WITH record (partition, offset, text) AS (VALUES {ROWS}),
sorted AS MATERIALIZED (
    SELECT CASE
               WHEN reject.topic IS NOT NULL THEN reject.topic
               WHEN text IS NULL OR NOT json_valid(text) THEN 'unreadable'
           END AS outside,
           CASE WHEN reject.topic IS NULL AND json_valid(text) THEN jsonb(text) END AS value
    FROM record
    LEFT JOIN reject ON source_partition = partition AND source_offset = offset
),
field AS MATERIALIZED (
    SELECT coalesce(outside, CASE coalesce(value ->> '$.event_type', 'order.created')
                                 WHEN 'order.created' THEN 'created'
                                 ELSE 'ignored' END) AS kind,
           value,
           value ->> '$.created_at' AS created_at,
           trim(value -> '$.total_amount', '"') AS amount
    FROM sorted
)
SELECT kind,
       CASE WHEN kind = 'created' THEN
           CASE typeof(created_at)
               WHEN 'integer' THEN created_at / 60000 * 60
               ELSE unixepoch(upper(substr(created_at, 1, 19))
                    || CASE WHEN upper(substr(created_at, -1)) = 'Z' THEN 'Z' ELSE substr(created_at, -6) END) / 60 * 60
           END
       END,
       CASE WHEN kind = 'created' THEN value ->> '$.order_id' END,
       CASE WHEN kind = 'created' THEN value ->> '$.user_id' END,
       CASE WHEN kind = 'created' THEN
           CASE instr(amount, '.')
               WHEN 0 THEN CAST(amount AS INTEGER) * 100
               ELSE CAST(replace(substr(amount || '00', 1, instr(amount, '.') + 2), '.', '') AS INTEGER)
           END
       END,
       CASE WHEN kind = 'created' THEN
           (SELECT sum(item.value ->> '$.quantity') FROM json_each(field.value, '$.items') AS item)
       END
FROM field
