"""What happened to grants is kept: evidence always, steps as far as the grant's life allows them.

The rows are judged as they are in this transaction, held in the one order; what the engine read before is not asked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hongbao.engine.ports import Recorded, Result
from hongbao.ids import CampaignId, GrantId, MerchantId, OrderNumber
from hongbao.ledger.grant import ENDED, Event, Money, State, movements, step
from hongbao.ledger.transfer import Kind
from hongbao.payout.pacing import beijing_day
from hongbao.store.posting import Posting
from hongbao.store.rows import grant_of
from hongbao.store.session import Row, Session

_SUCCESS = frozenset({Event.SAID_SENT, Event.SAW_SENT, Event.SAW_RECEIVED, Event.SAW_RETURNING, Event.SAW_RETURNED})
_ANSWERS = frozenset({Event.SAID_SENT, Event.SAID_NO, Event.SAID_DEAD, Event.NO_ANSWER, Event.NOT_TRIED})
_LEASED = frozenset({State.SENDING, State.RESENDING})
_FOLLOWED = frozenset({State.UNSURE, State.DOOMED, State.DEAD, State.SENT, State.RETURNING})
_NO_PLACE = frozenset({State.DUE, State.DEAD, State.FAILED, State.CANCELLED})
"""WeChat holds no packet: a place under the caps of a day is free again. In doubt it is kept."""

_NOTICES: Mapping[State, str] = {
    State.SENT: "packet.sent",
    State.RECEIVED: "packet.received",
    State.RETURNED: "packet.refunded",
    State.FAILED: "packet.failed",
    State.NEEDS_PERSON: "packet.held",
}
_MOVED: Mapping[Kind, Money] = {
    Kind.SETTLE: Money.SETTLED,
    Kind.RELEASE: Money.RELEASED,
    Kind.GIVE_BACK: Money.GIVEN_BACK,
}


def homes(session: Session, ids: Sequence[int]) -> tuple[set[MerchantId], set[CampaignId]]:
    """Return whose balances the results of these grants can touch.

    Raises:
        KeyError: no such grant.
    """
    rows = session.rows("homes", ids=ids)
    if len(rows) < len(ids):
        raise KeyError(min(set(ids) - {row["id"] for row in rows}))
    return {MerchantId(row["mch_id"]) for row in rows}, {CampaignId(row["key"]) for row in rows}


def record(session: Session, results: Sequence[Result]) -> list[Recorded]:
    """Keep all results in their order. The statements are as many for one as for all."""
    ids = sorted({result.grant for result in results})
    session.hold(*homes(session, ids))
    now_ms = session.now_ms()
    grants = {row["id"]: dict(row) for row in session.rows("grants", ids=ids)}
    sends = [{"grant_id": result.grant, "serial": result.serial} for result in results if result.serial is not None]
    attempts = {
        (row["grant_id"], row["serial"]): dict(row)
        for row in (session.matching("attempts", ("grant_id", "serial"), sends) if sends else ())
    }
    failed = sorted({result.grant for result in results if Event.SAW_FAILED in result.events})
    over = {row["grant_id"]: row["over_ms"] for row in (session.rows("attempts_over", ids=failed) if failed else ())}
    batch = _Batch(now_ms, grants, attempts, over)
    recorded = [batch.take(result) for result in results]
    batch.write(session)
    return recorded


class _Batch:
    """The rows of one transaction while its results are applied."""

    def __init__(
        self,
        now_ms: int,
        grants: dict[int, dict[str, Any]],
        attempts: dict[tuple[int, int], dict[str, Any]],
        over: Mapping[int, int | None],
    ) -> None:
        self._now_ms = now_ms
        self._grants = grants
        self._attempts = attempts
        self._over = over
        self._posting = Posting()
        self._touched: set[int] = set()
        self._answered: dict[tuple[int, int], Row] = {}
        self._lost: dict[tuple[int, int], Row] = {}
        self._queries: list[Row] = []
        self._orders: list[Row] = []
        self._notices: list[Row] = []

    def take(self, result: Result) -> Recorded:
        """Apply one result."""
        row = self._grants[result.grant]
        attempt = None
        if result.serial is not None:
            attempt = self._attempts.get((result.grant, result.serial))
            if attempt is None:
                raise KeyError((result.grant, result.serial))
            repeated = self._repeated(result, attempt)
            if repeated is not None:
                return repeated
        mine = attempt is not None and (row["lease_token"], row["attempts"]) == (result.token, result.serial)
        events = self._counting(result, row, attempt, mine)
        before = State(row["state"])
        took: list[Event] = []
        for event in events:
            if not self._step(row, event, result):
                break
            took.append(event)
        self._keep_evidence(result, row, attempt)
        if not _SUCCESS.isdisjoint(result.events):
            row["seen_success"] = 1
        if took:
            self._settle_down(row, before, result, attempt, mine, took)
        self._touched.add(result.grant)
        return Recorded(grant=grant_of(row), took=tuple(took))

    def _repeated(self, result: Result, attempt: Mapping[str, Any]) -> Recorded | None:
        """Recognise an answer that was kept before: it says again what it said then."""
        if result.evidence is None or attempt["outcome"] is None:
            return None
        said = (attempt["outcome"], attempt["started_ms"], attempt["ended_ms"])
        if said != (result.evidence.outcome, result.evidence.started_ms, result.evidence.ended_ms):
            return None
        return Recorded(grant=grant_of(self._grants[result.grant]), took=result.events)

    def _counting(
        self, result: Result, row: Mapping[str, Any], attempt: Mapping[str, Any] | None, mine: bool
    ) -> tuple[Event, ...]:
        """Return the events that count for the row as it stands."""
        events = result.events
        if result.number != row["number"]:
            return () if _SUCCESS.isdisjoint(events) else (Event.HANDED_OVER,)
        if attempt is not None and not mine:
            # A late answer is evidence of its own attempt. Whoever holds the grant now is not disturbed by anything
            # but the news that the packet exists.
            late = events[:1] if events and events[0] in _ANSWERS else ()
            return late if State(row["state"]) not in _LEASED or late == (Event.SAID_SENT,) else ()
        if Event.LEASE_LOST in events and not mine:
            return ()
        if Event.SAW_FAILED in events:
            asked_ms = -1 if result.evidence is None else result.evidence.started_ms
            if asked_ms < (self._over.get(result.grant) or 0):
                return (*events[: events.index(Event.SAW_FAILED)], Event.SAW_NOTHING_NEW)
        return events

    def _step(self, row: dict[str, Any], event: Event, result: Result) -> bool:
        """Take one step with its transfers; False if it is forbidden."""
        old = State(row["state"])
        new = None if event is Event.LEASED else step(old, event)
        if new is None or (event is Event.CANCELLED and row["first_try_ms"] is not None):
            return False
        if event is Event.RENEWED:
            if result.renewal is None:
                return False
            self._orders.append(
                {
                    "mch_id": row["mch_id"],
                    "number": result.renewal.number,
                    "grant_id": row["id"],
                    "renewal": row["renewal"] + 1,
                    "frozen": result.renewal.frozen,
                }
            )
            row.update(
                number=result.renewal.number,
                frozen=result.renewal.frozen,
                renewal=row["renewal"] + 1,
                first_try_ms=None,
            )
        for kind in movements(Money(row["money"]), new):
            fen = row["fen"] if kind is not Kind.GIVE_BACK or result.back_fen is None else result.back_fen
            self._posting.move(
                kind, fen, self._now_ms, merchant=row["mch_id"], campaign=row["campaign_id"], grant=row["id"]
            )
            row["money"] = _MOVED[kind].value
        self._posting.count(row["campaign_id"], old.value, new.value, row["fen"])
        row["state"] = new.value
        return True

    def _keep_evidence(self, result: Result, row: dict[str, Any], attempt: dict[str, Any] | None) -> None:
        """Keep what came back, whatever became of the events."""
        evidence = result.evidence
        if evidence is None:
            if attempt is not None and Event.LEASE_LOST in result.events and attempt["outcome"] is None:
                key = (result.grant, attempt["serial"])
                attempt["lost"] = 1
                self._lost[key] = {"grant_id": result.grant, "kind": "send", "serial": attempt["serial"], "lost": 1}
            return
        kept = {
            "started_ms": evidence.started_ms,
            "ended_ms": evidence.ended_ms,
            "outcome": evidence.outcome,
            "code": evidence.code,
            "text": evidence.text,
            "raw": evidence.raw,
            "list_id": evidence.list_id,
        }
        if attempt is None:
            row["queries"] += 1
            self._queries.append(
                {
                    "grant_id": row["id"],
                    "mch_id": row["mch_id"],
                    "campaign_id": row["campaign_id"],
                    "kind": "query",
                    "serial": row["queries"],
                    "number": result.number,
                    "opened_ms": evidence.started_ms,
                    **kept,
                }
            )
        else:
            attempt.update(kept)
            key = (result.grant, attempt["serial"])
            self._answered[key] = {"grant_id": result.grant, "kind": "send", "serial": attempt["serial"], **kept}
            if Event.NOT_TRIED not in result.events and result.number == row["number"]:
                row["last_try_ms"] = max(row["last_try_ms"] or 0, evidence.ended_ms)
        if result.number == row["number"]:
            row["last_code"], row["last_text"] = evidence.code, evidence.text
            row["list_id"] = evidence.list_id or row["list_id"]

    def _settle_down(
        self,
        row: dict[str, Any],
        before: State,
        result: Result,
        attempt: Mapping[str, Any] | None,
        mine: bool,
        took: Sequence[Event],
    ) -> None:
        """Bring all else in the row into line with the state it came to."""
        state = State(row["state"])
        row["lease_token"] = row["lease_until_ms"] = None
        late = attempt is not None and not mine
        # A late answer that changes nothing leaves the appointments that were made without it.
        if not (late and state is before):
            row["due_ms"], row["look_ms"] = self._appointments(state, result)
            row["hold_reason"] = result.hold_reason
        if Event.NOT_TRIED in took and attempt is not None and row["first_try_ms"] == attempt["slot_ms"]:
            row["first_try_ms"] = None
        row["ended_ms"] = self._now_ms if state in ENDED else None
        day = row["place"] if attempt is None or attempt["slot_ms"] is None else beijing_day(attempt["slot_ms"])
        if result.full and day is not None:
            self._posting.full.add((row["person_id"], row["mch_id"], day))
        if state in _NO_PLACE and row["place"] is not None:
            self._posting.place(row["person_id"], row["mch_id"], row["place"], row["fen"], -1)
            row["place"] = None
        if state is not before and state in _NOTICES:
            self._notices.append(
                {
                    "kind": _NOTICES[state],
                    "grant_id": row["id"],
                    "mch_id": row["mch_id"],
                    "campaign_id": row["campaign_id"],
                    "number": row["number"],
                    "fen": row["fen"],
                    "state": state.value,
                    "at_ms": self._now_ms,
                }
            )

    def _appointments(self, state: State, result: Result) -> tuple[int | None, int | None]:
        """Return when to send and when to query next: nothing open is ever left without either."""
        if state is State.DUE:
            return (self._now_ms if result.due_ms is None else result.due_ms), None
        due_ms = result.due_ms if state is State.UNSURE else None
        look_ms = result.look_ms if state in _FOLLOWED or state is State.NEEDS_PERSON else None
        if state in _FOLLOWED and due_ms is None and look_ms is None:
            look_ms = self._now_ms
        return due_ms, look_ms

    def write(self, session: Session) -> None:
        """Write what changed."""
        session.each("close_attempts", list(self._answered.values()))
        session.each("lose_attempts", list(self._lost.values()))
        session.each("add_queries", self._queries)
        session.each("add_orders", self._orders)
        session.each("keep_grants", [self._grants[grant] for grant in sorted(self._touched)])
        self._posting.write(session)
        session.each("add_notices", self._notices)


def cancel_rest(session: Session, campaign: str, *, count: int) -> int:
    """Cancel grants of which nothing ever left."""
    session.hold(*campaign_home(session, campaign))
    found = session.rows("lock_campaigns", keys=[campaign])
    if not found:
        raise KeyError(campaign)
    ids = [row["id"] for row in session.rows("untried", campaign_id=found[0]["id"], count=count)]
    if not ids:
        return 0
    rows = session.rows("grants", ids=sorted(ids))
    cancelled = [
        Result(grant=GrantId(row["id"]), number=OrderNumber(row["number"]), events=(Event.CANCELLED,)) for row in rows
    ]
    return sum(bool(recorded.took) for recorded in record(session, cancelled))


def campaign_home(session: Session, campaign: str) -> tuple[set[str], set[str]]:
    """Return whose balances a change of this campaign's money touches; none if there is no such campaign."""
    rows = session.rows("campaign_home", key=campaign)
    return {row["mch_id"] for row in rows}, {campaign}
