-- Reads raw records {ROWS} by SQLite's own JSON functions. Amounts are read from their digits, times are cut to the
-- second because windows are whole seconds.
INSERT INTO event (kind, window_s, order_id, user_id, cents, items)
SELECT kind,
       CASE WHEN kind = 'created' THEN
           CASE json_type(value, '$.created_at')
               WHEN 'integer' THEN (value ->> '$.created_at') / 60000 * 60
               ELSE unixepoch(upper(substr(value ->> '$.created_at', 1, 19))
                    || CASE WHEN upper(substr(value ->> '$.created_at', -1)) = 'Z' THEN 'Z'
                            ELSE substr(value ->> '$.created_at', -6) END) / 60 * 60
           END
       END,
       CASE WHEN kind = 'created' THEN value ->> '$.order_id' END,
       CASE WHEN kind = 'created' THEN value ->> '$.user_id' END,
       CASE WHEN kind = 'created' THEN
           CASE instr(value -> '$.total_amount', '.')
               WHEN 0 THEN CAST(trim(value -> '$.total_amount', '"') AS INTEGER) * 100
               ELSE CAST(replace(substr(trim(value -> '$.total_amount', '"') || '00', 1,
                        instr(trim(value -> '$.total_amount', '"'), '.') + 2), '.', '') AS INTEGER)
           END
       END,
       CASE WHEN kind = 'created' THEN
           (SELECT sum(item.value ->> '$.quantity') FROM json_each(raw.value, '$.items') AS item)
       END
FROM (
    SELECT CASE
               WHEN reject.topic IS NOT NULL THEN reject.topic
               WHEN record.column3 IS NULL OR NOT json_valid(record.column3) THEN 'unreadable'
               WHEN coalesce(record.column3 ->> '$.event_type', 'order.created') <> 'order.created' THEN 'ignored'
               ELSE 'created'
           END AS kind,
           record.column3 AS value
    FROM (VALUES {ROWS}) AS record
    LEFT JOIN reject ON source_partition = record.column1 AND source_offset = record.column2
) AS raw
