-- Every record of the orders topic with its verdict: order, ignored, invalid or future.
-- Materialized: otherwise every use of a field further down takes the document apart again.
CREATE TABLE parsed AS
WITH document AS MATERIALIZED (
  SELECT partition, offset, timestamp,
         CASE WHEN typeof(value) = 'text' AND json_valid(value) THEN CASE WHEN json_type(value) = 'object' THEN value END END AS doc
  FROM orders_log
), field AS MATERIALIZED (
  SELECT partition, offset, timestamp, doc,
         CASE WHEN doc IS NULL THEN NULL ELSE coalesce(doc ->> '$.event_type', 'order.created') END AS event_type,
         CASE json_type(doc, '$.order_id') WHEN 'text' THEN doc ->> '$.order_id' END AS order_id,
         CASE json_type(doc, '$.user_id') WHEN 'text' THEN doc ->> '$.user_id' END AS user_id,
         CASE json_type(doc, '$.currency') WHEN 'text' THEN doc ->> '$.currency' END AS currency,
         -- The digits as they stand in the document: `->` gives JSON text, so no float comes near them.
         CASE json_type(doc, '$.total_amount') WHEN 'text' THEN doc ->> '$.total_amount'
              WHEN 'integer' THEN doc -> '$.total_amount' WHEN 'real' THEN doc -> '$.total_amount' END AS amount,
         json_type(doc, '$.items') IS 'array' AS has_items,
         json_type(doc, '$.created_at') AS time_type,
         doc ->> '$.created_at' AS time
  FROM document
), cut AS MATERIALIZED (
  SELECT *, instr(lower(amount) || 'e', 'e') AS e FROM field
), split AS MATERIALIZED (
  SELECT *, substr(amount, 1, e - 1) AS mantissa, substr(amount, e + 1) AS exponent,
         CASE WHEN substr(amount, e + 1, 1) IN ('+', '-') THEN substr(amount, e + 2) ELSE substr(amount, e + 1) END AS power
  FROM cut
), digit AS MATERIALIZED (
  SELECT *, ltrim(replace(mantissa, '.', ''), '0') AS digits,
         2 - length(substr(mantissa, instr(mantissa || '.', '.') + 1)) + CAST(exponent AS INTEGER) AS zeros
  FROM split
), money AS MATERIALIZED (
  SELECT *,
         -- A decimal by the grammar of JSON, whose last digit is a cent or more, and no more cents than 63 bits hold.
         CASE WHEN mantissa GLOB '[0-9]*' AND mantissa NOT GLOB '*[^0-9.]*' AND mantissa NOT GLOB '*.*.*' AND mantissa NOT GLOB '*.'
               AND mantissa NOT GLOB '0[0-9]*' AND (e > length(amount) OR (power GLOB '[0-9]*' AND power NOT GLOB '*[^0-9]*')) AND zeros >= 0
               AND (digits = '' OR length(digits) + zeros < 19
                    OR (length(digits) + zeros = 19 AND digits || substr('0000000000000000000', 1, zeros) <= '9223372036854775807'))
              THEN CAST(digits || substr('0000000000000000000', 1, zeros) AS INTEGER)
         END AS amount_minor,
         CASE WHEN time_type = 'integer' AND typeof(time) = 'integer' THEN time
              WHEN time_type = 'text' AND time GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*[Z0-9]'
               AND strftime('%Y-%m-%dT%H:%M:%S', substr(time, 1, 19)) = substr(time, 1, 19)
              THEN CAST(round(unixepoch(time, 'subsec') * 1000) AS INTEGER)
         END AS created_ms
  FROM digit
), goods AS MATERIALIZED (
  SELECT *,
         CASE WHEN has_items AND NOT EXISTS (
                SELECT 1 FROM json_each(doc, '$.items') AS item
                WHERE item.type <> 'object' OR json_type(item.value, '$.quantity') IS NOT 'integer'
                   OR typeof(item.value ->> '$.quantity') <> 'integer' OR item.value ->> '$.quantity' < 1)
              THEN coalesce((SELECT sum(item.value ->> '$.quantity') FROM json_each(doc, '$.items') AS item), 0)
         END AS total_items,
         EXISTS (SELECT 1 FROM json_each(doc) GROUP BY key HAVING count(*) > 1) AS doubled_key
  FROM money
)
SELECT partition, offset, timestamp, order_id, user_id, amount_minor, total_items, created_ms,
       created_ms / rules.window_ms * rules.window_ms AS window_start_ms,
       CASE
         WHEN doc IS NULL OR doubled_key THEN 'invalid'
         WHEN event_type <> 'order.created' THEN 'ignored'
         WHEN order_id IS NULL OR order_id = '' OR user_id IS NULL OR user_id = '' OR goods.currency IS NOT rules.currency
           OR amount_minor IS NULL OR total_items IS NULL OR created_ms IS NULL
           OR created_ms < 0 OR created_ms >= unixepoch('9999-01-01') * 1000 THEN 'invalid'
         WHEN rules.ahead_ms > 0 AND created_ms > timestamp + rules.ahead_ms THEN 'future'
         ELSE 'order'
       END AS verdict
