-- now: The time of the database.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms;

-- lock_merchants: Hold the balance rows, always in this order and before campaigns.
SELECT mch_id FROM merchants WHERE mch_id = ANY(%(merchants)s::text[]) ORDER BY mch_id FOR NO KEY UPDATE;

-- lock_campaigns: Hold the balance rows, always in this order and after merchants.
SELECT id, key, mch_id, appid, state, free, begins_ms, ends_ms FROM campaigns
WHERE key = ANY(%(keys)s::text[]) ORDER BY id FOR NO KEY UPDATE;

-- homes: Whose the grants are: what never changes, read before anything is held.
SELECT g.id, g.mch_id, c.key FROM unnest(%(ids)s::bigint[]) AS j (id)
CROSS JOIN LATERAL (SELECT id, mch_id, campaign_id FROM grants WHERE id = j.id OFFSET 0) AS g
CROSS JOIN LATERAL (SELECT key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c;

-- merchant: One merchant.
SELECT * FROM merchants WHERE mch_id = %(mch_id)s;

-- merchants: Several merchants.
SELECT * FROM merchants WHERE mch_id = ANY(%(merchants)s::text[]);

-- known_claims: For each claim what is there: its person, the grant under its once-key, the owner of its number.
SELECT j.i - 1 AS i, p.id AS person_id, g.id AS grant_id, g.number, g.fen, g.content, o.grant_id AS number_of
FROM unnest(
    %(appid)s::text[], %(openid_hash)s::text[], %(campaign_id)s::bigint[], %(occasion)s::text[], %(mch_id)s::text[],
    %(number)s::text[]
) WITH ORDINALITY AS j (appid, openid_hash, campaign_id, occasion, mch_id, number, i)
LEFT JOIN LATERAL (
    SELECT id FROM persons WHERE appid = j.appid AND openid_hash = j.openid_hash OFFSET 0
) AS p ON true
LEFT JOIN LATERAL (
    SELECT id, number, fen, content FROM grants
    WHERE person_id = p.id AND campaign_id = j.campaign_id AND occasion = j.occasion OFFSET 0
) AS g ON true
LEFT JOIN LATERAL (
    SELECT grant_id FROM orders WHERE mch_id = j.mch_id AND number = j.number OFFSET 0
) AS o ON true;

-- add_persons: People seen for the first time; another transaction may have been quicker.
INSERT INTO persons (
    id, appid, openid_hash, openid
) SELECT * FROM unnest(
    %(id)s::bigint[], %(appid)s::text[], %(openid_hash)s::text[], %(openid)s::text[]
)
ON CONFLICT (appid, openid_hash) DO NOTHING;

-- persons: Who the people are.
SELECT p.id, p.appid, p.openid_hash FROM unnest(%(appid)s::text[], %(openid_hash)s::text[]) AS j (appid, openid_hash)
CROSS JOIN LATERAL (
    SELECT id, appid, openid_hash FROM persons WHERE appid = j.appid AND openid_hash = j.openid_hash OFFSET 0
) AS p;

-- add_grants: New promises.
INSERT INTO grants (
    id, campaign_id, person_id, mch_id, occasion, content, fen, number, renewal, state, money, due_ms,
    attempts, queries, seen_success, last_code, last_text, hold_reason, file_row, created_ms
) SELECT * FROM unnest(
    %(id)s::bigint[], %(campaign_id)s::bigint[], %(person_id)s::bigint[], %(mch_id)s::text[],
    %(occasion)s::text[], %(content)s::text[], %(fen)s::bigint[], %(number)s::text[], %(renewal)s::int[],
    %(state)s::text[], %(money)s::text[], %(due_ms)s::bigint[], %(attempts)s::int[], %(queries)s::int[],
    %(seen_success)s::int[], %(last_code)s::text[], %(last_text)s::text[], %(hold_reason)s::text[],
    %(file_row)s::int[], %(created_ms)s::bigint[]
);

-- add_orders: Order numbers with what is frozen under them.
INSERT INTO orders (
    mch_id, number, grant_id, renewal, frozen
) SELECT * FROM unnest(
    %(mch_id)s::text[], %(number)s::text[], %(grant_id)s::bigint[], %(renewal)s::int[], %(frozen)s::bytea[]
);

-- add_transfers: Movements of money.
INSERT INTO transfers (
    key, kind, fen, mch_id, campaign_id, grant_id, at_ms
) SELECT * FROM unnest(
    %(key)s::text[], %(kind)s::text[], %(fen)s::bigint[], %(mch_id)s::text[], %(campaign_id)s::bigint[],
    %(grant_id)s::bigint[], %(at_ms)s::bigint[]
);

-- move_merchants: Changes of balances; the row's own rules judge them.
UPDATE merchants AS t SET
    funded = t.funded + r.funded, free = t.free + r.free, reserved = t.reserved + r.reserved,
    paid = t.paid + r.paid, returned = t.returned + r.returned
FROM unnest(
    %(mch_id)s::text[], %(funded)s::bigint[], %(free)s::bigint[], %(reserved)s::bigint[], %(paid)s::bigint[],
    %(returned)s::bigint[]
) AS r (
    mch_id, funded, free, reserved, paid, returned
) WHERE t.mch_id = r.mch_id;

-- move_campaigns: Changes of balances; the row's own rules judge them.
UPDATE campaigns AS t SET
    funded = t.funded + r.funded, free = t.free + r.free, reserved = t.reserved + r.reserved,
    paid = t.paid + r.paid, returned = t.returned + r.returned
FROM unnest(
    %(id)s::bigint[], %(funded)s::bigint[], %(free)s::bigint[], %(reserved)s::bigint[], %(paid)s::bigint[],
    %(returned)s::bigint[]
) AS r (
    id, funded, free, reserved, paid, returned
) WHERE t.id = r.id;

-- move_tallies: How many stand where, and for how much.
UPDATE tallies AS t SET
    grants = t.grants + r.grants, fen = t.fen + r.fen
FROM unnest(
    %(campaign_id)s::bigint[], %(state)s::text[], %(grants)s::bigint[], %(fen)s::bigint[]
) AS r (
    campaign_id, state, grants, fen
) WHERE t.campaign_id = r.campaign_id AND t.state = r.state;

-- due_campaigns: Which of the merchants' campaigns have something to send, and since when.
SELECT * FROM (
    SELECT c.mch_id, c.id, (
        SELECT g.due_ms FROM grants AS g WHERE g.campaign_id = c.id AND g.due_ms IS NOT NULL ORDER BY g.due_ms LIMIT 1
    ) AS due_ms
    FROM campaigns AS c WHERE c.mch_id = ANY(%(mch_id)s::text[]) AND c.state IN ('ended', 'live')
) AS heads WHERE due_ms <= %(now_ms)s;

-- due_grants: Campaigns' next grants to send, so many of each.
SELECT g.*, c.*, p.*, o.*
FROM unnest(%(campaign_id)s::bigint[], %(count)s::bigint[]) AS j (campaign_id, number_of)
CROSS JOIN LATERAL (
    SELECT * FROM grants WHERE campaign_id = j.campaign_id AND due_ms <= %(now_ms)s
    ORDER BY due_ms, id LIMIT j.number_of FOR NO KEY UPDATE SKIP LOCKED
) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o;

-- leased_grants: What a lease gave; asked when it is not known whether the lease was committed.
SELECT g.*, c.*, p.*, o.*, a.*
FROM unnest(%(mch_id)s::text[], %(token)s::text[]) AS j (mch_id, token)
CROSS JOIN LATERAL (SELECT * FROM grants WHERE mch_id = j.mch_id AND lease_token = j.token OFFSET 0) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o
CROSS JOIN LATERAL (
    SELECT slot_ms FROM attempts WHERE grant_id = g.id AND kind = 'send' AND serial = g.attempts OFFSET 0
) AS a
ORDER BY a.slot_ms, g.id;

-- person_days: What people have had of a merchant on a day.
SELECT d.person_id, d.mch_id, d.day, d.packets, d.fen, d.is_full
FROM unnest(%(person_id)s::bigint[], %(mch_id)s::text[], %(day)s::int[]) AS j (person_id, mch_id, day)
CROSS JOIN LATERAL (
    SELECT * FROM person_days WHERE person_id = j.person_id AND mch_id = j.mch_id AND day = j.day OFFSET 0
) AS d;

-- merchant_day: What a merchant has sent on a day.
SELECT packets, fen FROM merchant_days WHERE mch_id = %(mch_id)s AND day = %(day)s;

-- merchant_days: What several merchants have sent on a day each.
SELECT d.mch_id, d.day, d.packets, d.fen FROM unnest(%(mch_id)s::text[], %(day)s::int[]) AS j (mch_id, day)
CROSS JOIN LATERAL (SELECT * FROM merchant_days WHERE mch_id = j.mch_id AND day = j.day OFFSET 0) AS d;

-- take_places: Places under the caps of a day are taken, or the day is said to be full.
INSERT INTO person_days (
    person_id, mch_id, day, packets, fen, is_full
) SELECT * FROM unnest(
    %(person_id)s::bigint[], %(mch_id)s::text[], %(day)s::int[], %(packets)s::int[], %(fen)s::bigint[],
    %(is_full)s::int[]
)
ON CONFLICT (person_id, mch_id, day) DO UPDATE SET packets = person_days.packets + excluded.packets,
    fen = person_days.fen + excluded.fen, is_full = CASE WHEN excluded.is_full = 1 THEN 1 ELSE person_days.is_full END;

-- free_places: Places are given back.
UPDATE person_days AS t SET
    packets = t.packets - r.packets, fen = t.fen - r.fen
FROM unnest(
    %(person_id)s::bigint[], %(mch_id)s::text[], %(day)s::int[], %(packets)s::int[], %(fen)s::bigint[]
) AS r (
    person_id, mch_id, day, packets, fen
) WHERE t.person_id = r.person_id AND t.mch_id = r.mch_id AND t.day = r.day;

-- take_merchant_days: A merchant's day fills.
INSERT INTO merchant_days (
    mch_id, day, packets, fen
) SELECT * FROM unnest(
    %(mch_id)s::text[], %(day)s::int[], %(packets)s::int[], %(fen)s::bigint[]
)
ON CONFLICT (mch_id, day) DO UPDATE SET packets = merchant_days.packets + excluded.packets,
    fen = merchant_days.fen + excluded.fen;

-- free_merchant_days: A merchant's day empties.
UPDATE merchant_days AS t SET
    packets = t.packets - r.packets, fen = t.fen - r.fen
FROM unnest(
    %(mch_id)s::text[], %(day)s::int[], %(packets)s::int[], %(fen)s::bigint[]
) AS r (
    mch_id, day, packets, fen
) WHERE t.mch_id = r.mch_id AND t.day = r.day;

-- keep_grants: Where grants stand now.
UPDATE grants AS t SET
    number = r.number, renewal = r.renewal, state = r.state, money = r.money, due_ms = r.due_ms,
    look_ms = r.look_ms, attempts = r.attempts, queries = r.queries, first_try_ms = r.first_try_ms,
    last_try_ms = r.last_try_ms, place = r.place, lease_token = r.lease_token,
    lease_until_ms = r.lease_until_ms, seen_success = r.seen_success, last_code = r.last_code,
    last_text = r.last_text, hold_reason = r.hold_reason, list_id = r.list_id, ended_ms = r.ended_ms
FROM unnest(
    %(id)s::bigint[], %(number)s::text[], %(renewal)s::int[], %(state)s::text[], %(money)s::text[],
    %(due_ms)s::bigint[], %(look_ms)s::bigint[], %(attempts)s::int[], %(queries)s::int[],
    %(first_try_ms)s::bigint[], %(last_try_ms)s::bigint[], %(place)s::int[], %(lease_token)s::text[],
    %(lease_until_ms)s::bigint[], %(seen_success)s::int[], %(last_code)s::text[], %(last_text)s::text[],
    %(hold_reason)s::text[], %(list_id)s::text[], %(ended_ms)s::bigint[]
) AS r (
    id, number, renewal, state, money, due_ms, look_ms, attempts, queries, first_try_ms, last_try_ms, place,
    lease_token, lease_until_ms, seen_success, last_code, last_text, hold_reason, list_id, ended_ms
) WHERE t.id = r.id;

-- keep_paces: Where merchants' paces stand now.
UPDATE merchants AS t SET pace = r.pace, probe_ms = r.probe_ms, lease_round = t.lease_round + 1
FROM unnest(%(mch_id)s::text[], %(pace)s::text[], %(probe_ms)s::bigint[]) AS r (mch_id, pace, probe_ms)
WHERE t.mch_id = r.mch_id;

-- hold_lanes: Lanes are taken or prolonged, unless another owner has them; those that were.
UPDATE merchants AS t SET lane_owner = r.owner, lane_until_ms = r.until_ms
FROM unnest(%(mch_id)s::text[], %(owner)s::text[], %(until_ms)s::bigint[]) AS r (mch_id, owner, until_ms)
WHERE t.mch_id = r.mch_id
    AND (t.lane_owner IS NULL OR t.lane_owner = r.owner OR t.lane_until_ms < %(now_ms)s)
RETURNING t.mch_id;

-- open_attempts: A send may begin under this lease.
INSERT INTO attempts (
    grant_id, mch_id, campaign_id, kind, serial, number, lease_token, lease_until_ms, opened_ms, slot_ms
) SELECT * FROM unnest(
    %(grant_id)s::bigint[], %(mch_id)s::text[], %(campaign_id)s::bigint[], %(kind)s::text[], %(serial)s::int[],
    %(number)s::text[], %(lease_token)s::text[], %(lease_until_ms)s::bigint[], %(opened_ms)s::bigint[],
    %(slot_ms)s::bigint[]
);

-- grants: Grants as they stand, held in this order.
SELECT g.*, c.*, p.*, o.*
FROM (SELECT * FROM grants WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o;

-- attempts: Single attempts.
SELECT a.* FROM unnest(%(grant_id)s::bigint[], %(serial)s::int[]) AS j (grant_id, serial)
CROSS JOIN LATERAL (
    SELECT * FROM attempts WHERE grant_id = j.grant_id AND kind = 'send' AND serial = j.serial OFFSET 0
) AS a;

-- attempts_over: When the last attempt of each grant ended, or its lease ran out.
SELECT j.grant_id, (
    SELECT max(coalesce(a.ended_ms, a.lease_until_ms)) FROM attempts AS a
    WHERE a.grant_id = j.grant_id AND a.kind = 'send'
) AS over_ms FROM unnest(%(ids)s::bigint[]) AS j (grant_id);

-- close_attempts: What came back.
UPDATE attempts AS t SET
    started_ms = r.started_ms, ended_ms = r.ended_ms, outcome = r.outcome, code = r.code, text = r.text,
    raw = r.raw, list_id = r.list_id
FROM unnest(
    %(grant_id)s::bigint[], %(kind)s::text[], %(serial)s::int[], %(started_ms)s::bigint[],
    %(ended_ms)s::bigint[], %(outcome)s::text[], %(code)s::text[], %(text)s::text[], %(raw)s::text[],
    %(list_id)s::text[]
) AS r (
    grant_id, kind, serial, started_ms, ended_ms, outcome, code, text, raw, list_id
) WHERE t.grant_id = r.grant_id AND t.kind = r.kind AND t.serial = r.serial;

-- lose_attempts: Nobody answered for these.
UPDATE attempts AS t SET
    lost = r.lost
FROM unnest(
    %(grant_id)s::bigint[], %(kind)s::text[], %(serial)s::int[], %(lost)s::int[]
) AS r (
    grant_id, kind, serial, lost
) WHERE t.grant_id = r.grant_id AND t.kind = r.kind AND t.serial = r.serial;

-- add_queries: What queries showed.
INSERT INTO attempts (
    grant_id, mch_id, campaign_id, kind, serial, number, opened_ms, started_ms, ended_ms, outcome, code, text,
    raw, list_id
) SELECT * FROM unnest(
    %(grant_id)s::bigint[], %(mch_id)s::text[], %(campaign_id)s::bigint[], %(kind)s::text[], %(serial)s::int[],
    %(number)s::text[], %(opened_ms)s::bigint[], %(started_ms)s::bigint[], %(ended_ms)s::bigint[],
    %(outcome)s::text[], %(code)s::text[], %(text)s::text[], %(raw)s::text[], %(list_id)s::text[]
);

-- add_notices: What others want to hear of.
INSERT INTO notices (
    kind, grant_id, mch_id, campaign_id, number, fen, state, at_ms
) SELECT * FROM unnest(
    %(kind)s::text[], %(grant_id)s::bigint[], %(mch_id)s::text[], %(campaign_id)s::bigint[],
    %(number)s::text[], %(fen)s::bigint[], %(state)s::text[], %(at_ms)s::bigint[]
);

-- doubt: Grants in doubt that should be queried.
SELECT g.*, c.*, p.*, o.*
FROM (
    SELECT * FROM grants WHERE mch_id = %(mch_id)s AND look_ms <= %(now_ms)s AND state IN ('unsure', 'doomed')
    ORDER BY look_ms, id LIMIT %(count)s FOR NO KEY UPDATE SKIP LOCKED
) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o
ORDER BY g.look_ms, g.id;

-- follow: Packets that should be followed.
SELECT g.*, c.*, p.*, o.*
FROM (
    SELECT * FROM grants WHERE mch_id = %(mch_id)s AND look_ms <= %(now_ms)s AND state NOT IN ('unsure', 'doomed')
    ORDER BY look_ms, id LIMIT %(count)s FOR NO KEY UPDATE SKIP LOCKED
) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o
ORDER BY g.look_ms, g.id;

-- keep_looks: When to query next.
UPDATE grants AS t SET
    look_ms = r.look_ms
FROM unnest(
    %(id)s::bigint[], %(look_ms)s::bigint[]
) AS r (
    id, look_ms
) WHERE t.id = r.id;

-- expired: Leases that ran out.
SELECT g.*, c.*, p.*, o.*
FROM (
    SELECT * FROM grants WHERE lease_token IS NOT NULL AND lease_until_ms < %(now_ms)s
    ORDER BY lease_until_ms, id LIMIT %(count)s
) AS g
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = g.campaign_id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT openid, appid FROM persons WHERE id = g.person_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT frozen FROM orders WHERE mch_id = g.mch_id AND number = g.number OFFSET 0) AS o
ORDER BY g.lease_until_ms, g.id;

-- untried: A campaign's grants of which nothing ever left.
SELECT id FROM grants WHERE campaign_id = %(campaign_id)s AND due_ms IS NOT NULL
    AND state = 'due' AND first_try_ms IS NULL
ORDER BY due_ms, id LIMIT %(count)s;

-- work: What each merchant has to do, and when.
SELECT m.mch_id, m.brake, m.probe_ms, m.lane_until_ms, (
    SELECT min((
        SELECT g.due_ms FROM grants AS g WHERE g.campaign_id = c.id AND g.due_ms IS NOT NULL ORDER BY g.due_ms LIMIT 1
    )) FROM campaigns AS c WHERE c.mch_id = m.mch_id AND c.state IN ('ended', 'live')
) AS due_ms, (
    SELECT g.look_ms FROM grants AS g WHERE g.mch_id = m.mch_id AND g.look_ms IS NOT NULL
    AND g.state IN ('unsure', 'doomed') ORDER BY g.look_ms LIMIT 1
) AS doubt_ms, (
    SELECT g.look_ms FROM grants AS g WHERE g.mch_id = m.mch_id AND g.look_ms IS NOT NULL
    AND g.state NOT IN ('unsure', 'doomed') ORDER BY g.look_ms LIMIT 1
) AS follow_ms FROM merchants AS m ORDER BY m.mch_id;

-- recent_of_merchant: The newest sends; those that are answered count.
SELECT a.*, c.* FROM attempts AS a
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = a.campaign_id OFFSET 0) AS c
WHERE a.mch_id = %(mch_id)s AND a.kind = 'send' AND a.outcome IS NOT NULL
ORDER BY a.id DESC LIMIT %(count)s;

