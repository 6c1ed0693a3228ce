-- lock_campaigns: The campaigns of a batch; who writes excludes all others.
SELECT id, key, mch_id, appid, state, free, begins_ms, ends_ms FROM campaigns
WHERE key IN (SELECT value FROM json_each(:keys));

-- homes: Whose the grants are: what never changes, read before anything is held.
SELECT g.id, g.mch_id, c.key FROM json_each(:ids) AS j CROSS JOIN grants AS g ON g.id = j.value
JOIN campaigns AS c ON c.id = g.campaign_id;

-- merchant: One merchant.
SELECT * FROM merchants WHERE mch_id = :mch_id;

-- merchants: Several merchants.
SELECT m.* FROM json_each(:merchants) AS j CROSS JOIN merchants AS m ON m.mch_id = j.value;

-- known_claims: For each claim what is there: its person, the grant under its once-key, the owner of its number.
SELECT j.key AS i, p.id AS person_id, g.id AS grant_id, g.number, g.fen, g.content, o.grant_id AS number_of
FROM json_each(:keys) AS j
LEFT JOIN persons AS p ON p.appid = json_extract(j.value, '$[0]') AND p.openid_hash = json_extract(j.value, '$[1]')
LEFT JOIN grants AS g ON g.person_id = p.id AND g.campaign_id = json_extract(j.value, '$[2]')
    AND g.occasion = json_extract(j.value, '$[3]')
LEFT JOIN orders AS o ON o.mch_id = json_extract(j.value, '$[4]') AND o.number = json_extract(j.value, '$[5]');

-- add_persons: People seen for the first time; another transaction may have been quicker.
INSERT INTO persons (
    id, appid, openid_hash, openid
) VALUES (
    :id, :appid, :openid_hash, :openid
)
ON CONFLICT (appid, openid_hash) DO NOTHING;

-- persons: Who the people are.
SELECT p.id, p.appid, p.openid_hash FROM json_each(:keys) AS j
JOIN persons AS p ON p.appid = json_extract(j.value, '$[0]') AND p.openid_hash = json_extract(j.value, '$[1]');

-- add_grants: New promises.
INSERT INTO grants (
    id, campaign_id, person_id, mch_id, occasion, content, fen, number, renewal, state, money, due_ms,
    attempts, queries, seen_success, last_code, last_text, hold_reason, file_row, created_ms
) VALUES (
    :id, :campaign_id, :person_id, :mch_id, :occasion, :content, :fen, :number, :renewal, :state, :money,
    :due_ms, :attempts, :queries, :seen_success, :last_code, :last_text, :hold_reason, :file_row, :created_ms
);

-- add_orders: Order numbers with what is frozen under them.
INSERT INTO orders (
    mch_id, number, grant_id, renewal, frozen
) VALUES (
    :mch_id, :number, :grant_id, :renewal, :frozen
);

-- add_transfers: Movements of money.
INSERT INTO transfers (
    key, kind, fen, mch_id, campaign_id, grant_id, at_ms
) VALUES (
    :key, :kind, :fen, :mch_id, :campaign_id, :grant_id, :at_ms
);

-- move_merchants: Changes of balances; the row's own rules judge them.
UPDATE merchants SET
    funded = funded + :funded, free = free + :free, reserved = reserved + :reserved, paid = paid + :paid,
    returned = returned + :returned
WHERE mch_id = :mch_id;

-- move_campaigns: Changes of balances; the row's own rules judge them.
UPDATE campaigns SET
    funded = funded + :funded, free = free + :free, reserved = reserved + :reserved, paid = paid + :paid,
    returned = returned + :returned
WHERE id = :id;

-- move_tallies: How many stand where, and for how much.
UPDATE tallies SET
    grants = grants + :grants, fen = fen + :fen
WHERE campaign_id = :campaign_id AND state = :state;

-- due_campaigns: Which of a merchant's campaigns have something to send, and since when.
SELECT * FROM (
    SELECT c.mch_id, c.id, (
        SELECT g.due_ms FROM grants AS g WHERE g.campaign_id = c.id AND g.due_ms IS NOT NULL ORDER BY g.due_ms LIMIT 1
    ) AS due_ms
    FROM campaigns AS c WHERE c.mch_id = :mch_id AND c.state IN ('ended', 'live')
) WHERE due_ms <= :now_ms;

-- due_grants: A campaign's next grants to send.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen
FROM grants AS g JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number
WHERE g.campaign_id = :campaign_id AND g.due_ms <= :now_ms ORDER BY g.due_ms, g.id LIMIT :count;

