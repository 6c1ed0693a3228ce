"""Claims become grants: budget, once-key and number are judged with the campaign's row held."""

from collections.abc import Mapping, Sequence
from typing import Any

from hongbao.engine.ports import Answer, CampaignState, Claim, Granted, Refusal, Refused, Repeated
from hongbao.ids import GrantId, OrderNumber
from hongbao.ledger.grant import Money, State
from hongbao.ledger.transfer import Kind
from hongbao.money import Fen
from hongbao.store.posting import Posting
from hongbao.store.rows import openid_hash
from hongbao.store.session import Row, Session

_Once = tuple[int, str, str]
"""Campaign, hash of the person, occasion."""


def intake(session: Session, claims: Sequence[Claim], person_key: bytes) -> list[Answer]:
    """Judge all claims in their order, and write what was granted. The statements are as many for one as for all."""
    campaigns = {row["key"]: row for row in session.rows("lock_campaigns", keys=sorted({c.campaign for c in claims}))}
    now_ms = session.now_ms()
    asked = _asked(claims, campaigns, person_key)
    known = {
        row["i"]: row
        for row in session.matching(
            "known_claims", ("appid", "openid_hash", "campaign_id", "occasion", "mch_id", "number"), asked
        )
    }
    left = {key: row["free"] for key, row in campaigns.items()}
    firsts: dict[_Once, tuple[Claim, int]] = {}
    numbers: set[tuple[str, str]] = set()
    answers: list[Answer | None] = []
    granted: list[int] = []
    for i, claim in enumerate(claims):
        campaign, ask, there = campaigns.get(claim.campaign), asked[i], known[i]
        answer: Answer | None = None
        if campaign is None:
            answer = Refused(Refusal.UNKNOWN_CAMPAIGN)
        else:
            once = (campaign["id"], ask["openid_hash"], claim.occasion)
            if there["grant_id"] is not None:
                same = there["content"] == claim.content
                first = Repeated(GrantId(there["grant_id"]), OrderNumber(there["number"]), Fen(there["fen"]))
                answer = first if same else Refused(Refusal.CONFLICT)
            elif once in firsts:
                # Its twin stands earlier in this very batch and has no id yet: answered below.
                answer = None if firsts[once][0].content == claim.content else Refused(Refusal.CONFLICT)
            elif there["number_of"] is not None or (campaign["mch_id"], claim.number) in numbers:
                answer = Refused(Refusal.NUMBER_TAKEN)
            elif not _open(campaign, now_ms):
                answer = Refused(Refusal.CLOSED)
            elif claim.fen > left[claim.campaign]:
                answer = Refused(Refusal.SHORT)
            else:
                left[claim.campaign] -= claim.fen
                firsts[once] = (claim, i)
                numbers.add((campaign["mch_id"], claim.number))
                granted.append(i)
        answers.append(answer)
    ids = _write(session, claims, asked, known, granted, now_ms)
    made = {i: Granted(GrantId(ids[i]), claims[i].number, claims[i].fen) for i in granted}
    done: list[Answer] = []
    for i, answer in enumerate(answers):
        if answer is not None:
            done.append(answer)
        elif i in made:
            done.append(made[i])
        else:
            _, first = firsts[asked[i]["campaign_id"], asked[i]["openid_hash"], claims[i].occasion]
            done.append(Repeated(made[first].grant, made[first].number, made[first].fen))
    return done


def _asked(claims: Sequence[Claim], campaigns: Mapping[str, Row], person_key: bytes) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []
    for claim in claims:
        campaign = campaigns.get(claim.campaign)
        appid = "" if campaign is None else campaign["appid"]
        asked.append(
            {
                "appid": appid,
                "openid_hash": openid_hash(person_key, appid, claim.openid),
                "campaign_id": None if campaign is None else campaign["id"],
                "occasion": claim.occasion,
                "mch_id": None if campaign is None else campaign["mch_id"],
                "number": claim.number,
            }
        )
    return asked


def _open(campaign: Row, now_ms: int) -> bool:
    begun = campaign["begins_ms"] is None or campaign["begins_ms"] <= now_ms
    ended = campaign["ends_ms"] is not None and campaign["ends_ms"] <= now_ms
    return campaign["state"] == CampaignState.LIVE and begun and not ended


def _write(
    session: Session,
    claims: Sequence[Claim],
    asked: Sequence[Row],
    known: Mapping[int, Row],
    granted: Sequence[int],
    now_ms: int,
) -> dict[int, int]:
    """Write the grants with their persons, orders, transfers and counters; return their ids."""
    persons = _persons(session, claims, asked, known, granted)
    ids = dict(zip(granted, session.ids("grants", len(granted)), strict=True))
    posting = Posting()
    grants: list[Row] = []
    orders: list[Row] = []
    for i in granted:
        claim, ask = claims[i], asked[i]
        grants.append(
            {
                "id": ids[i],
                "campaign_id": ask["campaign_id"],
                "person_id": persons[ask["appid"], ask["openid_hash"]],
                "mch_id": ask["mch_id"],
                "occasion": claim.occasion,
                "content": claim.content,
                "fen": claim.fen,
                "number": claim.number,
                "renewal": 0,
                "state": State.DUE.value,
                "money": Money.RESERVED.value,
                "due_ms": claim.due_ms,
                "attempts": 0,
                "queries": 0,
                "seen_success": 0,
                "last_code": "",
                "last_text": "",
                "hold_reason": "",
                "file_row": claim.row,
                "created_ms": now_ms,
            }
        )
        orders.append(
            {
                "mch_id": ask["mch_id"],
                "number": claim.number,
                "grant_id": ids[i],
                "renewal": 0,
                "frozen": claim.frozen,
            }
        )
        posting.move(Kind.RESERVE, claim.fen, now_ms, merchant=ask["mch_id"], campaign=ask["campaign_id"], grant=ids[i])
        posting.count(ask["campaign_id"], None, State.DUE.value, claim.fen)
    session.each("add_grants", grants)
    session.each("add_orders", orders)
    posting.write(session)
    return ids


def _persons(
    session: Session,
    claims: Sequence[Claim],
    asked: Sequence[Row],
    known: Mapping[int, Row],
    granted: Sequence[int],
) -> dict[tuple[str, str], int]:
    """Return the ids of the people behind the grants, those seen for the first time included."""
    persons: dict[tuple[str, str], int] = {}
    new: dict[tuple[str, str], str] = {}
    for i in granted:
        who = (asked[i]["appid"], asked[i]["openid_hash"])
        person = known[i]["person_id"]
        if person is None:
            new[who] = claims[i].openid
        else:
            persons[who] = person
    if new:
        # In one order, so that two transactions that meet the same new people wait and do not lock each other out.
        rows = [
            {"id": identity, "appid": who[0], "openid_hash": who[1], "openid": new[who]}
            for who, identity in zip(sorted(new), session.ids("persons", len(new)), strict=True)
        ]
        session.each("add_persons", rows)
        for row in session.matching("persons", ("appid", "openid_hash"), rows):
            persons[row["appid"], row["openid_hash"]] = row["id"]
    return persons
