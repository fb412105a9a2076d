-- One row of figures. Windows before the span are in no table of windows.
SELECT (SELECT count(*) FROM (SELECT DISTINCT window_s, order_id FROM event WHERE kind = 'created')) AS accepted,
       (SELECT count(*) FROM event WHERE kind = 'created') AS created,
       (SELECT count(*) FROM event WHERE kind = 'ignored') AS ignored,
       (SELECT count(*) FROM event WHERE kind = 'orders-late') AS late,
       (SELECT count(*) FROM event WHERE kind = 'orders-dlq') AS invalid,
       (SELECT count(*) FROM event WHERE kind = 'unreadable') AS unreadable,
       (SELECT count(*) FROM published) AS windows,
       (SELECT count(*) FROM result WHERE revision > 0 AND window_s >= (SELECT from_s FROM span)) AS revisions,
       (SELECT count(*) FROM published WHERE end_s > (SELECT watermark_s FROM span)) AS open,
       (SELECT count(*) FROM (SELECT 1 FROM result GROUP BY window_s, revision HAVING count(*) > 1)) AS doubled,
       (SELECT count(*) FROM (SELECT orders < lag(orders) OVER (PARTITION BY window_s ORDER BY revision) AS fewer
                              FROM result) WHERE fewer) AS shrunk
