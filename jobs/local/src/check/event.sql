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
           -- `->` gives the digits of a number as they stand there, so no float comes near them.
           CASE json_type(value, '$.total_amount') WHEN 'text' THEN value ->> '$.total_amount'
                ELSE value -> '$.total_amount' END AS amount
    FROM sorted
),
split AS MATERIALIZED (
    SELECT *, substr(amount, 1, instr(lower(amount) || 'e', 'e') - 1) AS mantissa,
           CAST(substr(amount, instr(lower(amount) || 'e', 'e') + 1) AS INTEGER) AS exponent
    FROM field
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
           -- as many zeros as bring the last digit to the cent
           CAST(replace(mantissa, '.', '') || substr('00000000000000000000', 1,
                2 + exponent - length(substr(mantissa, instr(mantissa || '.', '.') + 1))) AS INTEGER)
       END,
       CASE WHEN kind = 'created' THEN
           (SELECT sum(item.value ->> '$.quantity') FROM json_each(split.value, '$.items') AS item)
       END
FROM split
