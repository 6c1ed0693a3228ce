"""Bugs planted on purpose, each into one place: the worlds must find every one of them.

A plant that survives would show that the proof does not look where it says it looks.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from hongbao.channel.wechat import WeChatChannel
from hongbao.clock import SeededDice
from hongbao.engine import issuer, merchants
from hongbao.engine.channel import Answered
from hongbao.engine.merchants import LanePacing
from hongbao.ids import MerchantId, OrderNumber
from hongbao.ledger.grant import Event, State
from hongbao.payout import followup
from hongbao.payout.followup import FollowUp
from hongbao.payout.outcome import Seen, Unsure
from hongbao.payout.packet import Packet
from hongbao.store import lease, record

Plant = Callable[[], Any]


def number_not_saved() -> Any:
    """Each send makes itself a number."""
    dice = SeededDice(5)
    send = WeChatChannel.send

    async def sends(self: WeChatChannel, merchant: MerchantId, packet: Packet) -> Answered:
        return await send(self, merchant, packet.renumbered(OrderNumber(dice.token(28))))

    return mock.patch.object(WeChatChannel, "send", sends)


def new_number_after_not_found() -> Any:
    """NOT_FOUND is taken for FAILED."""
    after_look = followup.after_look

    def judged(sighting: Any, facts: Any, **given: Any) -> FollowUp:
        if sighting.seen is Seen.NOT_FOUND and facts.state is State.UNSURE:
            sighting = replace(sighting, seen=Seen.FAILED)
            facts = replace(facts, last_try_ms=0)
        return after_look(sighting, facts, **given)

    return mock.patch("hongbao.engine.reconciler.after_look", judged)


def timeout_given_up() -> Any:
    """A timeout is taken for a no, and the money released."""
    after_send = followup.after_send

    def judged(outcome: Any, facts: Any, *given: Any, **named: Any) -> FollowUp:
        if isinstance(outcome, Unsure) and facts.state is State.SENDING:
            return FollowUp(events=(Event.GIVEN_UP,))
        return after_send(outcome, facts, *given, **named)

    return mock.patch("hongbao.engine.issuer.after_send", judged)


def request_not_frozen() -> Any:
    """The wording is taken from the template of the moment."""
    dice = SeededDice(5)
    send = WeChatChannel.send

    async def sends(self: WeChatChannel, merchant: MerchantId, packet: Packet) -> Answered:
        word = f"节日快乐{dice.below(3)}"
        fields = tuple((name, word if name == "wishing" else value) for name, value in packet.fields)
        return await send(self, merchant, Packet(packet.endpoint, fields))

    return mock.patch.object(WeChatChannel, "send", sends)


def place_not_freed() -> Any:
    """A place under a person's cap is kept after a definite no."""
    return mock.patch.object(record, "_NO_PLACE", frozenset[State]())


def late_answer_dropped() -> Any:
    """What comes after the lease was lost is thrown away."""
    take = record._Batch.take

    def takes(self: Any, result: Any) -> Any:
        row = self._grants[result.grant]
        if result.serial is not None and result.evidence is not None and row["lease_token"] != result.token:
            return record.Recorded(grant=record.grant_of(row), took=())
        return take(self, result)

    return mock.patch.object(record._Batch, "take", takes)


@contextmanager
def again_at_once() -> Generator[None]:
    """The same number again without the second that WeChat asks for."""
    again = followup._again

    def soon(*given: Any, **named: Any) -> FollowUp:
        return replace(again(*given, **named), send_ms=given[2])

    with mock.patch.object(lease, "SAME_NUMBER_PAUSE_MS", 0), mock.patch.object(followup, "_again", soon):
        yield


@contextmanager
def again_for_ever() -> Generator[None]:
    """The same number again after its days."""
    caps = LanePacing.caps

    def endless(self: LanePacing, merchant: Any) -> Any:
        return replace(caps(self, merchant), reentry_ms=10**13)

    def never(*_: Any) -> bool:
        return False

    with (
        mock.patch.object(LanePacing, "caps", endless),
        mock.patch.object(followup, "is_too_late", never),
        mock.patch.object(issuer, "is_too_late", never),
    ):
        yield


def stop_ignored() -> Any:
    """The brake is drawn and nobody looks."""

    def deaf(merchant: Any, now_ms: int, text: str) -> Any:
        del now_ms, text
        return merchant

    return mock.patch.object(merchants, "stopped", deaf)


@contextmanager
def quiet_hours_ignored() -> Generator[None]:
    """Sending goes on at night."""

    def always(time_ms: int, *, quiet: bool) -> int:
        del quiet
        return time_ms

    with (
        mock.patch("hongbao.payout.pacing.open_from_ms", always),
        mock.patch("hongbao.payout.followup.open_from_ms", always),
        mock.patch("hongbao.engine.issuer.open_from_ms", always),
    ):
        yield


@contextmanager
def pace_ignored() -> Generator[None]:
    """Slots have no distance, and nobody looks at the distance of requests either."""
    with (
        mock.patch.object(merchants, "interval_us", return_value=1),
        mock.patch.object(issuer, "closest_ms", return_value=0),
    ):
        yield


def settle_forgotten() -> Any:
    """A packet was sent, and the books do not hear of it."""
    return mock.patch.object(record, "movements", return_value=())


def notice_lost() -> Any:
    """Nobody is told of a packet that came back."""
    kinds = {state: kind for state, kind in record._NOTICES.items() if state is not State.RETURNED}
    return mock.patch.object(record, "_NOTICES", kinds)


PLANTS: tuple[Plant, ...] = (
    number_not_saved,
    new_number_after_not_found,
    timeout_given_up,
    request_not_frozen,
    place_not_freed,
    late_answer_dropped,
    again_at_once,
    again_for_ever,
    stop_ignored,
    quiet_hours_ignored,
    pace_ignored,
    settle_forgotten,
    notice_lost,
)
