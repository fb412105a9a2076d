-- Every window of the span as SQL counts it. An order counts once in its window. Revenue is summed in two parts, billions
-- of cents and what is beyond them, because two orders can be more than 64 bits hold.
INSERT INTO expected
SELECT window_s, window_s + 60, orders,
       CASE billions WHEN 0 THEN format('%d.%02d', cents / 100, cents % 100)
                     ELSE format('%d%07d.%02d', billions, cents / 100, cents % 100) END,
       items, users, format('%d.%02d', average / 100, average % 100)
FROM (
    -- half-even: up when beyond the half, or at the half when that makes it even
    SELECT *, quotient + (2 * rest > orders OR (2 * rest = orders AND quotient % 2 = 1)) AS average
    FROM (
        SELECT *, billions / orders * 1000000000 + (billions % orders * 1000000000 + cents) / orders AS quotient,
               (billions % orders * 1000000000 + cents) % orders AS rest
        FROM (
            SELECT window_s, count(*) AS orders, sum(cents / 1000000000) + sum(cents % 1000000000) / 1000000000 AS billions,
                   sum(cents % 1000000000) % 1000000000 AS cents, sum(items) AS items, count(DISTINCT user_id) AS users
            FROM (
                SELECT window_s, order_id, min(user_id) AS user_id, min(cents) AS cents, min(items) AS items
                FROM event
                WHERE kind = 'created' AND window_s >= (SELECT from_s FROM span)
                GROUP BY window_s, order_id
            )
            GROUP BY window_s
        )
    )
);

-- Every window of the span as it stands in the results, by its highest revision.
INSERT INTO published
SELECT window_s, end_s, orders, revenue, items, users, average
FROM (
    SELECT *, row_number() OVER (PARTITION BY window_s ORDER BY revision DESC) AS place
    FROM result
    WHERE window_s >= (SELECT from_s FROM span)
)
WHERE place = 1;