-- leased_grants: What a lease gave; asked when it is not known whether the lease was committed.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen, a.slot_ms
FROM grants AS g JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number
JOIN attempts AS a ON a.grant_id = g.id AND a.kind = 'send' AND a.serial = g.attempts
WHERE g.mch_id = :mch_id AND g.lease_token = :token ORDER BY a.slot_ms, g.id;

-- person_days: What people have had of a merchant on a day.
SELECT d.person_id, d.mch_id, d.day, d.packets, d.fen, d.is_full FROM json_each(:keys) AS j
JOIN person_days AS d ON d.person_id = json_extract(j.value, '$[0]') AND d.mch_id = json_extract(j.value, '$[1]')
    AND d.day = json_extract(j.value, '$[2]');

-- merchant_day: What a merchant has sent on a day.
SELECT packets, fen FROM merchant_days WHERE mch_id = :mch_id AND day = :day;

-- merchant_days: What several merchants have sent on a day each.
SELECT d.mch_id, d.day, d.packets, d.fen FROM json_each(:keys) AS j
JOIN merchant_days AS d ON d.mch_id = json_extract(j.value, '$[0]') AND d.day = json_extract(j.value, '$[1]');

-- take_places: Places under the caps of a day are taken, or the day is said to be full.
INSERT INTO person_days (
    person_id, mch_id, day, packets, fen, is_full
) VALUES (
    :person_id, :mch_id, :day, :packets, :fen, :is_full
)
ON CONFLICT (person_id, mch_id, day) DO UPDATE SET packets = person_days.packets + excluded.packets,
    fen = person_days.fen + excluded.fen, is_full = CASE WHEN excluded.is_full = 1 THEN 1 ELSE person_days.is_full END;

-- free_places: Places are given back.
UPDATE person_days SET
    packets = packets - :packets, fen = fen - :fen
WHERE person_id = :person_id AND mch_id = :mch_id AND day = :day;

-- take_merchant_days: A merchant's day fills.
INSERT INTO merchant_days (
    mch_id, day, packets, fen
) VALUES (
    :mch_id, :day, :packets, :fen
)
ON CONFLICT (mch_id, day) DO UPDATE SET packets = merchant_days.packets + excluded.packets,
    fen = merchant_days.fen + excluded.fen;

-- free_merchant_days: A merchant's day empties.
UPDATE merchant_days SET
    packets = packets - :packets, fen = fen - :fen
WHERE mch_id = :mch_id AND day = :day;

-- keep_grants: Where grants stand now.
UPDATE grants SET
    number = :number, renewal = :renewal, state = :state, money = :money, due_ms = :due_ms, look_ms = :look_ms,
    attempts = :attempts, queries = :queries, first_try_ms = :first_try_ms, last_try_ms = :last_try_ms,
    place = :place, lease_token = :lease_token, lease_until_ms = :lease_until_ms, seen_success = :seen_success,
    last_code = :last_code, last_text = :last_text, hold_reason = :hold_reason, list_id = :list_id,
    ended_ms = :ended_ms
WHERE id = :id;

-- keep_paces: Where merchants' paces stand now.
UPDATE merchants SET pace = :pace, probe_ms = :probe_ms, lease_round = lease_round + 1 WHERE mch_id = :mch_id;

-- hold_lanes: Lanes are taken or prolonged, unless another owner has them; those that were.
UPDATE merchants SET lane_owner = :owner, lane_until_ms = :until_ms
WHERE mch_id = :mch_id AND (lane_owner IS NULL OR lane_owner = :owner OR lane_until_ms < :now_ms) RETURNING mch_id;

-- open_attempts: A send may begin under this lease.
INSERT INTO attempts (
    grant_id, mch_id, campaign_id, kind, serial, number, lease_token, lease_until_ms, opened_ms, slot_ms
) VALUES (
    :grant_id, :mch_id, :campaign_id, :kind, :serial, :number, :lease_token, :lease_until_ms, :opened_ms,
    :slot_ms
);

-- grants: Grants as they stand, held in this order.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen
FROM json_each(:ids) AS j CROSS JOIN grants AS g ON g.id = j.value
JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number;

-- attempts: Single attempts.
SELECT a.* FROM json_each(:keys) AS j
JOIN attempts AS a ON a.grant_id = json_extract(j.value, '$[0]') AND a.kind = 'send'
    AND a.serial = json_extract(j.value, '$[1]');

-- attempts_over: When the last attempt of each grant ended, or its lease ran out.
SELECT j.value AS grant_id, (
    SELECT max(coalesce(a.ended_ms, a.lease_until_ms)) FROM attempts AS a
    WHERE a.grant_id = j.value AND a.kind = 'send'
) AS over_ms FROM json_each(:ids) AS j;

