"""The channel translates: a frozen packet goes out as it is, and each answer comes back as what it means."""

import asyncio
from typing import Any, TypeVar

import pytest
from tests.factories import API_KEY, APPID, MCH_ID, NUMBER, OPENID, begin, reply

from hongbao.channel.wechat import WeChatChannel
from hongbao.clock import SystemClock
from hongbao.engine.channel import Answered, Looked, Order
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId, OpenId, OrderNumber
from hongbao.merchant import LimitSet
from hongbao.money import Fen
from hongbao.payout.outcome import About, NotTried, Seen, Sent, Sighting
from hongbao.payout.packet import Packet
from hongbao.wechat import Request, xml
from hongbao.wechat.flow import Answer, Failure, Post

R = TypeVar("R")
MCH = MerchantId(MCH_ID)
WORDS = (
    ("act_name", "节日活动"),
    ("client_ip", "192.0.2.10"),
    ("remark", "备注"),
    ("send_name", "示例商户"),
    ("wishing", "节日快乐"),
)


class Canned:
    """A client that is answered always the same, and keeps what it posted."""

    def __init__(self, answer: Answer | Failure, limits: LimitSet | None = None) -> None:
        self.limits = limits or LimitSet()
        self.mch_id = MCH_ID
        self.answer = answer
        self.posts: list[Post] = []

    async def call(self, request: Request[R]) -> R:
        conversation, post = begin(request, hosts=("https://one.example",), limits=self.limits)
        self.posts.append(post)
        try:
            conversation.send(self.answer)
        except StopIteration as end:
            return end.value
        raise AssertionError("it posted again")


def order(**changes: Any) -> Order:
    given: dict[str, Any] = {
        "merchant": MCH,
        "appid": AppId(APPID),
        "campaign": CampaignId("spring"),
        "openid": OpenId(OPENID),
        "fen": Fen(100),
        "number": OrderNumber(NUMBER),
        "kind": "sendredpack",
        "words": WORDS,
    }
    return Order(**{**given, **changes})


def channel(answer: Answer | Failure, limits: LimitSet | None = None) -> tuple[WeChatChannel, Canned]:
    caller = Canned(answer, limits)
    return WeChatChannel({MCH: caller}, SystemClock()), caller


SENT = Answer(
    200,
    reply(
        ("return_code", "SUCCESS"), ("return_msg", "发放成功"), ("result_code", "SUCCESS"), ("err_code", "SUCCESS"),
        ("mch_billno", NUMBER), ("mch_id", MCH_ID), ("wxappid", APPID), ("re_openid", OPENID), ("total_amount", 100),
        ("send_listid", "1000041701202501013000000000001"),
    ),
)  # fmt: skip


def test_a_frozen_packet_goes_out_as_it_was_frozen() -> None:
    """Through JSON and back every field is the same and in its place; only nonce and sign are made anew."""
    ways, caller = channel(SENT)
    packet = ways.freeze(order())
    answered = asyncio.run(ways.send(MCH, Packet.thawed(packet.frozen())))
    assert answered == Answered(Sent(list_id="1000041701202501013000000000001"))
    (post,) = caller.posts
    document = xml.read(post.body)
    assert list(document)[-3:] == ["mch_id", "nonce_str", "sign"]
    assert [(name, str(value)) for name, value in packet.fields] == list(document.items())[:-3]


def test_later_limits_do_not_change_what_is_frozen() -> None:
    """A packet that today's limits would refuse is still sent: its number may have been tried."""
    ways, caller = channel(SENT)
    packet = ways.freeze(order())
    caller.limits = LimitSet().entered(LimitSet().amount_fen_max.as_of, amount_fen_min=1, amount_fen_max=1)
    assert isinstance(asyncio.run(ways.send(MCH, packet)).outcome, Sent)


def test_a_query_names_number_and_account() -> None:
    """gethbinfo calls the account appid."""
    record = reply(
        ("return_code", "SUCCESS"), ("return_msg", "OK"), ("result_code", "SUCCESS"), ("err_code", "SUCCESS"),
        ("mch_billno", NUMBER), ("mch_id", MCH_ID), ("detail_id", "77"), ("status", "SENDING"), ("send_type", "API"),
        ("hb_type", "NORMAL"), ("total_num", 1), ("total_amount", 100), ("reason", "帐号余额不足"),
    )  # fmt: skip
    ways, caller = channel(Answer(200, record))
    looked = asyncio.run(ways.look(MCH, ways.freeze(order())))
    assert looked == Looked(Sighting(seen=Seen.STUCK, list_id="77", fen=100, text="帐号余额不足"))
    asked = xml.read(caller.posts[0].body)
    assert (asked["mch_billno"], asked["appid"], asked["bill_type"]) == (NUMBER, APPID, "MCHT")


@pytest.mark.parametrize(
    ("code", "seen", "about"),
    [
        ("NOT_FOUND", Seen.NOT_FOUND, None),
        ("SYSTEMERROR", Seen.NOTHING, None),
        ("FREQ_LIMIT", Seen.NOTHING, About.PACE),
        ("CA_ERROR", Seen.NOTHING, About.SETUP),
        ("NEW_CODE", Seen.NOTHING, None),
    ],
)
def test_a_query_that_does_not_work_shows_nothing(code: str, seen: Seen, about: About | None) -> None:
    """Only NOT_FOUND says something of the packet; who refuses a query may be the merchant's affair."""
    body = reply(
        ("return_code", "SUCCESS"), ("return_msg", "x"), ("result_code", "FAIL"), ("err_code", code),
        ("err_code_des", "x"),
    )  # fmt: skip
    ways, _ = channel(Answer(200, body))
    sighting = asyncio.run(ways.look(MCH, ways.freeze(order()))).sighting
    assert (sighting.seen, sighting.about) == (seen, about)


def test_another_merchants_client_never_sends() -> None:
    """A packet is frozen without mch_id: only the grant's own merchant may add it."""
    ways, caller = channel(SENT)
    packet = ways.freeze(order())
    caller.mch_id = "1900000009"
    answered = asyncio.run(ways.send(MCH, packet))
    assert isinstance(answered.outcome, NotTried)
    assert caller.posts == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "sendmoney"}, "kind"),
        ({"words": (*WORDS, ("total_amount", "9"))}, "total_amount"),
        ({"words": (*WORDS, ("colour", "red"))}, "words"),
        ({"fen": Fen(1)}, "total_amount"),
        ({"merchant": MerchantId("1900000009")}, "merchant"),
    ],
)
def test_what_cannot_be_sent_is_not_frozen(changes: dict[str, Any], field: str) -> None:
    """A bad order is refused before it becomes a grant."""
    ways, _ = channel(SENT)
    with pytest.raises(BadInput) as refused:
        ways.freeze(order(**changes))
    assert refused.value.field == field


def test_what_is_shown_and_kept_gives_nobody_away() -> None:
    """Neither a packet's repr nor the kept answer holds an openid, a sign or the key."""
    body = reply(
        ("return_code", "SUCCESS"), ("return_msg", "x"), ("result_code", "FAIL"), ("err_code", "NOTENOUGH"),
        ("err_code_des", "x"), ("re_openid", OPENID),
    )  # fmt: skip
    ways, _ = channel(Answer(200, body))
    packet = ways.freeze(order())
    answered = asyncio.run(ways.send(MCH, packet))
    for text in (repr(packet), repr(answered), repr(order()), answered.raw):
        assert OPENID not in text
        assert API_KEY not in text
