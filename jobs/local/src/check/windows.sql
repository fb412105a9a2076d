-- The windows that are not the same on both sides.
SELECT coalesce(expected.window_s, published.window_s) AS window_s,
       CASE WHEN expected.window_s IS NULL THEN 'nothing'
            ELSE format('%d orders, %d cents, %d items, %d users, %d on average, until %d', expected.orders,
                 expected.cents, expected.items, expected.users, expected.average_cents, expected.end_s)
       END AS expected,
       CASE WHEN published.window_s IS NULL THEN 'nothing'
            ELSE format('%d orders, %d cents, %d items, %d users, %d on average, until %d', published.orders,
                 published.cents, published.items, published.users, published.average_cents, published.end_s)
       END AS published
FROM expected
FULL JOIN published ON expected.window_s = published.window_s
WHERE (expected.end_s, expected.orders, expected.cents, expected.items, expected.users, expected.average_cents)
    IS NOT (published.end_s, published.orders, published.cents, published.items, published.users,
            published.average_cents)
ORDER BY 1