-- recent_of_campaign: The newest sends; those that are answered count.
SELECT a.*, c.* FROM attempts AS a
CROSS JOIN LATERAL (SELECT key AS campaign_key FROM campaigns WHERE id = a.campaign_id OFFSET 0) AS c
WHERE a.campaign_id = %(campaign_id)s AND a.kind = 'send' AND a.outcome IS NOT NULL
ORDER BY a.id DESC LIMIT %(count)s;

-- campaign_home: Whose campaign it is: what never changes, read before anything is held.
SELECT id, mch_id, key FROM campaigns WHERE key = %(key)s;

-- paid_since: Which of these people have had a packet that did not come back.
SELECT DISTINCT p.openid_hash FROM unnest(%(appid)s::text[], %(openid_hash)s::text[]) AS j (appid, openid_hash)
JOIN persons AS p ON p.appid = j.appid AND p.openid_hash = j.openid_hash
JOIN grants AS g ON g.person_id = p.id
WHERE g.mch_id = %(mch_id)s AND g.money = 'settled' AND g.last_try_ms >= %(since_ms)s;

-- covered: Which rows of a continuation have a grant in the batches before it that is paid, or may yet be.
SELECT DISTINCT j.line FROM unnest(
    %(appid)s::text[], %(openid_hash)s::text[], %(occasion)s::text[], %(line)s::int[]
) AS j (appid, openid_hash, occasion, line)
JOIN persons AS p ON p.appid = j.appid AND p.openid_hash = j.openid_hash
CROSS JOIN LATERAL (
    SELECT campaign_id, state FROM grants WHERE person_id = p.id AND occasion = j.occasion OFFSET 0
) AS g
JOIN campaigns AS c ON c.id = g.campaign_id
WHERE c.key = ANY(%(campaigns)s::text[]) AND g.state NOT IN ('failed', 'cancelled');
