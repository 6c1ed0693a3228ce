"""The life of a packet: every pair of state and event, and what a repeat of the number gets in every state."""

from itertools import product

import pytest
from tests.unit.simulator_desk import DAY, HOUR, MCH_ID, NUMBER, OPENID, Desk

from hongbao.errors import BadInput
from hongbao.simulator.packets import LIFE, Event, ForbiddenStep, Packet, Status

# What may follow what, as docs/reference/states.md draws it; everything else is forbidden.
DRAWN = {
    ("SENDING", "held"): "SENDING",
    ("SENDING", "delivered"): "SENT",
    ("SENDING", "closed"): "FAILED",
    ("SENT", "taken"): "SENT",
    ("SENT", "emptied"): "RECEIVED",
    ("SENT", "expired"): "RFUND_ING",
    ("RFUND_ING", "refunded"): "REFUND",
}


def packet(status: Status) -> Packet:
    return Packet(
        serial=1,
        mch_id=MCH_ID,
        number=NUMBER,
        kind="NORMAL",
        appid="a",
        openid=OPENID,
        fen=100,
        people=1,
        payer=MCH_ID,
        listid="1",
        created_ms=0,
        tried_ms=0,
        fields={},
        status=status,
    )


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_every_state_and_event(status: Status, event: Event) -> None:
    """A step of the drawing leads where it says; any other raises and changes nothing."""
    one = packet(status)
    after = DRAWN.get((str(status), str(event)))
    if after is not None:
        one.step(event)
        assert one == packet(Status(after))
    else:
        with pytest.raises(ForbiddenStep):
            one.step(event)
        assert one == packet(status)


def test_the_table_has_no_step_beyond_the_drawing() -> None:
    assert {(str(status), str(event)): str(after) for (status, event), after in LIFE.items()} == DRAWN


def in_state(status: str) -> Desk:
    """A desk whose packet stands in `status`, its cause cured."""
    desk = Desk("2025", balance_fen=0 if status in {"STUCK", "FAILED"} else 1000)
    if status == "PROCESSING":
        desk.world.add_fault("processing", count=1)
    desk.send()
    if status == "RECEIVED":
        desk.world.open_packet(MCH_ID, NUMBER)
    desk.world.top_up(MCH_ID, 1000)
    desk.pass_ms({"FAILED": 3 * DAY, "RFUND_ING": DAY, "REFUND": DAY + 2 * HOUR}.get(status, 1000))
    return desk


@pytest.mark.parametrize(
    ("status", "shown", "answer", "after"),
    [
        ("STUCK", "SENDING", "SUCCESS", "SENT"),
        ("PROCESSING", "SENDING", "PROCESSING", "SENDING"),
        ("FAILED", "FAILED", "SEND_FAILED", "FAILED"),
        ("SENT", "SENT", "SUCCESS", "SENT"),
        ("RECEIVED", "RECEIVED", "SUCCESS", "RECEIVED"),
        ("RFUND_ING", "RFUND_ING", "SUCCESS", "RFUND_ING"),
        ("REFUND", "REFUND", "SUCCESS", "REFUND"),
    ],
)
def test_a_repeat_of_the_number_in_every_state(status: str, shown: str, answer: str, after: str) -> None:
    desk = in_state(status)
    assert desk.query()["status"] == shown
    assert desk.send().code == answer
    assert desk.query()["status"] == after
    assert desk.world.audit() == []


@pytest.mark.parametrize("status", ["STUCK", "PROCESSING", "FAILED", "RECEIVED", "RFUND_ING", "REFUND"])
def test_only_a_sent_packet_can_be_opened(status: str) -> None:
    """Opening in any other state is refused and changes nothing."""
    desk = in_state(status)
    before = desk.packet()
    with pytest.raises(BadInput, match=r"number: a packet that is|openid: has already taken"):
        desk.world.open_packet(MCH_ID, NUMBER)
    assert desk.packet() == before
