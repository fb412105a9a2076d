-- Reads raw results {ROWS} by SQLite's own JSON functions.
INSERT INTO result (window_s, end_s, orders, cents, items, users, average_cents, revision)
SELECT unixepoch(column1 ->> '$.window_start'),
       unixepoch(column1 ->> '$.window_end'),
       column1 ->> '$.order_count',
       CAST(replace(column1 ->> '$.total_revenue', '.', '') AS INTEGER),
       column1 ->> '$.total_items',
       column1 ->> '$.unique_users',
       CAST(replace(column1 ->> '$.average_order_value', '.', '') AS INTEGER),
       column1 ->> '$.revision'
FROM (VALUES {ROWS})