FROM goods, rules;
CREATE UNIQUE INDEX parsed_at ON parsed (partition, offset);

-- The least clock a record can have been stamped with: that of its own partition. Others may have moved it further.
CREATE TABLE stamped AS
SELECT parsed.*,
       (max(min(created_ms, timestamp)) OVER (PARTITION BY partition ORDER BY offset) - rules.lag_ms) / 1000 * 1000 AS least_stamp_ms
FROM parsed, rules WHERE verdict = 'order';

CREATE INDEX rejects_from ON rejects (kind, source_partition, source_offset);

-- Every order that was not too late, its copies as well.
CREATE TABLE counted AS
SELECT partition, offset, window_start_ms, order_id, user_id, amount_minor, total_items
FROM parsed
WHERE verdict = 'order'
  AND NOT EXISTS (SELECT 1 FROM rejects WHERE kind = 'late' AND source_partition = partition AND source_offset = parsed.offset);
CREATE INDEX counted_window ON counted (window_start_ms);

-- An order counts once in its window, whichever partition its copies came from.
CREATE TABLE accepted AS
SELECT window_start_ms, order_id, min(user_id) AS user_id, min(amount_minor) AS amount_minor, min(total_items) AS total_items
FROM counted GROUP BY window_start_ms, order_id;

-- The published results, opened up. A value that is no JSON object gives NULLs and is named by a check of its own.
CREATE TABLE published AS
SELECT results.offset, key, doc ->> '$.window_start' AS window_start, doc ->> '$.window_end' AS window_end,
       CAST(round(unixepoch(doc ->> '$.window_start', 'subsec') * 1000) AS INTEGER) AS window_start_ms,
       CAST(round(unixepoch(doc ->> '$.window_end', 'subsec') * 1000) AS INTEGER) AS window_end_ms,
       doc ->> '$.order_count' AS order_count, doc ->> '$.total_revenue' AS total_revenue, json_type(doc, '$.total_revenue') AS revenue_type,
       doc ->> '$.total_items' AS total_items, doc ->> '$.unique_users' AS unique_users,
       doc ->> '$.average_order_value' AS average_order_value, json_type(doc, '$.average_order_value') AS average_type,
       doc ->> '$.revision' AS revision
FROM (SELECT offset, key, CASE WHEN json_valid(value) THEN value END AS doc FROM results) AS results;

CREATE INDEX published_window ON published (window_start_ms, offset);

CREATE TABLE latest AS
SELECT * FROM published AS p
WHERE NOT EXISTS (SELECT 1 FROM published AS later WHERE later.window_start_ms = p.window_start_ms AND later.offset > p.offset);
CREATE INDEX latest_window ON latest (window_start_ms);

-- The commits, by what their progress records tell. A commit holds what stands before `processed` in each partition.
CREATE TABLE commits AS
SELECT doc ->> '$.sequence' AS sequence, doc ->> '$.final_until' * 1000 AS final_until_ms, doc ->> '$.rebuilt_until' AS rebuilt_until, doc
FROM (SELECT CASE WHEN json_valid(value) THEN value END AS doc FROM progress_log);
CREATE INDEX commits_sequence ON commits (sequence);
CREATE INDEX commits_final ON commits (final_until_ms, sequence);

