"""A process that works on a store until it is killed, and says each time what it was told is durable.

Run as: working_process.py DATABASE NAME. It writes one line for each answer, and flushes it: what stands there was
promised.
"""

import sys

from tests.conformance.worlds import CAMPAIGN, MERCHANT, PERSON_KEY, claim

from hongbao.clock import SystemClock
from hongbao.engine.merchants import LanePacing
from hongbao.engine.ports import Evidence, Granted, Result
from hongbao.ids import CampaignId, MerchantId, OrderNumber
from hongbao.ledger.grant import Event
from hongbao.store.opening import open_postgres, open_sqlite


def main(database: str, name: str) -> None:
    """Claim, lease and record for ever."""
    if database.startswith("postgresql:"):
        store = open_postgres(database, person_key=PERSON_KEY)
    else:
        store = open_sqlite(database, clock=SystemClock(), person_key=PERSON_KEY)
    person = 0
    turn = 0
    while True:
        turn += 1
        claims = [
            claim(person + i, name, 1, campaign=CampaignId(CAMPAIGN), number=OrderNumber(f"{name}{person + i}"))
            for i in range(10)
        ]
        person += 10
        for answer in store.intake(claims):
            if isinstance(answer, Granted):
                print("granted", answer.grant, flush=True)
        lease = store.lease(
            MerchantId(MERCHANT), token=f"{name} {turn}", count=10, lease_ms=30_000, pacing=LanePacing()
        )
        for leased in lease.grants:
            print("leased", leased.grant.grant, leased.slot_ms, flush=True)
        results = [
            Result(
                grant=leased.grant.grant,
                number=leased.grant.number,
                events=(Event.SAID_SENT,),
                token=leased.token,
                serial=leased.serial,
                evidence=Evidence(started_ms=lease.now_ms, ended_ms=lease.now_ms, outcome="sent"),
            )
            for leased in lease.grants
        ]
        for recorded in store.record(results):
            print("sent", recorded.grant.grant, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
