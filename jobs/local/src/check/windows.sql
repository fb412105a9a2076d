-- The windows that are not the same on both sides.
SELECT coalesce(expected.window_s, published.window_s) AS window_s,
       CASE WHEN expected.window_s IS NULL THEN 'nothing'
            ELSE format('%d orders, revenue %s, %d items, %d users, average %s, until %d', expected.orders,
                 expected.revenue, expected.items, expected.users, expected.average, expected.end_s)
       END AS expected,
       CASE WHEN published.window_s IS NULL THEN 'nothing'
            ELSE format('%d orders, revenue %s, %d items, %d users, average %s, until %d', published.orders,
                 published.revenue, published.items, published.users, published.average, published.end_s)
       END AS published
FROM expected
FULL JOIN published ON expected.window_s = published.window_s
WHERE (expected.end_s, expected.orders, expected.revenue, expected.items, expected.users, expected.average)
    IS NOT (published.end_s, published.orders, published.revenue, published.items, published.users,
            published.average)
ORDER BY 1