CREATE TABLE processed AS
SELECT sequence, CAST(key AS INTEGER) AS partition, value ->> '$.processed' AS processed FROM commits, json_each(doc, '$.partitions');
CREATE INDEX processed_at ON processed (sequence, partition);

CREATE TABLE live AS
SELECT sequence, CAST(key AS INTEGER) * 1000 AS window_start_ms, value ->> '$.revision' AS revision FROM commits, json_each(doc, '$.windows');
CREATE INDEX live_window ON live (window_start_ms, revision, sequence);

-- Whether every commit of the job is told. After a loss of its progress the job counts them from one again, and says for a
-- while that it rebuilds what was published before: then nobody knows which commit that was.
CREATE TABLE history AS
SELECT count(*) > 0 AND min(sequence) = 1 AND max(sequence) = count(DISTINCT sequence) AND count(rebuilt_until) = 0 AS is_whole FROM commits;

-- The commit of every result: the first that tells its revision, or, where the commit made the window final and so tells
-- nothing of it any more, the first by which it is final.
CREATE TABLE committed AS
SELECT offset AS result, window_start_ms,
       coalesce((SELECT min(sequence) FROM live WHERE live.window_start_ms = published.window_start_ms AND live.revision = published.revision),
                (SELECT min(sequence) FROM commits WHERE final_until_ms >= window_end_ms)) AS sequence
FROM published, history WHERE is_whole;

-- The orders that a result must hold, by its commit.
CREATE TABLE accepted_by_commit AS
SELECT result, committed.window_start_ms, order_id, min(user_id) AS user_id, min(amount_minor) AS amount_minor, min(total_items) AS total_items
FROM committed JOIN counted USING (window_start_ms) JOIN processed USING (sequence, partition)
WHERE counted.offset < processed
GROUP BY result, order_id;

-- What they come to: for every result as of its commit, and, with no result, for every window as of the end of the log.
CREATE TABLE sums AS
SELECT result, window_start_ms, window_start_ms + (SELECT window_ms FROM rules) AS window_end_ms, count(*) AS order_count,
       -- In two parts, because two orders can be more cents than 64 bits hold.
       sum(amount_minor / 1000000000) + sum(amount_minor % 1000000000) / 1000000000 AS revenue_billions,
       sum(amount_minor % 1000000000) % 1000000000 AS revenue_rest,
       sum(total_items) AS total_items, count(DISTINCT user_id) AS unique_users
FROM (SELECT NULL AS result, * FROM accepted UNION ALL SELECT * FROM accepted_by_commit)
GROUP BY result, window_start_ms;

CREATE TABLE expected AS SELECT * FROM sums WHERE result IS NULL;
CREATE INDEX expected_window ON expected (window_start_ms);

-- The result as its contract says it must read: amounts as decimals, the average half to even.
CREATE TABLE readable AS
SELECT result, window_start_ms, window_end_ms, order_count,
       CASE revenue_billions WHEN 0 THEN printf('%d.%02d', revenue_rest / 100, revenue_rest % 100)
            ELSE printf('%d%07d.%02d', revenue_billions, revenue_rest / 100, revenue_rest % 100) END AS total_revenue,
       total_items, unique_users, printf('%d.%02d', average_minor / 100, average_minor % 100) AS average_order_value
FROM (SELECT *, quotient + CASE WHEN remainder * 2 > order_count THEN 1
                                WHEN remainder * 2 = order_count THEN quotient % 2
                                ELSE 0 END AS average_minor
      FROM (SELECT *, revenue_billions / order_count * 1000000000
                      + (revenue_billions % order_count * 1000000000 + revenue_rest) / order_count AS quotient,
                   (revenue_billions % order_count * 1000000000 + revenue_rest) % order_count AS remainder
            FROM sums));

CREATE TABLE wanted AS SELECT * FROM readable WHERE result IS NULL;
CREATE TABLE wanted_by_commit AS SELECT * FROM readable WHERE result IS NOT NULL;
CREATE INDEX wanted_result ON wanted_by_commit (result);
