-- Every window of the span as SQL counts it. An order counts once in its window.
INSERT INTO expected
SELECT window_s, window_s + 60, orders, cents, items, users,
       -- half-even: up when beyond the half, or at the half when that makes it even
       cents / orders + (2 * (cents % orders) > orders
           OR (2 * (cents % orders) = orders AND cents / orders % 2 = 1))
FROM (
    SELECT window_s, count(*) AS orders, sum(cents) AS cents, sum(items) AS items, count(DISTINCT user_id) AS users
    FROM (
        SELECT window_s, order_id, min(user_id) AS user_id, min(cents) AS cents, min(items) AS items
        FROM event
        WHERE kind = 'created' AND window_s >= (SELECT from_s FROM span)
        GROUP BY window_s, order_id
    )
    GROUP BY window_s
);

-- Every window of the span as it stands in the results, by its highest revision.
INSERT INTO published
SELECT window_s, end_s, orders, cents, items, users, average_cents
FROM (
    SELECT *, row_number() OVER (PARTITION BY window_s ORDER BY revision DESC) AS place
    FROM result
    WHERE window_s >= (SELECT from_s FROM span)
)
WHERE place = 1;
