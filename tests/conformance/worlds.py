"""A small world around a store: a clock that stands, one merchant, and short ways to say what happens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hongbao.engine.ports import (
    Answer,
    Campaign,
    CampaignState,
    Caps,
    Claim,
    Evidence,
    Grant,
    Granted,
    Lease,
    Leased,
    Merchant,
    Pace,
    Recorded,
    Result,
)
from hongbao.ids import AppId, CampaignId, GrantId, ListId, MerchantId, OpenId, OrderNumber
from hongbao.ledger.audit import Finding, audit
from hongbao.ledger.grant import Event, State
from hongbao.money import Fen
from hongbao.store.sqlite import SqliteDatabase
from hongbao.store.store import SqlStore

MERCHANT, APPID, CAMPAIGN = "1900000001", "wx0000000000000001", "spring"
PERSON_KEY = b"a key for tests!"
NOON_MS = 1_735_704_000_000
"""2025-01-01 12:00:00 Beijing time."""

LEASE_MS = 30_000


class StandingClock:
    """Shows what it is set to."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


CAPS = Caps(person_packets=10, person_fen=100_000, merchant_fen=100_000_000, reentry_ms=259_200_000)


@dataclass(frozen=True)
class EvenPacing:
    """One slot every `every_ms`, from the end of the last reservation on; caps as given."""

    every_ms: int = 10
    horizon_ms: int = 3_600_000
    capped: Caps = CAPS

    def slots(self, merchant: Merchant, now_ms: int, count: int) -> tuple[int, ...]:
        start = max(now_ms, merchant.pace.second_us // 1000)
        times = (start + i * self.every_ms for i in range(count))
        return tuple(time for time in times if time < now_ms + self.horizon_ms)

    def after(self, merchant: Merchant, now_ms: int, count: int) -> Pace:
        start = max(now_ms, merchant.pace.second_us // 1000)
        return Pace(second_us=(start + count * self.every_ms) * 1000)

    def caps(self, merchant: Merchant) -> Caps:
        return self.capped

    def next_probe_ms(self, merchant: Merchant, now_ms: int) -> int:
        return now_ms + 600_000


def openid(person: int) -> OpenId:
    return OpenId(f"o{person:027d}")


def claim(person: int = 1, occasion: str = "", fen: int = 100, **changes: Any) -> Claim:
    campaign = changes.get("campaign", CAMPAIGN)
    given: dict[str, Any] = {
        "campaign": CampaignId(campaign),
        "openid": openid(person),
        "occasion": occasion,
        "fen": Fen(fen),
        "content": f"{fen}",
        "number": OrderNumber(f"{campaign}X{person}X{occasion}"),
        "frozen": f"request of {person} {occasion}".encode(),
        "due_ms": NOON_MS,
    }
    return Claim(**{**given, **changes})


class World:
    """A store and its clock."""

    def __init__(self, opener: Callable[..., SqlStore], *, grouped: bool) -> None:
        self.clock = StandingClock()
        self._opener = opener
        self._grouped = grouped
        self.store = self.open()
        self._tokens = 0

    @property
    def in_memory(self) -> bool:
        """Whether only this very store can reach the database."""
        database = self.store.database
        return isinstance(database, SqliteDatabase) and database.in_memory

    def open(self, **options: Any) -> SqlStore:
        """Open another store over the same database (not in memory)."""
        return self._opener(**{"clock": self.clock, "grouped": self._grouped, **options})

    def set_up(self, merchant: MerchantId, appid: AppId, campaign: CampaignId, fen: int) -> None:
        self.store.add_merchant(Merchant(merchant=merchant))
        self.store.add_account(merchant, appid)
        self.store.fund(merchant, Fen(fen), f"fund {campaign}")
        self.add_campaign(campaign, fen, merchant=merchant, appid=appid)

    def add_campaign(self, campaign: str, fen: int, **changes: Any) -> CampaignId:
        given: dict[str, Any] = {
            "campaign": CampaignId(campaign),
            "merchant": MerchantId(MERCHANT),
            "appid": AppId(APPID),
            "kind": "batch",
            "state": CampaignState.LIVE,
        }
        self.store.add_campaign(Campaign(**{**given, **changes}))
        if fen:
            self.store.allot(CampaignId(campaign), Fen(fen), f"allot {campaign}")
        return CampaignId(campaign)

    def close(self) -> None:
        self.store.close()

    def grant(self, person: int = 1, occasion: str = "", fen: int = 100, **changes: Any) -> GrantId:
        (answer,) = self.store.intake([claim(person, occasion, fen, **changes)])
        assert isinstance(answer, Granted), answer
        return answer.grant

    def lease(self, count: int = 1, pacing: EvenPacing | None = None, token: str | None = None) -> Lease:
        self._tokens += 1
        return self.store.lease(
            MerchantId(MERCHANT),
            token=token or f"lease {self._tokens}",
            count=count,
            lease_ms=LEASE_MS,
            pacing=pacing or EvenPacing(),
        )

    def leased(self, count: int = 1, **options: Any) -> tuple[Leased, ...]:
        return self.lease(count, **options).grants

    def answer(self, leased: Leased, *events: Event, **changes: Any) -> Recorded:
        """Record an answer to a send: by default it took five milliseconds from the slot on."""
        evidence = Evidence(
            started_ms=leased.slot_ms,
            ended_ms=leased.slot_ms + 5,
            outcome=events[0].value if events else "",
            code="SUCCESS" if Event.SAID_SENT in events else "OTHER",
            list_id=ListId("1000") if Event.SAID_SENT in events else None,
        )
        given: dict[str, Any] = {
            "grant": leased.grant.grant,
            "number": leased.grant.number,
            "events": events,
            "token": leased.token,
            "serial": leased.serial,
            "evidence": evidence,
        }
        return self.store.record([Result(**{**given, **changes})])[0]

    def saw(self, grant: Grant | GrantId, *events: Event, **changes: Any) -> Recorded:
        """Record a query that was made now."""
        found = self.at(grant) if isinstance(grant, int) else grant
        now_ms = self.clock.at_ms
        evidence = Evidence(started_ms=now_ms, ended_ms=now_ms + 5, outcome=events[0].value)
        given: dict[str, Any] = {
            "grant": found.grant,
            "number": found.number,
            "events": events,
            "evidence": evidence,
        }
        return self.store.record([Result(**{**given, **changes})])[0]

    def lose(self, leased: Leased, **changes: Any) -> Recorded:
        given: dict[str, Any] = {
            "grant": leased.grant.grant,
            "number": leased.grant.number,
            "events": (Event.LEASE_LOST,),
            "token": leased.token,
            "serial": leased.serial,
        }
        return self.store.record([Result(**{**given, **changes})])[0]

    def at(self, grant: GrantId) -> Grant:
        found = self.store.grant(grant)
        assert found is not None
        return found

    def states(self) -> dict[State, int]:
        tally = self.store.tally(CampaignId(CAMPAIGN))
        return {state: count.grants for state, count in tally.items() if count.grants}

    def findings(self) -> list[Finding]:
        with self.store.audit() as books:
            return audit(books.transfers(), books.merchants(), books.campaigns(), books.grants())


@contextmanager
def several(world: World, count: int) -> Iterator[Sequence[SqlStore]]:
    """Several stores over one database, as several processes have; in memory all are the same one."""
    if world.in_memory:
        yield [world.store] * count
        return
    stores = [world.open() for _ in range(count)]
    try:
        yield stores
    finally:
        for store in stores:
            store.close()


def granted(answers: Sequence[Answer]) -> int:
    return sum(isinstance(answer, Granted) for answer in answers)
