-- Reads raw results {ROWS} by SQLite's own JSON functions.
INSERT INTO result (window_s, end_s, orders, revenue, items, users, average, revision)
SELECT unixepoch(column1 ->> '$.window_start'),
       unixepoch(column1 ->> '$.window_end'),
       column1 ->> '$.order_count',
       column1 ->> '$.total_revenue',
       column1 ->> '$.total_items',
       column1 ->> '$.unique_users',
       column1 ->> '$.average_order_value',
       column1 ->> '$.revision'
FROM (VALUES {ROWS})