-- close_attempts: What came back.
UPDATE attempts SET
    started_ms = :started_ms, ended_ms = :ended_ms, outcome = :outcome, code = :code, text = :text, raw = :raw,
    list_id = :list_id
WHERE grant_id = :grant_id AND kind = :kind AND serial = :serial;

-- lose_attempts: Nobody answered for these.
UPDATE attempts SET
    lost = :lost
WHERE grant_id = :grant_id AND kind = :kind AND serial = :serial;

-- add_queries: What queries showed.
INSERT INTO attempts (
    grant_id, mch_id, campaign_id, kind, serial, number, opened_ms, started_ms, ended_ms, outcome, code, text,
    raw, list_id
) VALUES (
    :grant_id, :mch_id, :campaign_id, :kind, :serial, :number, :opened_ms, :started_ms, :ended_ms, :outcome,
    :code, :text, :raw, :list_id
);

-- add_notices: What others want to hear of.
INSERT INTO notices (
    kind, grant_id, mch_id, campaign_id, number, fen, state, at_ms
) VALUES (
    :kind, :grant_id, :mch_id, :campaign_id, :number, :fen, :state, :at_ms
);

-- doubt: Grants in doubt that should be queried.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen
FROM grants AS g JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number
WHERE g.mch_id = :mch_id AND g.look_ms <= :now_ms AND g.state IN ('unsure', 'doomed')
ORDER BY g.look_ms, g.id LIMIT :count;

-- follow: Packets that should be followed.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen
FROM grants AS g JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number
WHERE g.mch_id = :mch_id AND g.look_ms <= :now_ms AND g.state NOT IN ('unsure', 'doomed')
ORDER BY g.look_ms, g.id LIMIT :count;

-- keep_looks: When to query next.
UPDATE grants SET
    look_ms = :look_ms
WHERE id = :id;

-- expired: Leases that ran out.
SELECT g.*, p.openid, p.appid, c.key AS campaign_key, o.frozen
FROM grants AS g JOIN campaigns AS c ON c.id = g.campaign_id JOIN persons AS p ON p.id = g.person_id
JOIN orders AS o ON o.mch_id = g.mch_id AND o.number = g.number
WHERE g.lease_token IS NOT NULL AND g.lease_until_ms < :now_ms ORDER BY g.lease_until_ms, g.id LIMIT :count;

-- untried: A campaign's grants of which nothing ever left.
SELECT id FROM grants WHERE campaign_id = :campaign_id AND due_ms IS NOT NULL
    AND state = 'due' AND first_try_ms IS NULL
ORDER BY due_ms, id LIMIT :count;

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
SELECT a.*, c.key AS campaign_key FROM attempts AS a JOIN campaigns AS c ON c.id = a.campaign_id
WHERE a.mch_id = :mch_id AND a.kind = 'send' AND a.outcome IS NOT NULL
ORDER BY a.id DESC LIMIT :count;

-- recent_of_campaign: The newest sends; those that are answered count.
SELECT a.*, c.key AS campaign_key FROM attempts AS a JOIN campaigns AS c ON c.id = a.campaign_id
WHERE a.campaign_id = :campaign_id AND a.kind = 'send' AND a.outcome IS NOT NULL
ORDER BY a.id DESC LIMIT :count;

-- campaign_home: Whose campaign it is: what never changes, read before anything is held.
SELECT id, mch_id, key FROM campaigns WHERE key = :key;

-- paid_since: Which of these people have had a packet that did not come back.
SELECT DISTINCT p.openid_hash FROM json_each(:keys) AS j
JOIN persons AS p ON p.appid = json_extract(j.value, '$[0]') AND p.openid_hash = json_extract(j.value, '$[1]')
JOIN grants AS g ON g.person_id = p.id
WHERE g.mch_id = :mch_id AND g.money = 'settled' AND g.last_try_ms >= :since_ms;

-- covered: Which rows of a continuation have a grant in the batches before it that is paid, or may yet be.
SELECT DISTINCT json_extract(j.value, '$[3]') AS line FROM json_each(:keys) AS j
JOIN persons AS p ON p.appid = json_extract(j.value, '$[0]') AND p.openid_hash = json_extract(j.value, '$[1]')
JOIN grants AS g ON g.person_id = p.id AND g.occasion = json_extract(j.value, '$[2]')
JOIN campaigns AS c ON c.id = g.campaign_id
WHERE c.key IN (SELECT value FROM json_each(:campaigns)) AND g.state NOT IN ('failed', 'cancelled');
